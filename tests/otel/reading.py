"""Metrics of a real provider in this process, read as plain values."""

from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from kilnmark.otel.measures import Measures
from kilnmark.otel.names.definitions import Metric

__all__ = ["Metered"]


@dataclass
class Metered:
    """`Measures`, and what came of them."""

    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)

    def __post_init__(self) -> None:
        self.measures = Measures(MeterProvider([self.reader]).get_meter("kilnmark"))

    @property
    def names(self) -> set[str]:
        return {metric.name for metric in self._all()}

    def of(self, metric: Metric) -> list[tuple[dict[str, Any], float]]:
        """Each value with its attributes; of a histogram, how many there were."""
        return [
            (dict(point.attributes), point.count if hasattr(point, "count") else point.value)
            for found in self._all()
            if found.name == metric.name
            for point in found.data.data_points
        ]

    def _all(self) -> list[Any]:
        data = self.reader.get_metrics_data()
        scopes = [] if data is None else [scope for each in data.resource_metrics for scope in each.scope_metrics]
        return [metric for scope in scopes for metric in scope.metrics]
