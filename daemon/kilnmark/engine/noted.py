"""What the worker measures, kept until the daemon is told: only that exports metrics, so that counts outlive a worker.

Which metrics there are stands in `otel.names`; when something is measured is known to whoever notes it.
"""

import threading
from collections.abc import Mapping

from kilnmark.otel.drops import Drops
from kilnmark.otel.names import CACHE_NAME, CACHE_REQUESTS, CACHE_RESULT, CACHE_SIZE, DROPPED, SIGNAL
from kilnmark.otel.names.definitions import AttributeName, Metric
from kilnmark.protocol.wire.asides import Measurement
from kilnmark.protocol.wire.work import StepSpans

__all__ = ["CacheNotes", "DropNotes", "Notes"]

_NOTHING: Mapping[AttributeName, str] = {}


class Notes:
    """Measurements in the order in which they were made. Every method may be called from any thread.

    Args:
        step_spans: Whether denoise steps are to have spans.
    """

    def __init__(self, step_spans: StepSpans = "off") -> None:
        self.step_spans = step_spans
        self._lock = threading.Lock()
        self._notes: list[Measurement] = []

    def add(self, metric: Metric, value: float, attributes: Mapping[AttributeName, str] = _NOTHING) -> None:
        """Add to a counter, take a value into a histogram, or set a gauge.

        Args:
            metric: Which.
            value: In its unit.
            attributes: Of its own.
        """
        said = {str(name): text for name, text in attributes.items()}
        with self._lock:
            self._notes.append(Measurement(metric=metric.name, value=value, attributes=said))

    def take(self) -> list[Measurement]:
        """All that were made since they were last taken."""
        with self._lock:
            taken, self._notes = self._notes, []
        return taken


class CacheNotes:
    """Notes what each cache was asked for since it was last looked at.

    Args:
        notes: Where it goes.
    """

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._before: dict[str, tuple[int, int]] = {}

    def look(self, name: str, *, hits: int, misses: int, nbytes: int, cache: str) -> None:
        """A cache as it is now.

        Args:
            name: Of the cache itself, of which there may be one for each base.
            hits: So far.
            misses: So far.
            nbytes: It holds.
            cache: Which kind of cache it is.
        """
        hits_before, misses_before = self._before.get(name, (0, 0))
        if hits < hits_before or misses < misses_before:  # another one by the same name
            hits_before = misses_before = 0
        self._before[name] = (hits, misses)
        for result, more in (("hit", hits - hits_before), ("miss", misses - misses_before)):
            if more > 0:
                self._notes.add(CACHE_REQUESTS, more, {CACHE_NAME: cache, CACHE_RESULT: result})
        self._notes.add(CACHE_SIZE, nbytes, {CACHE_NAME: cache})


class DropNotes:
    """Notes the spans of the worker that nobody took since it was last looked at.

    Args:
        notes: Where it goes.
        drops: Of the worker's process.
    """

    def __init__(self, notes: Notes, drops: Drops) -> None:
        self._notes = notes
        self._drops = drops
        self._before = 0

    def look(self) -> None:
        """As it is now."""
        if more := self._drops.of("traces") - self._before:
            self._notes.add(DROPPED, more, {SIGNAL: "traces"})
            self._before += more
