"""What the daemon measures: how renders end, how long they wait, what the worker told, and how everything stands.

The one place that knows which fact becomes which metric, as `spans` does for traces. Who ends jobs and hears the worker
calls it; nothing is exported here.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, get_args

from kilnmark.daemon.jobs.jobs import Job
from kilnmark.daemon.spans import outcome_word, source_word
from kilnmark.daemon.worker.ends import WorkerState
from kilnmark.otel import names
from kilnmark.otel.carrier import context_from
from kilnmark.otel.measures import Measures
from kilnmark.otel.names.definitions import AttributeName, Instrument
from kilnmark.protocol.picture.catalog import PRIORITIES, VARIANTS, Priority
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.asides import Measurement, Noted
from kilnmark.protocol.wire.errors import RequestError
from kilnmark.protocol.wire.jobs import QueueInfo
from kilnmark.protocol.wire.memory import MemoryInfo
from kilnmark.protocol.wire.replies import RenderResult
from kilnmark.protocol.wire.status import CacheInfo

__all__ = ["LOOK_EVERY", "Glance", "Measuring"]

LOOK_EVERY = 1.0
"""Seconds between two looks at how everything stands."""

OTHER = "other"
"""The variant of a base that is none of ours, such as a directory: there may be any number of those."""

_METRICS = {metric.name: metric for metric in names.METRICS}
_ATTRIBUTES = {str(each): each for metric in names.METRICS for each in metric.attributes}

_Said = dict[AttributeName, str]


class Glance(NamedTuple):
    """How a daemon stands at one moment.

    Attributes:
        queue: In numbers.
        oldest: How long the eldest job that waits has waited, in seconds; 0 where none waits.
        worker: The state of the worker.
        connections: Clients that are connected.
        memory: The worker's; None while there is no worker that could tell.
        pictures: The picture cache.
    """

    queue: QueueInfo
    oldest: float
    worker: WorkerState
    connections: int
    memory: MemoryInfo | None
    pictures: CacheInfo


class Measuring:
    """Turns what happens in a daemon into metrics.

    Args:
        measures: Where they go.
    """

    def __init__(self, measures: Measures | None = None) -> None:
        self._measures = measures or Measures()
        self._look: Callable[[], Glance] | None = None
        self._next: asyncio.TimerHandle | None = None

    def waited(self, priority: Priority, seconds: float) -> None:
        """The worker got a job's render."""
        self._measures.record(names.QUEUE_WAIT, seconds, {names.RENDER_PRIORITY: priority})

    def ended(
        self,
        job: Job,
        outcome: RenderResult | RequestError,
        reports: Sequence[AdapterReport] | None,
        *,
        seconds: float,
        traceparent: str | None,
    ) -> None:
        """A job has ended.

        Args:
            job: As it ended.
            outcome: With what.
            reports: What its adapters did, as far as that is known; None: another job of its render told that already.
            seconds: Since it was accepted.
            traceparent: Of its span.
        """
        command, context = job.facts.command, context_from(traceparent)
        variant, source = _variant(command.variant), source_word(outcome, job.shared_with)
        failure: _Said = {names.ERROR_TYPE: outcome.kind} if isinstance(outcome, RequestError) else {}
        tier: _Said = {names.RENDER_TIER: command.tier} if command.tier else {}
        said = {**tier, names.RENDER_VARIANT: variant}
        how: _Said = {names.RENDER_OUTCOME: outcome_word(outcome), names.RENDER_SOURCE: source}
        measures = self._measures
        measures.record(names.RENDER_DURATION, seconds, {**said, **how, **failure}, context)
        model: _Said = {
            names.GEN_AI_OPERATION_NAME: "generate_content",
            names.GEN_AI_PROVIDER_NAME: "kilnmark",
            names.GEN_AI_REQUEST_MODEL: variant,
        }
        measures.record(names.GEN_AI_DURATION, seconds, {**model, **failure}, context)
        if job.facts.may_share and not isinstance(outcome, RequestError) and source != "shared":
            found: _Said = {names.CACHE_NAME: "picture", names.CACHE_RESULT: "hit" if outcome.cached else "miss"}
            measures.count(names.CACHE_REQUESTS, 1, found)
        if source == "cached" or reports is None:
            return
        for report in reports:
            measures.count(names.ADAPTERS, 1, {**tier, names.LORA_VERDICT: report.verdict.value}, context)
        if isinstance(outcome, RenderResult):
            measures.record(names.PAINTING_DURATION, outcome.timings.painting_ms / 1000, said, context)
            measures.count(names.IMAGES, 1, said)
            measures.count(names.IMAGE_PIXELS, outcome.width * outcome.height, {names.RENDER_VARIANT: variant})

    def noted(self, event: Noted) -> None:
        """The worker told what it measured."""
        context = context_from(event.traceparent)
        for note in event.notes:
            metric = _METRICS[note.metric]
            if metric is names.DROPPED:
                self._measures.drops.add("traces", int(note.value))  # which is looked at, as the daemon's own are
                continue
            take = self._measures.count if metric.instrument is Instrument.COUNTER else self._measures.record
            take(metric, note.value, _named(note), context)

    def refused(self, kind: str) -> None:
        """A request, or a connection, was not taken; `kind` is that of its error."""
        self._measures.count(names.REJECTED, 1, {names.REASON: kind})

    def answered(self, method: str, seconds: float, error: RequestError | None) -> None:
        """A call of the wire was answered; `method` is one of ours, or empty."""
        said: _Said = {names.RPC_SYSTEM: "jsonrpc", names.RPC_METHOD: method or "_OTHER"}
        if error is not None:
            said |= {names.RPC_STATUS_CODE: str(error.code), names.ERROR_TYPE: error.kind}
        self._measures.record(names.RPC_DURATION, seconds, said)

    def journal_written(self, seconds: float, problem: str) -> None:
        """A commit of the journal took so long; `problem` is the class of its error, empty where it is on disk."""
        self._measures.record(names.JOURNAL_DURATION, seconds, {names.ERROR_TYPE: problem} if problem else {})

    def replaced(self, reason: str) -> None:
        """Another worker takes over, from one that was `lost` or is `recycled`."""
        self._measures.count(names.WORKER_RESTARTS, 1, {names.REASON: reason})

    def begin(self, look: Callable[[], Glance]) -> None:
        """Look at how everything stands, now and from time to time; nobody does where no metrics are kept.

        Args:
            look: Tells; called on the loop.
        """
        if self._measures.is_on:
            self._look = look
            self._look_on()

    def end(self) -> None:
        """Look no more."""
        if self._next is not None:
            self._next.cancel()

    def _look_on(self) -> None:
        self._next = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look_on)  # whatever comes of this one
        if self._look is not None:
            self.tell(self._look())

    def tell(self, glance: Glance) -> None:
        """Set every gauge to how things stand."""
        record = self._measures.record
        for priority in PRIORITIES:
            record(names.QUEUE_DEPTH, getattr(glance.queue, priority), {names.RENDER_PRIORITY: priority})
        record(names.QUEUE_AGE, glance.oldest)
        record(names.RENDERS_RUNNING, glance.queue.running)
        record(names.CONNECTIONS, glance.connections)
        record(names.CACHE_SIZE, glance.pictures.bytes, {names.CACHE_NAME: "picture"})
        for state in get_args(WorkerState):
            record(names.WORKER_UP, float(state == glance.worker), {names.WORKER_STATE: state})
        for state, size in _memory(glance.memory):
            record(names.MEMORY, size, {names.MEMORY_STATE: state})
        if (memory := glance.memory) is not None:
            record(names.WORKER_MEMORY, memory.active_bytes + memory.cached_bytes + memory.other_bytes)


def _memory(memory: MemoryInfo | None) -> Iterable[tuple[str, int]]:
    """Without a worker nothing is held."""
    active, cached = (0, 0) if memory is None else (memory.active_bytes, memory.cached_bytes)
    peak = 0 if memory is None else max((base.peak_bytes for base in memory.bases), default=0)
    return ("active", active), ("cache", cached), ("peak", peak)


def _variant(variant: str) -> str:
    return variant if variant in VARIANTS else OTHER


def _named(note: Measurement) -> Mapping[AttributeName, str]:
    return {_ATTRIBUTES[name]: value for name, value in note.attributes.items()}
