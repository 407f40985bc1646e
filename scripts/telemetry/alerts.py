"""What wakes somebody, and what waits for the morning: every alert over the definitions, as rules for Prometheus.

A counter whose first value is more than none has never risen for Prometheus: what must not be missed asks for such
beginnings too. How rules are written down is not known here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from kilnmark.otel.names import attributes as of
from kilnmark.otel.names import farm, farm_metrics, metrics, semconv
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.errors import (
    InternalError,
    JobTimedOut,
    JournalFailed,
    NoWorker,
    QueueFull,
    RenderFailed,
    StorageFailed,
    WorkerLost,
)
from scripts.telemetry.promql import Asking, But

__all__ = ["ALERTS", "RECORDED", "Alert", "Recorded"]

Severity = Literal["page", "ticket"]
"""Whether somebody is woken, or finds it in the morning."""

OURS: Final = tuple(
    error.kind
    for error in (InternalError, RenderFailed, WorkerLost, JobTimedOut, StorageFailed, JournalFailed, NoWorker)
)
"""Failures that are not for the caller to mend."""

BUDGET: Final = 0.01
"""Share of the renders that may fail so."""


@dataclass(frozen=True)
class Recorded:
    """A series that Prometheus computes and keeps, since several alerts ask for it."""

    name: str
    expr: str


@dataclass(frozen=True)
class Alert:
    """One alert.

    Attributes:
        when: That it fires, in a sentence.
        holds: How long its expression must hold before it fires.
        summary: One line; `$labels` in braces are filled in by Prometheus.
        mend: What to do.
    """

    name: str
    when: str
    expr: str
    severity: Severity
    summary: str
    mend: str
    holds: str = "0m"


_ASK: Final = Asking("5m", keep=("job", "instance"))
"""Of each daemon by itself, as Prometheus knows them."""

_FAILED: Final = {semconv.ERROR_TYPE: OURS}
_LOST: Final = {of.REASON: "lost"}
_REFUSED: Final = {of.REASON: (QueueFull.kind, JournalFailed.kind, NoWorker.kind)}
_ENDED: Final = {of.RENDER_OUTCOME: But(("cancelled",))}
_DEAD: Final = {farm.FARM_STATE: "dead"}
_WAITING: Final = {farm.FARM_WORK_STATE: "waiting"}
_GONE: Final = {farm.FARM_NODE_STATE: "lost"}
_TAKING: Final = {farm.FARM_NODE_STATE: ("idle", "working")}


def _failures(window: str) -> Recorded:
    failed, ended = (_ASK.rate(metrics.RENDER_DURATION, where=where, window=window) for where in (_FAILED, _ENDED))
    return Recorded(f"kilnmark:render_failures:ratio_rate{window}", f"{failed}\n/\n{ended}")


RECORDED: Final[Mapping[str, Recorded]] = {window: _failures(window) for window in ("5m", "30m", "1h", "6h", "3d")}
"""Share of the renders that failed by no fault of their callers, by window."""


def _burning(factor: float, long: str, short: str) -> str:
    """The budget burns so many times too fast, still does, and more than one render has failed.

    After chapter 5 of the "Site Reliability Workbook": a long window for what counts, a short one for an end.
    """
    bound = f"{factor * BUDGET:g}"
    failed = _ASK.risen(metrics.RENDER_DURATION, where=_FAILED, window=long)
    return f"{RECORDED[long].name} > {bound}\nand\n{RECORDED[short].name} > {bound}\nand\n{failed} > 1"


ALERTS: Final[Sequence[Alert]] = (
    Alert(
        "KilnmarkDeadAdapter",
        "Within a quarter of an hour an adapter of a render changed nothing, or was refused.",
        _ASK.risen(metrics.ADAPTERS, (of.LORA_VERDICT,), {of.LORA_VERDICT: (Verdict.NOOP, Verdict.REFUSED)}, "15m")
        + " > 0",
        "page",
        "An adapter of a render on {{ $labels.instance }} was dead: {{ $labels.render_lora_verdict }}",
        "`kilnmark jobs` shows which renders; `kilnmark jobs ID` says of each adapter why. docs/lora-does-nothing.md "
        "goes through the reasons. In a trace store: render.lora.verdict is noop or refused.",
    ),
    Alert(
        "KilnmarkPartialAdapter",
        "Within a quarter of an hour an adapter changed only a part of what it should.",
        _ASK.risen(metrics.ADAPTERS, where={of.LORA_VERDICT: Verdict.PARTIAL}, window="15m") + " > 0",
        "ticket",
        "An adapter of a render on {{ $labels.instance }} changed only a part of what it should",
        "`kilnmark jobs ID` tells how many of its keys matched; `kilnmark lora inspect FILE` names those that did not.",
    ),
    Alert(
        "KilnmarkQueueOld",
        "The eldest job has waited for a quarter of an hour, and does for five minutes more.",
        _ASK.now(metrics.QUEUE_AGE, how="max") + " > 900",
        "ticket",
        "The eldest job on {{ $labels.instance }} has waited for {{ $value | humanizeDuration }}",
        "`kilnmark status` shows what is painted and what waits. Batches that may wait belong into priority low.",
        "5m",
    ),
    Alert(
        "KilnmarkQueueStuck",
        "Jobs wait, and for twenty minutes no step was done and no render ended.",
        f"{_ASK.now(metrics.QUEUE_DEPTH)} > 0\n"
        f"unless\n{_ASK.risen(metrics.STEPS, window='10m')} > 0\n"
        f"unless\n{_ASK.risen(metrics.RENDER_DURATION, window='10m')} > 0",
        "page",
        "Jobs wait on {{ $labels.instance }}, and nothing was painted for ten minutes",
        "`kilnmark status` tells the worker's state; `kilnmark doctor` what is wrong on the machine.",
        "10m",
    ),
    Alert(
        "KilnmarkErrorsFast",
        "Of the renders of the last hour 14.4 % failed, and of those of the last five minutes.",
        _burning(14.4, "1h", "5m"),
        "page",
        "{{ $value | humanizePercentage }} of the renders on {{ $labels.instance }} failed within the last hour",
        "`kilnmark jobs --failed` shows them with their errors. At this rate a month's budget of 1 % is gone in two "
        "days.",
        "2m",
    ),
    Alert(
        "KilnmarkErrorsSteady",
        "Of the renders of the last six hours 6 % failed, and of those of the last half hour.",
        _burning(6, "6h", "30m"),
        "page",
        "{{ $value | humanizePercentage }} of the renders on {{ $labels.instance }} failed within the last six hours",
        "`kilnmark jobs --failed` shows them with their errors. At this rate a month's budget of 1 % is gone in five "
        "days.",
        "15m",
    ),
    Alert(
        "KilnmarkErrorsSlow",
        "Of the renders of the last three days 1 % failed, and of those of the last six hours.",
        _burning(1, "3d", "6h"),
        "ticket",
        "{{ $value | humanizePercentage }} of the renders on {{ $labels.instance }} failed within the last three days",
        "`kilnmark jobs --failed` shows them with their errors. The budget of 1 % is used up faster than it comes.",
        "1h",
    ),
    Alert(
        "KilnmarkWorkerLost",
        "Within half an hour a worker was lost.",
        _ASK.risen(metrics.WORKER_RESTARTS, where=_LOST, window="30m") + " > 0",
        "ticket",
        "A worker of {{ $labels.instance }} was lost, and another took over",
        "The daemon's log tells how it ended. What it painted is painted again; memory is the usual cause: "
        "`kilnmark models list`.",
    ),
    Alert(
        "KilnmarkWorkerRestarts",
        "Within half an hour more than two workers were lost.",
        _ASK.risen(metrics.WORKER_RESTARTS, where=_LOST, window="30m") + " > 2",
        "page",
        "Workers of {{ $labels.instance }} are lost again and again",
        "The daemon's log tells how each ended; `kilnmark doctor` looks at memory, disk and drivers.",
    ),
    Alert(
        "KilnmarkWorkerDown",
        "For five minutes there is no worker that could paint.",
        _ASK.now(metrics.WORKER_UP, where={of.WORKER_STATE: ("degraded", "stopped")}, how="max") + " > 0",
        "page",
        "The daemon {{ $labels.instance }} has no worker that could paint",
        "`kilnmark status` says why; what was accepted is kept and painted once one is ready.",
        "5m",
    ),
    Alert(
        "KilnmarkRefusing",
        "For ten minutes requests are refused that were not wrong.",
        _ASK.risen(metrics.REJECTED, (of.REASON,), _REFUSED, "10m") + " > 0",
        "ticket",
        "{{ $labels.instance }} refuses requests: {{ $labels.flux_mlx_reason }}",
        "queue_full: callers ask faster than it paints. journal: its disk. no_worker: `kilnmark status` says why.",
        "10m",
    ),
    Alert(
        "KilnmarkNoData",
        "For five minutes no daemon tells anything.",
        f"absent({_ASK.series(metrics.WORKER_UP)})",
        "page",
        "No daemon tells anything",
        "Is one running (`kilnmark status`), with --metrics-port or an OTEL_ endpoint, and does this Prometheus look "
        "there?",
        "5m",
    ),
    Alert(
        "KilnmarkDaemonGone",
        "A daemon that told something within six hours has told nothing for five minutes.",
        f"group by (job, instance) (last_over_time({_ASK.series(metrics.WORKER_UP)}[6h]))\n"
        f"unless\n{_ASK.now(metrics.WORKER_UP, how='group')}",
        "ticket",
        "The daemon {{ $labels.instance }} told something within the last six hours, and tells nothing now",
        "`kilnmark service status` on its machine, or `kilnmark status`.",
        "5m",
    ),
    Alert(
        "KilnmarkTelemetryDropped",
        "Within a quarter of an hour something could not be delivered.",
        _ASK.risen(metrics.DROPPED, (of.SIGNAL,), window="15m") + " > 0",
        "ticket",
        "{{ $labels.instance }} could not deliver {{ $labels.flux_mlx_signal }}",
        "Renders are not held up by it, but what was dropped is lost. `kilnmark status` counts it; look at the "
        "collector.",
    ),
    Alert(
        "KilnmarkFarmNodeLost",
        "For two minutes a node of a farm has been silent that did not leave; a day later that is forgotten.",
        _ASK.now(farm_metrics.FARM_NODES, where=_GONE, how="max") + " > 0",
        "ticket",
        "Nodes of the farm at {{ $labels.instance }} fell silent: {{ $value }}",
        "`kilnmark farm status` names them. What they had has gone to others after its lease. A machine that is to be "
        "gone leaves by `kilnmark farm drain`, and so wakes nobody.",
        "2m",
    ),
    Alert(
        "KilnmarkFarmDeadLetters",
        "Within a quarter of an hour a job was given up that no node could finish.",
        _ASK.risen(farm_metrics.FARM_JOBS, where=_DEAD, window="15m") + " > 0",
        "ticket",
        "The farm gave up jobs that no node could finish, as {{ $labels.instance }} tells",
        "`kilnmark farm dead` lists them with their reasons, and hands them in again once that is mended.",
    ),
    Alert(
        "KilnmarkFarmOld",
        "The eldest job of a farm was handed in more than a day ago, and is so for five minutes more.",
        _ASK.now(farm_metrics.FARM_QUEUE_AGE, how="max") + " > 86400",
        "ticket",
        "The eldest job of the farm at {{ $labels.instance }} was handed in {{ $value | humanizeDuration }} ago",
        "`kilnmark farm status` says of all work what it waits for: often a base or a version that no node has.",
        "5m",
    ),
    Alert(
        "KilnmarkFarmStuck",
        "For ten minutes jobs of a farm wait, and none of its nodes takes work.",
        f"{_ASK.now(farm_metrics.FARM_QUEUE_DEPTH, where=_WAITING)} > 0\n"
        f"unless\n{_ASK.now(farm_metrics.FARM_NODES, where=_TAKING)} > 0",
        "page",
        "Jobs wait in the farm at {{ $labels.instance }}, and no node takes any",
        "`kilnmark farm status` tells of each node why. Nothing is lost; `kilnmark farm work` joins a machine.",
        "10m",
    ),
)
