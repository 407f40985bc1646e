"""Queries in the language of Prometheus, written over the definitions: no name of a metric or label stands in one.

What is asked of whom, and how it is shown, is said by alerts and dashboards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kilnmark.otel.names.definitions import AttributeName, Instrument, Metric
from kilnmark.otel.names.prometheus import family_of, label_of

__all__ = ["DASHBOARD", "Asking", "But", "Where"]

INSTANCE: Final = "instance"
"""Prometheus's own label: which daemon."""

_REMEMBERED: Final = "3d"
"""How long a machine may sleep, over a weekend too, until what was counted before counts as new."""


@dataclass(frozen=True)
class But:
    """Every value but these."""

    values: tuple[str, ...]


Where = Mapping[AttributeName, str | Sequence[str] | But]
"""What attributes must be: one value, one of some, or none of some."""


@dataclass(frozen=True)
class Asking:
    """Queries that have something in common.

    Attributes:
        window: Over which a rate is taken where a query does not say another.
        of: A matcher that every selector has, such as `instance=~"$instance"`; empty: of every daemon.
        keep: Prometheus's own labels that every answer keeps.
    """

    window: str
    of: str = ""
    keep: tuple[str, ...] = ()

    def series(self, metric: Metric, where: Where | None = None, part: str = "") -> str:
        """A selector.

        Args:
            metric: Of what.
            where: Only these.
            part: `bucket`, `count` or `sum` of a histogram.

        Raises:
            ValueError: the metric carries no such attribute, or has no such part.
        """
        if bool(part) != (metric.instrument is Instrument.HISTOGRAM):
            raise ValueError(f"{metric.name}: a part is asked of histograms, and of nothing else")
        matchers = [_matcher(_known(metric, name), wanted) for name, wanted in (where or {}).items()]
        matchers += [self.of] if self.of else []
        name = family_of(metric) + (f"_{part}" if part else "")
        return name + ("{" + ",".join(matchers) + "}" if matchers else "")

    def rate(
        self, metric: Metric, by: Sequence[AttributeName] = (), where: Where | None = None, window: str = ""
    ) -> str:
        """How often a second; of a histogram how many values."""
        return self._together(metric, by, f"rate({self._counted(metric, where)}[{window or self.window}])")

    def increase(
        self, metric: Metric, by: Sequence[AttributeName] = (), where: Where | None = None, window: str = ""
    ) -> str:
        """How often within a window."""
        return self._together(metric, by, f"increase({self._counted(metric, where)}[{window or self.window}])")

    def risen(
        self, metric: Metric, by: Sequence[AttributeName] = (), where: Where | None = None, window: str = ""
    ) -> str:
        """How often within a window, with what a series began with: `increase` knows nothing before a first value.

        One that nobody asked for when the window began, as by a machine that slept, goes on from its last value.
        """
        counted = self._counted(metric, where)
        over = window or self.window
        last = f"last_over_time({counted}[{_REMEMBERED}] offset {over})"
        missed = f"({counted} unless {counted} offset {over})"
        risen = f"({counted} unless {last}) or {missed} - {last} > 0 or {missed} < {last}"
        return self._together(metric, by, f"{risen} or increase({counted}[{over}])")

    def spent(self, metric: Metric, by: Sequence[AttributeName] = (), where: Where | None = None) -> str:
        """How much of a histogram's unit a second, all its values together."""
        return self._together(metric, by, f"rate({self.series(metric, where, 'sum')}[{self.window}])")

    def mean(self, metric: Metric, by: Sequence[AttributeName] = (), where: Where | None = None) -> str:
        """The mean of a histogram's values."""
        return f"{self.spent(metric, by, where)} / {self.rate(metric, by, where)}"

    def quantile(
        self, share: float, metric: Metric, by: Sequence[AttributeName] = (), where: Where | None = None
    ) -> str:
        """What so large a share of a histogram's values, 0 to 1, does not exceed."""
        buckets = f"rate({self.series(metric, where, 'bucket')}[{self.window}])"
        return f"histogram_quantile({share:g}, {self._together(metric, by, buckets, more=('le',))})"

    def now(
        self, metric: Metric, by: Sequence[AttributeName] = (), where: Where | None = None, how: str = "sum"
    ) -> str:
        """What it is, all together or the largest."""
        return self._together(metric, by, self.series(metric, where), how)

    def share(self, metric: Metric, where: Where, of: Where | None = None, by: Sequence[AttributeName] = ()) -> str:
        """Which part of some is such, 0 to 1."""
        return f"{self.rate(metric, by, where)} / {self.rate(metric, by, of)}"

    def _together(
        self, metric: Metric, by: Sequence[AttributeName], of: str, how: str = "sum", more: Sequence[str] = ()
    ) -> str:
        labels = ", ".join([*self.keep, *more, *(label_of(_known(metric, name)) for name in by)])
        return f"{how} by ({labels}) ({of})" if labels else f"{how}({of})"

    def _counted(self, metric: Metric, where: Where | None) -> str:
        return self.series(metric, where, "count" if metric.instrument is Instrument.HISTOGRAM else "")


DASHBOARD: Final = Asking("$__rate_interval", f'{INSTANCE}=~"$instance"')
"""Of the daemons that somebody chose, over what is seen of them at a time."""


def _known(metric: Metric, name: AttributeName) -> AttributeName:
    if name not in metric.attributes:
        raise ValueError(f"{metric.name} has no attribute {name}; it has {', '.join(metric.attributes) or 'none'}")
    return name


def _matcher(name: AttributeName, wanted: str | Sequence[str] | But) -> str:
    if isinstance(wanted, str):
        return f'{label_of(name)}="{wanted}"'
    values, operator = (wanted.values, "!~") if isinstance(wanted, But) else (wanted, "=~")
    return f'{label_of(name)}{operator}"{"|".join(values)}"'
