"""What must wake somebody and what must not: for every alert, series that it is for, and series that are like them.

What a series must come to is said here; Prometheus's own tool works it out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from kilnmark.otel.names import attributes as of
from kilnmark.otel.names import farm, farm_metrics, metrics, semconv
from kilnmark.otel.names.definitions import Metric
from scripts.telemetry.promql import Asking, Where

__all__ = ["CASES", "Case"]

_HERE: Final = Asking("", 'instance="here",job="kilnmark"')


@dataclass(frozen=True)
class Case:
    """One alert, asked of some series.

    Attributes:
        given: Series with their values, as promtool writes them: `1x5` is 1 and five times more of it.
        at: When it is asked, after the first value.
        fires: Labels of the alert that fires, beside those of the daemon; None: it must not.
        value: How the alert tells its value.
        every: The time between two values.
    """

    alert: str
    why: str
    given: Sequence[tuple[str, str]]
    at: str
    fires: dict[str, str] | None = None
    value: str = ""
    every: str = "1m"
    daemon: dict[str, str] = field(default_factory=lambda: {"instance": "here", "job": "kilnmark"})


def _series(metric: Metric, values: str, where: Where | None = None, part: str = "") -> tuple[str, str]:
    return _HERE.series(metric, where, part), values


def _adapters(verdict: str, values: str) -> tuple[str, str]:
    return _series(metrics.ADAPTERS, values, {of.LORA_VERDICT: verdict})


def _ended(values: str, error: str = "") -> tuple[str, str]:
    failed: Where = {of.RENDER_OUTCOME: "failed", semconv.ERROR_TYPE: error}
    return _series(metrics.RENDER_DURATION, values, failed if error else {of.RENDER_OUTCOME: "done"}, "count")


def _restarts(reason: str, values: str) -> tuple[str, str]:
    return _series(metrics.WORKER_RESTARTS, values, {of.REASON: reason})


def _worker(state: str, values: str) -> tuple[str, str]:
    return _series(metrics.WORKER_UP, values, {of.WORKER_STATE: state})


def _nodes(state: str, values: str) -> tuple[str, str]:
    return _series(farm_metrics.FARM_NODES, values, {farm.FARM_NODE_STATE: state})


def _farmed(state: str, values: str) -> tuple[str, str]:
    return _series(farm_metrics.FARM_JOBS, values, {farm.FARM_STATE: state})


def _in_farm(state: str, values: str) -> tuple[str, str]:
    return _series(farm_metrics.FARM_QUEUE_DEPTH, values, {farm.FARM_WORK_STATE: state})


CASES: Final[Sequence[Case]] = (
    Case(
        "KilnmarkDeadAdapter",
        "the first one ever",
        [_adapters("engaged", "0+3x20"), _adapters("noop", "_x10 1x10")],
        "11m",
        {"render_lora_verdict": "noop"},
    ),
    Case(
        "KilnmarkDeadAdapter", "one more", [_adapters("refused", "4x9 5x10")], "11m", {"render_lora_verdict": "refused"}
    ),
    Case(
        "KilnmarkDeadAdapter",
        "the first of a daemon that was started anew",
        [_adapters("noop", "4x9 0x2 1x10")],
        "14m",
        {"render_lora_verdict": "noop"},
    ),
    Case("KilnmarkDeadAdapter", "those of yesterday", [_adapters("noop", "4x40")], "35m"),
    Case("KilnmarkDeadAdapter", "those before the machine slept", [_adapters("noop", "4x20 _x60 4x20")], "82m"),
    Case(
        "KilnmarkDeadAdapter",
        "one more while nobody asked",
        [_adapters("noop", "4x20 _x60 5x20")],
        "82m",
        {"render_lora_verdict": "noop"},
    ),
    Case(
        "KilnmarkDeadAdapter",
        "the first of a daemon that was away for long",
        [_adapters("noop", "4x20 _x60 1x20")],
        "82m",
        {"render_lora_verdict": "noop"},
    ),
    Case("KilnmarkWorkerRestarts", "those before the machine slept", [_restarts("lost", "4x20 _x60 4x20")], "85m"),
    Case("KilnmarkDeadAdapter", "all engage", [_adapters("engaged", "0+3x40"), _adapters("noop", "0x40")], "35m"),
    Case("KilnmarkPartialAdapter", "one", [_adapters("partial", "_x10 1x10")], "11m", {}),
    Case("KilnmarkPartialAdapter", "a dead one is another alert", [_adapters("noop", "0+1x20")], "11m"),
    Case("KilnmarkQueueOld", "a quarter of an hour", [_series(metrics.QUEUE_AGE, "1000x20")], "10m", {}, "16m 40s"),
    Case("KilnmarkQueueOld", "five minutes", [_series(metrics.QUEUE_AGE, "300x20")], "10m"),
    Case("KilnmarkQueueOld", "it was old and went", [_series(metrics.QUEUE_AGE, "1000x3 0x20")], "10m"),
    Case(
        "KilnmarkQueueStuck",
        "no step, no end",
        [
            _series(metrics.QUEUE_DEPTH, "3x40", {of.RENDER_PRIORITY: "normal"}),
            _series(metrics.STEPS, "50x40", {of.RENDER_VARIANT: "dev"}),
            _ended("9x40"),
        ],
        "35m",
        {},
    ),
    Case(
        "KilnmarkQueueStuck",
        "steps are done",
        [
            _series(metrics.QUEUE_DEPTH, "3x40", {of.RENDER_PRIORITY: "normal"}),
            _series(metrics.STEPS, "50+1x40", {of.RENDER_VARIANT: "dev"}),
        ],
        "35m",
    ),
    Case(
        "KilnmarkQueueStuck",
        "nobody waits",
        [_series(metrics.QUEUE_DEPTH, "0x40", {of.RENDER_PRIORITY: "normal"})],
        "35m",
    ),
    Case(
        "KilnmarkErrorsFast",
        "every other one is lost",
        [_ended("0+1x120"), _ended("0+1x120", "worker_lost")],
        "90m",
        {},
        "50%",
    ),
    Case(
        "KilnmarkErrorsFast",
        "the caller's own faults",
        [_ended("0+1x120"), _ended("0+1x120", "adapter_not_engaged")],
        "90m",
    ),
    Case(
        "KilnmarkErrorsFast",
        "it is over",
        [_ended("0+1x120"), _ended("0+1x60 60x60", "worker_lost")],
        "90m",
    ),
    Case("KilnmarkErrorsFast", "one of two", [_ended("0x10 1x120"), _ended("_x10 1x120", "worker_lost")], "40m"),
    Case("KilnmarkErrorsSteady", "one in ten", [_ended("0+9x420"), _ended("0+1x420", "storage")], "400m", {}, "10%"),
    Case("KilnmarkErrorsSteady", "one in forty", [_ended("0+39x420"), _ended("0+1x420", "storage")], "400m"),
    Case("KilnmarkErrorsFast", "one in ten is no emergency", [_ended("0+9x420"), _ended("0+1x420", "storage")], "400m"),
    Case(
        "KilnmarkErrorsSlow",
        "three in a hundred",
        [_ended("0+97x1115"), _ended("0+3x1115", "internal")],
        "74h",
        {},
        "3%",
        "4m",
    ),
    Case(
        "KilnmarkErrorsSlow",
        "one in two hundred",
        [_ended("0+199x1115"), _ended("0+1x1115", "internal")],
        "74h",
        every="4m",
    ),
    Case("KilnmarkWorkerLost", "the first", [_restarts("lost", "_x5 1x20")], "6m", {}),
    Case("KilnmarkWorkerLost", "replaced on purpose", [_restarts("recycled", "0+1x20")], "6m"),
    Case("KilnmarkWorkerRestarts", "every minute", [_restarts("lost", "0+1x20")], "10m", {}),
    Case("KilnmarkWorkerRestarts", "once", [_restarts("lost", "0x5 1x20")], "10m"),
    Case("KilnmarkWorkerDown", "stopped", [_worker("ready", "0x20"), _worker("stopped", "1x20")], "6m", {}),
    Case("KilnmarkWorkerDown", "ready", [_worker("ready", "1x20"), _worker("stopped", "0x20")], "6m"),
    Case("KilnmarkWorkerDown", "it warms up", [_worker("warming", "1x20"), _worker("stopped", "0x20")], "6m"),
    Case(
        "KilnmarkRefusing",
        "a full queue",
        [_series(metrics.REJECTED, "0+1x40", {of.REASON: "queue_full"})],
        "25m",
        {"flux_mlx_reason": "queue_full"},
    ),
    Case(
        "KilnmarkRefusing",
        "a caller's typing",
        [_series(metrics.REJECTED, "0+1x40", {of.REASON: "invalid_params"})],
        "25m",
    ),
    Case("KilnmarkNoData", "nobody", [], "6m", {}, daemon={}),
    Case("KilnmarkNoData", "somebody", [_worker("ready", "1x20")], "6m"),
    Case("KilnmarkDaemonGone", "it told something ten minutes ago", [_worker("ready", "1x10 _x20")], "25m", {}),
    Case("KilnmarkDaemonGone", "it tells something", [_worker("ready", "1x30")], "25m"),
    Case(
        "KilnmarkTelemetryDropped",
        "the first ones",
        [_series(metrics.DROPPED, "_x2 7x20", {of.SIGNAL: "traces"})],
        "5m",
        {"flux_mlx_signal": "traces"},
    ),
    Case("KilnmarkTelemetryDropped", "long ago", [_series(metrics.DROPPED, "7x40", {of.SIGNAL: "traces"})], "35m"),
    Case("KilnmarkFarmNodeLost", "two of three", [_nodes("lost", "0x5 2x20"), _nodes("idle", "1x25")], "10m", {}, "2"),
    Case("KilnmarkFarmNodeLost", "one that left", [_nodes("lost", "0x20"), _nodes("left", "1x20")], "10m"),
    Case("KilnmarkFarmNodeLost", "one that was away for a minute", [_nodes("lost", "0x5 1 0x20")], "10m"),
    Case("KilnmarkFarmDeadLetters", "the first", [_farmed("done", "0+9x20"), _farmed("dead", "_x5 1x20")], "7m", {}),
    Case("KilnmarkFarmDeadLetters", "given back", [_farmed("given_back", "0+9x20")], "7m"),
    Case("KilnmarkFarmDeadLetters", "long ago", [_farmed("dead", "3x40")], "35m"),
    Case(
        "KilnmarkFarmOld",
        "a day and an hour",
        [_series(farm_metrics.FARM_QUEUE_AGE, "90000x20")],
        "8m",
        {},
        "1d 1h 0m 0s",
    ),
    Case("KilnmarkFarmOld", "a long batch", [_series(farm_metrics.FARM_QUEUE_AGE, "36000x20")], "8m"),
    Case("KilnmarkFarmStuck", "all are away", [_in_farm("waiting", "8x30"), _nodes("away", "2x30")], "15m", {}),
    Case("KilnmarkFarmStuck", "one works", [_in_farm("waiting", "8x30"), _nodes("working", "1x30")], "15m"),
    Case("KilnmarkFarmStuck", "nothing waits", [_in_farm("waiting", "0x30"), _nodes("idle", "0x30")], "15m"),
)
