"""What was made and nobody took: spans, points and lines that a full queue, or a collector that is gone, cost.

What a full queue cost the SDK counts itself, as `otel.sdk.processor.*.processed` with an `error.type` (its conventions
for SDKs, in development). It is given a meter here that keeps those counts and nothing else, so that they are known
whether or not metrics leave the process. Its count of what exporters delivered has no error where a collector answered
with one, so that what comes of each export is looked at here.
"""

import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry.metrics import Counter as ApiCounter
from opentelemetry.metrics import Meter, NoOpCounter, NoOpMeter, NoOpMeterProvider

from kilnmark.otel.names.semconv import ERROR_TYPE
from kilnmark.otel.settings import ALL_SIGNALS, Signal

__all__ = ["CountedExporter", "Drops"]

_SWITCH: Final = "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"

_ITEMS: Final[Mapping[str, Signal]] = {"span": "traces", "metric_data_point": "metrics", "log": "logs"}


class Drops:
    """What was dropped so far in this process, by signal."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Signal] = Counter()
        self.provider = _Provider(self)

    def of(self, signal: Signal) -> int:
        """How many of one signal."""
        with self._lock:
            return self._counts[signal]

    @property
    def all(self) -> int:
        """How many together."""
        return sum(map(self.of, ALL_SIGNALS))

    def add(self, signal: Signal, amount: int) -> None:
        """So many more."""
        with self._lock:
            self._counts[signal] += amount

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Processors and exporters that are made in the block count what they drop."""
        before = os.environ.get(_SWITCH)
        os.environ[_SWITCH] = "true"
        try:
            yield
        finally:
            if before is None:
                del os.environ[_SWITCH]
            else:
                os.environ[_SWITCH] = before


class CountedExporter:
    """An exporter of the SDK's, of which is counted what it could not deliver.

    Args:
        exporter: It.
        signal: What it exports.
        drops: Counts what it does not.
    """

    def __init__(self, exporter: Any, signal: Signal, drops: Drops) -> None:
        self._exporter = exporter
        self._signal = signal
        self._drops = drops

    def export(self, batch: Any, *args: Any, **kwargs: Any) -> Any:
        """As the exporter's own."""
        taken = False
        try:
            result = self._exporter.export(batch, *args, **kwargs)
            taken = result.name == "SUCCESS"
            return result
        finally:
            if not taken:
                self._drops.add(self._signal, _size(batch))

    def __getattr__(self, name: str) -> Any:
        """All else of the exporter is its own."""
        return getattr(self._exporter, name)


def _size(batch: Any) -> int:
    """Spans and lines come as such, metrics as a tree with points for leaves."""
    if not hasattr(batch, "resource_metrics"):
        return len(batch)
    return sum(
        len(metric.data.data_points)
        for of_process in batch.resource_metrics
        for of_library in of_process.scope_metrics
        for metric in of_library.metrics
    )


class _Provider(NoOpMeterProvider):
    def __init__(self, drops: Drops) -> None:
        self._drops = drops

    def get_meter(self, name: str, *args: Any, **kwargs: Any) -> Meter:  # noqa: ARG002 - the base class's
        return _Meter(name, self._drops)


class _Meter(NoOpMeter):
    def __init__(self, name: str, drops: Drops) -> None:
        super().__init__(name)
        self._drops = drops

    def create_counter(self, name: str, unit: str = "", description: str = "") -> ApiCounter:
        parts: Sequence[str] = name.split(".")
        signal = _ITEMS.get(parts[3]) if len(parts) == len(("otel", "sdk", "processor", "span", "processed")) else None
        if signal is None or parts[-1] != "processed":
            return super().create_counter(name, unit, description)
        return _Count(name, self._drops, signal)


class _Count(NoOpCounter):
    def __init__(self, name: str, drops: Drops, signal: Signal) -> None:
        super().__init__(name)
        self._drops = drops
        self._signal = signal

    def add(self, amount: float, attributes: Mapping[str, Any] | None = None, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        if attributes and ERROR_TYPE in attributes:
            self._drops.add(self._signal, int(amount))
