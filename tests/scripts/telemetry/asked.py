"""What the shipped dashboards and alerts ask of Prometheus, read by a parser of its language that is nobody's here."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
import promql_parser
import yaml

from kilnmark.otel.names.definitions import Metric
from kilnmark.otel.names.metrics import METRICS
from kilnmark.otel.names.prometheus import samples_of
from scripts.make_dashboards import DASHBOARDS
from scripts.telemetry.rules import RULES

__all__ = ["STORED", "THEIRS", "dashboards", "expressions", "grouped", "metrics_asked", "panels", "rules", "selectors"]

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


def metrics_asked() -> set[str]:
    """The metrics that dashboards and alerts are made of, by their own names."""
    names = {selector.name or "" for expr in expressions().values() for selector in selectors(expr)}
    return {STORED[name].name for name in names if name in STORED}
