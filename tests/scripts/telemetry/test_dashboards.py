"""Dashboards and alerts: made anew from the definitions, whole, and of nothing but what is defined.

Read from the files that are shipped.
"""

import re
from typing import Any

import pytest

from kilnmark.otel.names.metrics import METRICS
from kilnmark.otel.names.prometheus import label_of
from scripts.make_dashboards import DASHBOARDS, files
from scripts.telemetry.alerts import RECORDED
from tests.scripts.telemetry.asked import STORED, THEIRS, dashboards, expressions, grouped, panels, rules, selectors
from tests.telemetry.alerted import CASES


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
