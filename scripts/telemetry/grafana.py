"""Dashboards as Grafana reads them, by its own library. What is on them is not known here."""

from typing import Final

from grafana_foundation_sdk.builders import common, stat, timeseries
from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DatasourceVariable,
    QueryVariable,
    Row,
    ThresholdsConfig,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as models
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)

from kilnmark.otel.names import metrics
from kilnmark.otel.names.prometheus import family_of
from scripts.telemetry.panels import Board, Panel, Unit
from scripts.telemetry.promql import INSTANCE

__all__ = ["drawn"]

_SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
_UNITS: Final[dict[Unit, str]] = {
    "s": "s",
    "bytes": "bytes",
    "percentunit": "percentunit",
    "short": "short",
    "per second": "ops",
    "per minute": "opm",
}
_LINES_WIDE, _LINES_HIGH = 8, 8
_NUMBER_WIDE, _NUMBER_HIGH = 4, 4
"""Of the 24 columns of a dashboard."""

AnyPanel = timeseries.Panel | stat.Panel


def drawn(board: Board) -> str:
    """A dashboard's file."""
    made = (
        Dashboard(board.title)
        .uid(board.file)
        .description(board.tells)
        .tags(["kilnmark"])
        .time("now-3h", "now")
        .timezone("browser")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_instances())
    )
    number = 0
    for section in board.sections:
        made.with_row(Row(section.title))
        for panel in section.panels:
            number += 1
            made.with_panel(_panel(panel).id(number))
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def _instances() -> QueryVariable:
    """Which daemons, of those that say something; all at first."""
    return (
        QueryVariable("instance")
        .label("Daemon")
        .datasource(_SOURCE)
        .query(f"label_values({family_of(metrics.WORKER_UP)}, {INSTANCE})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)  # noqa: FBT003 - the library's
        .include_all(True)  # noqa: FBT003 - the library's
        .all_value(".*")
    )


def _panel(panel: Panel) -> AnyPanel:
    drawn = _lines(panel) if panel.form == "lines" else _number(panel)
    drawn = drawn.title(panel.title).description(panel.tells).datasource(_SOURCE).unit(_UNITS[panel.unit]).min(0)
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        drawn = drawn.with_target(Dataquery().ref_id(letter).expr(query.expr).legend_format(query.called).range())
    return drawn


def _lines(panel: Panel) -> AnyPanel:
    lines = (
        timeseries.Panel()
        .span(_LINES_WIDE)
        .height(_LINES_HIGH)
        .line_width(1)
        .fill_opacity(20 if panel.stacked else 5)
        .show_points(models.VisibilityMode.AUTO)
        .legend(common.VizLegendOptions().show_legend(True).placement(models.LegendPlacement.BOTTOM))  # noqa: FBT003
    )
    return lines.stacking(common.StackingConfig().mode(models.StackingMode.NORMAL)) if panel.stacked else lines


def _number(panel: Panel) -> AnyPanel:
    steps = [Threshold(value=None, color="green")]
    if panel.form == "alarm":
        steps.append(Threshold(value=0.5, color="red"))
    return (
        stat.Panel()
        .span(_NUMBER_WIDE)
        .height(_NUMBER_HIGH)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .color_mode(models.BigValueColorMode.BACKGROUND if panel.form == "alarm" else models.BigValueColorMode.VALUE)
        .graph_mode(models.BigValueGraphMode.NONE)
        .no_value("0" if panel.form == "alarm" else "no data")
        .thresholds(ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    )
