"""The metrics of a run in a real store: every query of the dashboards has an answer, every alert that should fires."""

import pytest

from kilnmark.otel.names.metrics import METRICS
from kilnmark.otel.names.prometheus import samples_of
from scripts.telemetry.alerts import ALERTS
from scripts.telemetry.answers import wait_until
from tests.benchmarks.figures import Headline, tell
from tests.scripts.telemetry.asked import dashboards, panels
from tests.telemetry.conftest import Told

pytestmark = pytest.mark.telemetry

MUST_FIRE = {"KilnmarkDeadAdapter", "KilnmarkFarmDeadLetters", "KilnmarkPartialAdapter", "KilnmarkWorkerLost"}
"""A dead one, a job that a farm lost, a half dead one, and a worker that was killed."""

VIEW = {"$__rate_interval": "1m", "$__range": "15m", "$instance": ".*"}
"""What Grafana puts in, for somebody who looks at the last quarter of an hour."""


WATCHED = 900.0
"""That quarter, in seconds."""


def queries() -> dict[str, str]:
    """All that dashboards ask, by where it stands."""
    asked = {}
    for name, board in dashboards().items():
        for panel in panels(board):
            for target in panel["targets"]:
                expr = target["expr"]
                for variable, value in VIEW.items():
                    expr = expr.replace(variable, value)
                asked[f"{name}: {panel['title']} {target['refId']}"] = expr
    return asked


def test_the_alerts_of_what_went_wrong_fire_and_no_others(told: Told) -> None:
    wait_until(lambda: told.metrics.firing() >= MUST_FIRE, f"alerts {sorted(MUST_FIRE)}")
    firing = told.metrics.firing()
    assert firing == MUST_FIRE
    tell(Headline(name="alerts_fired", value=len(firing)))


def test_the_expression_of_the_alert_for_dead_adapters_tells_how_many_there_were(told: Told) -> None:
    (expr,) = [alert.expr for alert in ALERTS if alert.name == "KilnmarkDeadAdapter"]
    answers = told.metrics.query(expr)
    assert {each.labels["render_lora_verdict"] for each in answers} == {"noop"}
    assert answers[0].value >= 2


def test_every_query_of_every_dashboard_has_an_answer(told: Told) -> None:
    empty = [where for where, expr in queries().items() if not told.metrics.has_shown(expr, WATCHED)]
    tell(Headline(name="dashboard_queries", value=len(queries())))
    tell(Headline(name="empty_queries", value=len(empty)))
    assert empty == []


def test_every_metric_of_the_definitions_is_stored(told: Told) -> None:
    names = set(told.metrics.names())
    tell(Headline(name="metrics", value=sum(samples_of(metric)[0] in names for metric in METRICS)))
    assert [metric.name for metric in METRICS if not set(samples_of(metric)) <= names] == []
