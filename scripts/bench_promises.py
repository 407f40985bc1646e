"""What the benchmarks are held to: the headlines of a run, and what is promised of each.

A promise that is broken makes the run fail; a busy machine can break the narrow ones, so the table says by how much.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kilnmark.otel.names.metrics import METRICS
from tests.benchmarks.figures import Headline, Line

__all__ = [
    "CARD_PROMISES",
    "FAULT_PROMISES",
    "PROMISES",
    "TELEMETRY_PROMISES",
    "Promise",
    "broken",
    "headlines",
    "lacking",
    "promise_rows",
]


class Promise(NamedTuple):
    """Between what a headline has to be; without bounds it is there to compare with."""

    least: float = -math.inf
    most: float = math.inf

    def is_kept(self, value: float) -> bool:
        """NaN keeps none."""
        return self.least <= value <= self.most

    def __str__(self) -> str:
        """Its bounds, in words."""
        if math.isfinite(self.least) and math.isfinite(self.most):
            return f"{self.least:g} to {self.most:g}"
        if math.isfinite(self.least):
            return f"{self.least:g} or more"
        return f"{self.most:g} or less" if math.isfinite(self.most) else "to compare with"


PROMISES: Mapping[str, Promise] = {
    "flip_ms": Promise(most=5.0),
    "cold_switch_speedup_vs_rebuild": Promise(least=50.0),
    "scale_change_vs_cold": Promise(most=0.6),
    "step_4x16_vs_none": Promise(most=1.05),
    "mflux_step_4x16_vs_none": Promise(),
    "throughput_vs_bare_loop": Promise(least=0.98),
    "weigh_8_ms": Promise(most=50.0),
    "survival_ms": Promise(most=50.0),
    "first_vs_tenth": Promise(most=1.1),
    "peak_dev_q8_gib": Promise(most=18.5),
    "fixed_dev_q8_mib": Promise(most=18.0),
    "share_bf16": Promise(least=0.998, most=1.002),
    "share_q8": Promise(least=0.998, most=1.002),
    "share_q4": Promise(least=0.998, most=1.002),
    "fast_error_vs_diffusers": Promise(most=1.1),
    "fast_cosine_min": Promise(least=0.999),
    "float32_inputs_fast": Promise(most=0.0),
    "traces_on_flip": Promise(most=0.0),
    "share_of_steps": Promise(least=0.97),
}

CARD_PROMISES: Mapping[str, Promise] = {
    "step_bf16_ms": Promise(),
    "step_bf16_vs_diffusers_eager": Promise(most=1.10),
    "step_q8_ms": Promise(),
    "step_q4_ms": Promise(),
    "step_4x16_vs_none_bf16": Promise(most=1.10),
    "step_4x16_vs_none_q8": Promise(most=1.10),
    "step_4x16_vs_none_q4": Promise(most=1.10),
    "flip_ms": Promise(most=1.0),
    "traces_on_flip": Promise(most=0.0),
    "first_vs_tenth": Promise(most=1.1),
    "share_of_steps": Promise(least=0.97),
}
"""Of a run on a card."""

FAULT_PROMISES: Mapping[str, Promise] = {
    "kills": Promise(least=200.0),
    "lost": Promise(most=0.0),
    "doubled": Promise(most=0.0),
    "ping_p99_ms": Promise(most=50.0),
    "rss_over_rest_mb": Promise(most=64.0),
    "accept_ms": Promise(most=5.0),
    "accept_p99_ms": Promise(most=20.0),
    "growth_after_100_renders_mb": Promise(most=16.0),
    "load_seconds": Promise(),
    "load_errors": Promise(most=0.0),
    "load_overhead_p99_ms": Promise(),
    "load_growth_mb": Promise(most=16.0),
}
"""Of a run of injected faults."""

TELEMETRY_PROMISES: Mapping[str, Promise] = {
    "spans": Promise(least=50.0),
    "metrics": Promise(least=len(METRICS)),
    "overhead_ratio": Promise(least=0.995),
    "overhead_ratio_dead": Promise(least=0.995),
    "overhead_ratio_hanging": Promise(least=0.995),
    "exit_s": Promise(most=2.0),
    "dashboard_queries": Promise(least=len(METRICS)),
    "empty_queries": Promise(most=0.0),
    "alerts_fired": Promise(least=3.0),
}
"""Of a run whose telemetry goes into real stores."""


def headlines(lines: Sequence[Line], promises: Mapping[str, Promise] = PROMISES) -> dict[str, float | None]:
    """The figures that are asked for by name; None for one that was not measured."""
    known = {line.name: line.value for line in lines if isinstance(line, Headline)}
    return {name: known.get(name) for name in promises}


def lacking(lines: Sequence[Line], promises: Mapping[str, Promise] = PROMISES) -> list[str]:
    """Headlines that were not measured."""
    return [name for name, value in headlines(lines, promises).items() if value is None]


def broken(lines: Sequence[Line], promises: Mapping[str, Promise] = PROMISES) -> list[str]:
    """Headlines that were measured and are not what is promised."""
    found = headlines(lines, promises)
    return [name for name, value in found.items() if value is not None and not promises[name].is_kept(value)]


def promise_rows(lines: Sequence[Line], promises: Mapping[str, Promise] = PROMISES) -> Iterator[tuple[str, ...]]:
    """A row for each headline that was measured: its name, what was found, what is promised, and whether that holds."""
    for name, value in headlines(lines, promises).items():
        if value is not None:
            promise = promises[name]
            yield name, f"{value:.3g}", str(promise), "yes" if promise.is_kept(value) else "NO"
