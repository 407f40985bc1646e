"""Dashboards and alerts: made anew from the definitions, whole, and of nothing but what is defined.

Read from the files that are shipped, by a parser of their language that is nobody's here.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
import promql_parser
import pytest
import yaml

from kilnmark.otel.names.definitions import Metric
from kilnmark.otel.names.metrics import METRICS
from kilnmark.otel.names.prometheus import label_of, samples_of
from scripts.make_dashboards import DASHBOARDS, files
from scripts.telemetry.alerts import RECORDED
from scripts.telemetry.rules import RULES
from tests.telemetry.alerted import CASES

VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$instance": ".*"}
"""What Grafana puts in, by something that it could put in."""

THEIRS = {"instance", "job", "le"}
"""Labels that Prometheus gives by itself."""

STORED: Mapping[str, Metric] = {sample: metric for metric in METRICS for sample in samples_of(metric)}


@cache
def dashboards() -> Mapping[str, Any]:
    return {path.stem: msgspec.json.decode(path.read_bytes()) for path in sorted(DASHBOARDS.glob("*.json"))}


@cache
def rules() -> list[Any]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels(board: Any) -> Iterator[Any]:
    return (panel for panel in board["panels"] if panel["type"] != "row")


def expressions() -> dict[str, str]:
    """All that is asked of Prometheus, by who asks."""
    asked = {rule.get("alert") or rule["record"]: rule["expr"] for rule in rules()}
    for name, board in dashboards().items():
        for panel in panels(board):
            for target in panel["targets"]:
                asked[f"{name}: {panel['title']} {target['refId']}"] = target["expr"]
    return asked


def parsed(expr: str) -> promql_parser.Expr:
    for variable, value in VARIABLES.items():
        expr = expr.replace(variable, value)
    return promql_parser.parse(expr)


def selectors(expr: str) -> list[promql_parser.VectorSelector]:
    """Every series that an expression asks for."""
    found: list[promql_parser.VectorSelector] = []

    def visit(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        elif isinstance(node, promql_parser.MatrixSelector):
            found.append(node.vector_selector)
        return True

    promql_parser.walk(parsed(expr), visit)
    assert found, expr
    return found


def grouped(expr: str) -> set[str]:
    """The labels that its answers are told apart by."""
    return {label.strip() for labels in re.findall(r"\bby \(([^)]*)\)", expr) for label in labels.split(",")}


def test_the_files_are_those_that_the_definitions_come_to() -> None:
    stale = [path.name for path, text in files().items() if not path.exists() or path.read_text() != text]
    assert stale == [], "python -m scripts.make_dashboards"
    assert {path.stem for path in DASHBOARDS.iterdir()} == {path.stem for path in files() if path.suffix == ".json"}


def test_all_that_is_asked_is_defined_with_every_label_that_it_is_asked_by() -> None:
    recorded = {each.name for each in RECORDED.values()}
    for who, expr in expressions().items():
        labels = THEIRS.copy()
        for selector in selectors(expr):
            name = selector.name or ""
            assert name in STORED or name in recorded, who
            known = {label_of(attribute) for attribute in STORED[name].attributes} if name in STORED else set()
            assert {matcher.name for matcher in selector.matchers.matchers} <= known | THEIRS, who
            labels |= known
        assert grouped(expr) <= labels, who


def test_every_metric_is_on_a_dashboard() -> None:
    shown = {
        STORED[selector.name or ""].name
        for board in dashboards().values()
        for panel in panels(board)
        for target in panel["targets"]
        for selector in selectors(target["expr"])
    }
    assert shown == {metric.name for metric in METRICS}


def test_every_panel_says_what_it_shows_and_every_legend_has_labels_that_are_there() -> None:
    for board in dashboards().values():
        for panel in panels(board):
            assert panel["title"], panel
            assert panel["description"], panel["title"]
            for target in panel["targets"]:
                told = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
                assert told <= grouped(target["expr"]), panel["title"]


def test_panels_of_a_dashboard_have_ids_and_places_of_their_own() -> None:
    for board in dashboards().values():
        all_of_it = board["panels"]
        numbers = [panel["id"] for panel in panels(board)]
        assert len(set(numbers)) == len(numbers)
        places = [tuple(panel["gridPos"][side] for side in "xy") for panel in all_of_it]
        assert len(set(places)) == len(places)


def test_every_alert_has_something_that_it_fires_for_and_something_that_it_does_not() -> None:
    there = {rule["alert"] for rule in rules() if "alert" in rule}
    assert {case.alert for case in CASES if case.fires is not None} == there
    assert {case.alert for case in CASES if case.fires is None} == there


@pytest.mark.parametrize("alert", [rule for rule in rules() if "alert" in rule], ids=lambda rule: rule["alert"])
def test_an_alert_says_how_urgent_it_is_of_which_daemon_and_what_to_do(alert: Any) -> None:
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert alert["annotations"]["description"]
    told = set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["summary"]))
    kept = grouped(alert["expr"]) | ({"job", "instance"} if "kilnmark:render_failures" in alert["expr"] else set())
    assert told <= kept
    assert "instance" in told or alert["alert"] == "KilnmarkNoData"
