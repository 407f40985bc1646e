"""The names that Prometheus has for ours: what OpenTelemetry's exporters make of a metric's name, unit and attributes.

Written after the compatibility chapter of OpenTelemetry's specification; a test holds it to what a real exporter
shows. Queries are not written here.
"""

import re
from typing import Final

from kilnmark.otel.names.definitions import Instrument, Metric

__all__ = ["family_of", "label_of", "samples_of"]

_OTHERS: Final = re.compile(r"[^a-zA-Z0-9:]+")
_COUNTED: Final = re.compile(r"\{.*\}")
_UNITS: Final = {"s": "seconds", "ms": "milliseconds", "By": "bytes", "%": "percent"}


def family_of(metric: Metric) -> str:
    """The name of a metric as its page describes it; of a histogram each sample has an ending more.

    Raises:
        ValueError: its unit is one that exporters name in two ways, or that nobody here has a name for.
    """
    unit = _COUNTED.sub("", metric.unit)
    if unit and unit not in _UNITS:
        problem = f"{metric.name}: no name is known that every exporter gives the unit {metric.unit!r}"
        raise ValueError(problem)
    name = _OTHERS.sub("_", metric.name)
    ending = _UNITS.get(unit, "")
    if ending and not name.endswith(f"_{ending}"):
        name = f"{name}_{ending}"
    return f"{name}_total" if metric.instrument is Instrument.COUNTER else name


def samples_of(metric: Metric) -> tuple[str, ...]:
    """The names of everything that is stored of a metric."""
    family = family_of(metric)
    if metric.instrument is Instrument.HISTOGRAM:
        return tuple(f"{family}_{part}" for part in ("bucket", "count", "sum"))
    return (family,)


def label_of(attribute: str) -> str:
    """The label that an attribute becomes."""
    return _OTHERS.sub("_", attribute)
