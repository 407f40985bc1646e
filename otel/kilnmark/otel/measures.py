"""What is measured, on its way to an instrument: each metric of `names`, with the attributes that it may carry.

Whoever measures is given a `Measures`, as a tracer is given to whoever traces. Without a provider it costs next to
nothing. What is measured, and when, is known to whoever calls; how it leaves the process, to `setup`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Meter, NoOpMeter, Observation

from kilnmark.otel.drops import Drops
from kilnmark.otel.names.definitions import AttributeName, Instrument, Metric

__all__ = ["Measured", "Measures", "Observed"]

Measured = Mapping[AttributeName, str]
"""Attributes of a value: names of the metric's own, none where a value has none of it."""

Observed = Iterable[tuple[float, Measured]]
"""Values with their attributes, as they are at the moment."""

_NOTHING: Measured = {}


class Measures:
    """The instruments of one process, made as they are needed.

    Args:
        meter: That they are of; None: nothing is kept.
        drops: What nobody took of this process's telemetry, whether or not metrics leave it.
    """

    def __init__(self, meter: Meter | None = None, drops: Drops | None = None) -> None:
        self.drops = drops or Drops()
        self._meter = meter or NoOpMeter("kilnmark")
        self._instruments: dict[str, Any] = {}

    @property
    def is_on(self) -> bool:
        """Whether anybody keeps what is measured."""
        return not isinstance(self._meter, NoOpMeter)

    def count(
        self, metric: Metric, amount: float = 1, attributes: Measured = _NOTHING, context: Context | None = None
    ) -> None:
        """Add to a counter.

        Args:
            metric: A counter, or one that goes down again, too.
            amount: In the metric's unit.
            attributes: Of the metric's own names.
            context: Of the span that it belongs to, which becomes its exemplar; None: the current one.

        Raises:
            ValueError: It is no counter, or may not carry an attribute.
        """
        self._instrument(metric, Instrument.COUNTER, Instrument.UP_DOWN).add(
            amount, _checked(metric, attributes), context
        )

    def record(
        self, metric: Metric, value: float, attributes: Measured = _NOTHING, context: Context | None = None
    ) -> None:
        """Take a value into a histogram, or set a gauge. Arguments and errors are those of `count`."""
        instrument = self._instrument(metric, Instrument.HISTOGRAM, Instrument.GAUGE)
        take = instrument.record if metric.instrument is Instrument.HISTOGRAM else instrument.set
        take(value, _checked(metric, attributes), context)

    def observe(self, metric: Metric, look: Callable[[], Observed]) -> None:
        """Have a gauge, or a counter's whole count, looked at whenever it is wanted, from a thread of its own.

        Args:
            metric: A gauge or a counter; once in a process.
            look: Gives its values; it must not wait, and it must not raise.

        Raises:
            ValueError: It is neither, or in use already.
        """
        made = {Instrument.GAUGE: "create_observable_gauge", Instrument.COUNTER: "create_observable_counter"}
        if metric.instrument not in made or metric.name in self._instruments:
            problem = f"{metric.name} is a {metric.instrument}, or in use already"
            raise ValueError(problem)

        def observed(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(value, _checked(metric, attributes)) for value, attributes in look()]

        create = getattr(self._meter, made[metric.instrument])
        self._instruments[metric.name] = create(metric.name, [observed], metric.unit, metric.meaning)

    def _instrument(self, metric: Metric, *wanted: Instrument) -> Any:
        made = self._instruments.get(metric.name)
        if metric.instrument not in wanted:
            problem = f"{metric.name} is a {metric.instrument}"
            raise ValueError(problem)
        if made is None:
            made = self._instruments[metric.name] = self._made(metric)
        return made

    def _made(self, metric: Metric) -> object:
        meter, named = self._meter, (metric.name, metric.unit, metric.meaning)
        match metric.instrument:
            case Instrument.COUNTER:
                return meter.create_counter(*named)
            case Instrument.UP_DOWN:
                return meter.create_up_down_counter(*named)
            case Instrument.GAUGE:
                return meter.create_gauge(*named)
            case Instrument.HISTOGRAM:
                return meter.create_histogram(*named, explicit_bucket_boundaries_advisory=list(metric.buckets))


def _checked(metric: Metric, attributes: Measured) -> Mapping[str, str]:
    if unknown := attributes.keys() - set(metric.attributes):
        problem = f"{metric.name} does not carry {', '.join(sorted(unknown))}"
        raise ValueError(problem)
    return {str(name): value for name, value in attributes.items()}
