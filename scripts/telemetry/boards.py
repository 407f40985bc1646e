"""What is on each dashboard: which questions an operator has, and the queries that answer them.

Every metric of the definitions is on one of them; how they are drawn is not known here.
"""

from typing import Final

from kilnmark.otel.names import attributes as of
from kilnmark.otel.names import farm, farm_metrics, metrics, semconv
from kilnmark.otel.names.definitions import AttributeName, Metric
from kilnmark.otel.names.prometheus import label_of
from kilnmark.protocol.picture.report import Verdict
from scripts.telemetry.panels import Board, Panel, Query, Section
from scripts.telemetry.promql import DASHBOARD as ASK
from scripts.telemetry.promql import But, Where

__all__ = ["BOARDS"]

_DEAD: Final = (Verdict.NOOP, Verdict.REFUSED)
_SPAN: Final = "$__range"
"""All that is in view."""


def _by(*labels: AttributeName) -> str:
    return " ".join("{{" + label_of(label) + "}}" for label in labels)


def _quantiles(metric: Metric, by: tuple[AttributeName, ...] = (), where: Where | None = None) -> tuple[Query, ...]:
    return tuple(
        Query(ASK.quantile(share, metric, by, where), f"{_by(*by)} p{100 * share:g}".strip()) for share in (0.5, 0.95)
    )


def _rates(metric: Metric, *by: AttributeName) -> tuple[Query, ...]:
    return (Query(ASK.rate(metric, by), _by(*by) or "all"),)


def _per_minute(metric: Metric, *by: AttributeName, where: Where | None = None) -> tuple[Query, ...]:
    return (Query(f"60 * {ASK.rate(metric, by, where)}", _by(*by) or "all"),)


_GLANCE: Final = Section(
    "At a glance",
    (
        Panel(
            "Dead adapters",
            "Adapters that changed nothing, or were refused, within the time in view.",
            "short",
            (Query(ASK.risen(metrics.ADAPTERS, where={of.LORA_VERDICT: _DEAD}, window=_SPAN), "dead"),),
            "alarm",
        ),
        Panel(
            "Partial adapters",
            "Adapters that changed only a part of what they should, within the time in view.",
            "short",
            (Query(ASK.risen(metrics.ADAPTERS, where={of.LORA_VERDICT: Verdict.PARTIAL}, window=_SPAN), "partial"),),
            "alarm",
        ),
        Panel(
            "Failed renders",
            "Renders that ended without a picture, cancelled ones left out, within the time in view.",
            "short",
            (Query(ASK.risen(metrics.RENDER_DURATION, where={of.RENDER_OUTCOME: "failed"}, window=_SPAN), "failed"),),
            "alarm",
        ),
        Panel(
            "Jobs waiting",
            metrics.QUEUE_DEPTH.meaning,
            "short",
            (Query(ASK.now(metrics.QUEUE_DEPTH), "waiting"),),
            "number",
        ),
        Panel(
            "The eldest has waited",
            metrics.QUEUE_AGE.meaning,
            "s",
            (Query(ASK.now(metrics.QUEUE_AGE, how="max"), "eldest"),),
            "number",
        ),
        Panel(
            "Workers ready",
            "Daemons whose worker is ready to paint.",
            "short",
            (Query(ASK.now(metrics.WORKER_UP, where={of.WORKER_STATE: "ready"}), "ready"),),
            "number",
        ),
    ),
)

_RENDERS: Final = Section(
    "Renders",
    (
        Panel(
            "Renders a minute, by outcome",
            metrics.RENDER_DURATION.meaning,
            "per minute",
            _per_minute(metrics.RENDER_DURATION, of.RENDER_OUTCOME),
            stacked=True,
        ),
        Panel(
            "Time to the reply, by tier",
            metrics.RENDER_DURATION.meaning,
            "s",
            _quantiles(metrics.RENDER_DURATION, (of.RENDER_TIER,), {of.RENDER_OUTCOME: "done"}),
        ),
        Panel(
            "Where pictures came from",
            "Painted, out of the picture cache, or shared with a job that wanted the same.",
            "per minute",
            _per_minute(metrics.RENDER_DURATION, of.RENDER_SOURCE, where={of.RENDER_OUTCOME: "done"}),
            stacked=True,
        ),
        Panel(
            "Failures a minute, by type",
            "By the kind of the error, as callers got it.",
            "per minute",
            _per_minute(metrics.RENDER_DURATION, semconv.ERROR_TYPE, where={of.RENDER_OUTCOME: "failed"}),
        ),
        Panel(
            "Painting, by variant",
            metrics.PAINTING_DURATION.meaning,
            "s",
            _quantiles(metrics.PAINTING_DURATION, (of.RENDER_VARIANT,)),
        ),
        Panel(
            "Requests by model, as the conventions for generative AI name them",
            metrics.GEN_AI_DURATION.meaning,
            "s",
            _quantiles(metrics.GEN_AI_DURATION, (semconv.GEN_AI_REQUEST_MODEL,)),
        ),
        Panel("Pictures a minute", metrics.IMAGES.meaning, "per minute", _per_minute(metrics.IMAGES, of.RENDER_TIER)),
        Panel(
            "Pixels a second",
            metrics.IMAGE_PIXELS.meaning,
            "per second",
            _rates(metrics.IMAGE_PIXELS, of.RENDER_VARIANT),
        ),
    ),
)

_ADAPTERS: Final = Section(
    "Adapters and stacks",
    (
        Panel(
            "Adapters a minute, by verdict",
            metrics.ADAPTERS.meaning,
            "per minute",
            _per_minute(metrics.ADAPTERS, of.LORA_VERDICT),
            stacked=True,
        ),
        Panel(
            "Adapters that did not engage, by tier",
            "Dead and partial ones.",
            "per minute",
            _per_minute(
                metrics.ADAPTERS, of.RENDER_TIER, of.LORA_VERDICT, where={of.LORA_VERDICT: But((Verdict.ENGAGED,))}
            ),
        ),
        Panel(
            "Switches a minute, by kind",
            metrics.SWITCHES.meaning,
            "per minute",
            _per_minute(metrics.SWITCHES, of.SWITCH_KIND),
            stacked=True,
        ),
        Panel(
            "Time of a switch, by kind",
            metrics.SWITCH_DURATION.meaning,
            "s",
            _quantiles(metrics.SWITCH_DURATION, (of.SWITCH_KIND,)),
        ),
    ),
)

_QUEUE: Final = Section(
    "Queue",
    (
        Panel(
            "Jobs waiting, by priority",
            metrics.QUEUE_DEPTH.meaning,
            "short",
            (Query(ASK.now(metrics.QUEUE_DEPTH, (of.RENDER_PRIORITY,)), _by(of.RENDER_PRIORITY)),),
            stacked=True,
        ),
        Panel(
            "Wait in the queue", metrics.QUEUE_WAIT.meaning, "s", _quantiles(metrics.QUEUE_WAIT, (of.RENDER_PRIORITY,))
        ),
        Panel(
            "Jobs that are painted",
            metrics.RENDERS_RUNNING.meaning,
            "short",
            (Query(ASK.now(metrics.RENDERS_RUNNING), "running"),),
        ),
    ),
)

_PAINTING: Final = Section(
    "Painting",
    (
        Panel(
            "Time of a step, by variant",
            metrics.STEP_DURATION.meaning,
            "s",
            _quantiles(metrics.STEP_DURATION, (of.RENDER_VARIANT,)),
        ),
        Panel("Steps a second", metrics.STEPS.meaning, "per second", _rates(metrics.STEPS, of.RENDER_VARIANT)),
        Panel(
            "Traces of compiled blocks",
            metrics.COMPILE_TRACES.meaning,
            "short",
            (Query(ASK.risen(metrics.COMPILE_TRACES, (of.RENDER_VARIANT,)), _by(of.RENDER_VARIANT)),),
        ),
    ),
)

_CACHES: Final = Section(
    "Caches",
    (
        Panel(
            "Share of requests that a cache had, by cache",
            metrics.CACHE_REQUESTS.meaning,
            "percentunit",
            (
                Query(
                    ASK.share(metrics.CACHE_REQUESTS, {of.CACHE_RESULT: "hit"}, by=(of.CACHE_NAME,)), _by(of.CACHE_NAME)
                ),
            ),
        ),
        Panel(
            "What caches hold",
            metrics.CACHE_SIZE.meaning,
            "bytes",
            (Query(ASK.now(metrics.CACHE_SIZE, (of.CACHE_NAME,)), _by(of.CACHE_NAME)),),
        ),
    ),
)

_MACHINE: Final = Section(
    "Memory and processes",
    (
        Panel(
            "Memory of MLX",
            metrics.MEMORY.meaning,
            "bytes",
            (Query(ASK.now(metrics.MEMORY, (of.MEMORY_STATE,)), _by(of.MEMORY_STATE)),),
        ),
        Panel(
            "Memory of the worker",
            metrics.WORKER_MEMORY.meaning,
            "bytes",
            (Query(ASK.now(metrics.WORKER_MEMORY), "resident"),),
        ),
        Panel(
            "State of the workers",
            metrics.WORKER_UP.meaning,
            "short",
            (Query(ASK.now(metrics.WORKER_UP, (of.WORKER_STATE,)), _by(of.WORKER_STATE)),),
            stacked=True,
        ),
        Panel(
            "Workers that were replaced",
            metrics.WORKER_RESTARTS.meaning,
            "short",
            (Query(ASK.risen(metrics.WORKER_RESTARTS, (of.REASON,)), _by(of.REASON)),),
        ),
    ),
)

_WIRE: Final = Section(
    "Wire and journal",
    (
        Panel("Connections", metrics.CONNECTIONS.meaning, "short", (Query(ASK.now(metrics.CONNECTIONS), "connected"),)),
        Panel(
            "Refused a minute, by reason",
            metrics.REJECTED.meaning,
            "per minute",
            _per_minute(metrics.REJECTED, of.REASON),
        ),
        Panel(
            "Time of a call, by method",
            metrics.RPC_DURATION.meaning,
            "s",
            _quantiles(metrics.RPC_DURATION, (semconv.RPC_METHOD,)),
        ),
        Panel(
            "Time of a write of the journal",
            metrics.JOURNAL_DURATION.meaning,
            "s",
            _quantiles(metrics.JOURNAL_DURATION),
        ),
        Panel(
            "Telemetry that nobody took",
            metrics.DROPPED.meaning,
            "short",
            (Query(ASK.risen(metrics.DROPPED, (of.SIGNAL,)), _by(of.SIGNAL)),),
        ),
    ),
)

_BATCHES: Final = Section(
    "Batches and the lab",
    (
        Panel(
            "Pictures of the batch that runs",
            metrics.BATCH_PICTURES.meaning,
            "short",
            (Query(ASK.now(metrics.BATCH_PICTURES, (of.BATCH_STATE,)), _by(of.BATCH_STATE)),),
            stacked=True,
        ),
        Panel(
            "Runs of the lab",
            metrics.LAB_PROGRESS.meaning,
            "percentunit",
            (Query(ASK.now(metrics.LAB_PROGRESS, (of.LAB_PART,), how="max"), _by(of.LAB_PART)),),
        ),
    ),
)

_FARM: Final = Section(
    "The farm",
    (
        Panel(
            "Jobs waiting and running",
            farm_metrics.FARM_QUEUE_DEPTH.meaning,
            "short",
            (Query(ASK.now(farm_metrics.FARM_QUEUE_DEPTH, (farm.FARM_WORK_STATE,)), _by(farm.FARM_WORK_STATE)),),
            stacked=True,
        ),
        Panel(
            "The eldest was handed in",
            farm_metrics.FARM_QUEUE_AGE.meaning,
            "s",
            (Query(ASK.now(farm_metrics.FARM_QUEUE_AGE, how="max"), "eldest"),),
        ),
        Panel(
            "Nodes, by state",
            farm_metrics.FARM_NODES.meaning,
            "short",
            (Query(ASK.now(farm_metrics.FARM_NODES, (farm.FARM_NODE_STATE,)), _by(farm.FARM_NODE_STATE)),),
            stacked=True,
        ),
        Panel(
            "Dead letters",
            "Jobs that no node could finish, within the time in view.",
            "short",
            (Query(ASK.risen(farm_metrics.FARM_JOBS, where={farm.FARM_STATE: "dead"}, window=_SPAN), "dead"),),
            "alarm",
        ),
    ),
)

_NODES: Final = Section(
    "Its nodes",
    (
        Panel(
            "Jobs a minute, by how they ended",
            farm_metrics.FARM_JOBS.meaning,
            "per minute",
            _per_minute(farm_metrics.FARM_JOBS, farm.FARM_STATE),
            stacked=True,
        ),
        Panel(
            "Changes of base or stack a minute",
            farm_metrics.FARM_SWITCHES.meaning,
            "per minute",
            _per_minute(farm_metrics.FARM_SWITCHES),
        ),
        Panel(
            "Time to have a job's files",
            farm_metrics.FARM_FETCH_DURATION.meaning,
            "s",
            _quantiles(farm_metrics.FARM_FETCH_DURATION),
        ),
        Panel(
            "Time until a result was at the broker",
            farm_metrics.FARM_COMMIT_DURATION.meaning,
            "s",
            _quantiles(farm_metrics.FARM_COMMIT_DURATION),
        ),
        Panel(
            "Fetched, in bytes a second",
            farm_metrics.FARM_CONTENT_FETCHED.meaning,
            "bytes",
            _rates(farm_metrics.FARM_CONTENT_FETCHED),
        ),
    ),
)

BOARDS: Final = (
    Board(
        "kilnmark-renders",
        "Kilnmark: renders and adapters",
        "Whether pictures come, how soon, and whether every adapter did what it should.",
        (_GLANCE, _RENDERS, _ADAPTERS, _QUEUE),
    ),
    Board(
        "kilnmark-inside",
        "Kilnmark: inside the daemon",
        "Where time and memory go.",
        (_PAINTING, _CACHES, _MACHINE, _WIRE),
    ),
    Board(
        "kilnmark-batches",
        "Kilnmark: batches and the lab",
        "How far they are; they tell it themselves, while they run.",
        (_BATCHES,),
    ),
    Board(
        "kilnmark-farm",
        "Kilnmark: a farm",
        "Whether work goes on, who does it, and what nobody could do.",
        (_FARM, _NODES),
    ),
)
"""All of them."""
