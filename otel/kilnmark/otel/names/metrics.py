"""The metrics of the product, each once: instrument, unit, what it tells, and what its values may carry.

What a value may carry is of few values: never a job's id, a prompt, a path or a seed. All of them are the daemon's to
export, the worker's too; those of batches, of the lab and of the farm come from their own processes.
"""

from typing import Final

from kilnmark.otel.names import attributes as of
from kilnmark.otel.names import semconv
from kilnmark.otel.names.definitions import Instrument, Metric
from kilnmark.otel.names.farm_metrics import FARM_METRICS

__all__ = [
    "ADAPTERS",
    "BATCH_PICTURES",
    "CACHE_REQUESTS",
    "CACHE_SIZE",
    "COMPILE_TRACES",
    "CONNECTIONS",
    "DROPPED",
    "GEN_AI_DURATION",
    "IMAGES",
    "IMAGE_PIXELS",
    "JOURNAL_DURATION",
    "LAB_PROGRESS",
    "MEMORY",
    "METRICS",
    "PAINTING_DURATION",
    "QUEUE_AGE",
    "QUEUE_DEPTH",
    "QUEUE_WAIT",
    "REJECTED",
    "RENDERS_RUNNING",
    "RENDER_DURATION",
    "RPC_DURATION",
    "STEPS",
    "STEP_DURATION",
    "SWITCHES",
    "SWITCH_DURATION",
    "WORKER_MEMORY",
    "WORKER_RESTARTS",
    "WORKER_UP",
]

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 240.0, 300.0)
"""Of renders and waits: from a thumbnail on a card to a portrait on a laptop."""

_SHORT = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Of what should take milliseconds: switches, writes, calls."""

_STEP = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0)

RENDER_DURATION: Final = Metric(
    "flux_mlx.render.duration",
    Instrument.HISTOGRAM,
    "s",
    "From acceptance of a job to its reply.",
    (of.RENDER_TIER, of.RENDER_VARIANT, of.RENDER_OUTCOME, of.RENDER_SOURCE, semconv.ERROR_TYPE),
    _SECONDS,
    "vLLM-Omni `e2e_request_latency_s`",
)
PAINTING_DURATION: Final = Metric(
    "flux_mlx.painting.duration",
    Instrument.HISTOGRAM,
    "s",
    "What the worker took for one picture, the wait in the queue aside.",
    (of.RENDER_TIER, of.RENDER_VARIANT),
    _SECONDS,
    "vLLM-Omni `stage_gen_time_s`",
)
QUEUE_WAIT: Final = Metric(
    "flux_mlx.queue.wait",
    Instrument.HISTOGRAM,
    "s",
    "How long a render waited until the worker had it.",
    (of.RENDER_PRIORITY,),
    _SECONDS,
    "vLLM-Omni `request_queue_wait_s`",
)
QUEUE_DEPTH: Final = Metric(
    "flux_mlx.queue.depth",
    Instrument.GAUGE,
    "{job}",
    "Jobs that wait.",
    (of.RENDER_PRIORITY,),
    compares_to="vLLM-Omni `num_requests_waiting`",
)
QUEUE_AGE: Final = Metric(
    "flux_mlx.queue.age", Instrument.GAUGE, "s", "How long the eldest of them has waited; 0 where none waits."
)
RENDERS_RUNNING: Final = Metric(
    "flux_mlx.renders.running",
    Instrument.GAUGE,
    "{job}",
    "Jobs of the renders that the worker has.",
    compares_to="vLLM-Omni `num_requests_running`",
)
STEP_DURATION: Final = Metric(
    "flux_mlx.denoise.step.duration",
    Instrument.HISTOGRAM,
    "s",
    "One denoise step.",
    (of.RENDER_VARIANT,),
    _STEP,
)
STEPS: Final = Metric(
    "flux_mlx.denoise.steps",
    Instrument.COUNTER,
    "{step}",
    "Denoise steps done.",
    (of.RENDER_VARIANT,),
    compares_to="vLLM-Omni `num_inference_steps`",
)
IMAGES: Final = Metric(
    "flux_mlx.images",
    Instrument.COUNTER,
    "{image}",
    "Pictures painted; one that several jobs share counts once, one from the cache never.",
    (of.RENDER_TIER, of.RENDER_VARIANT),
    compares_to="vLLM-Omni `image_count_total`",
)
IMAGE_PIXELS: Final = Metric(
    "flux_mlx.image.pixels",
    Instrument.COUNTER,
    "{pixel}",
    "Their pixels.",
    (of.RENDER_VARIANT,),
    compares_to="vLLM-Omni `image_pixels`",
)
SWITCHES: Final = Metric(
    "flux_mlx.stack.switches",
    Instrument.COUNTER,
    "{switch}",
    "Stacks put on a base, by how that came.",
    (of.SWITCH_KIND, of.RENDER_VARIANT),
)
SWITCH_DURATION: Final = Metric(
    "flux_mlx.stack.switch.duration",
    Instrument.HISTOGRAM,
    "s",
    "How long that took.",
    (of.SWITCH_KIND,),
    _SHORT,
)
COMPILE_TRACES: Final = Metric(
    "flux_mlx.compile.traces",
    Instrument.COUNTER,
    "{trace}",
    "Times that the blocks of a base were traced to be compiled; more than a few a size are too many.",
    (of.RENDER_VARIANT,),
)
ADAPTERS: Final = Metric(
    "flux_mlx.lora.adapters",
    Instrument.COUNTER,
    "{adapter}",
    "Adapters of renders, by what they did: `noop` and `refused` are dead, `partial` is half dead.",
    (of.LORA_VERDICT, of.RENDER_TIER),
)
CACHE_REQUESTS: Final = Metric(
    "flux_mlx.cache.requests",
    Instrument.COUNTER,
    "{request}",
    "What caches were asked for, and whether they had it.",
    (of.CACHE_NAME, of.CACHE_RESULT),
)
CACHE_SIZE: Final = Metric("flux_mlx.cache.size", Instrument.GAUGE, "By", "What caches hold.", (of.CACHE_NAME,))
MEMORY: Final = Metric(
    "flux_mlx.memory.usage",
    Instrument.GAUGE,
    "By",
    "Memory of MLX: held by arrays, kept for reuse, and the most of the last render.",
    (of.MEMORY_STATE,),
    compares_to="vLLM-Omni `peak_memory_mb`",
)
WORKER_MEMORY: Final = Metric(
    "flux_mlx.worker.memory.usage", Instrument.GAUGE, "By", "Resident memory of the worker's process."
)
WORKER_RESTARTS: Final = Metric(
    "flux_mlx.worker.restarts",
    Instrument.COUNTER,
    "{restart}",
    "Workers that another one took over from: `lost`, or `recycled` because they had worked enough.",
    (of.REASON,),
)
WORKER_UP: Final = Metric(
    "flux_mlx.worker.up",
    Instrument.GAUGE,
    "{worker}",
    "1 for the state that the worker is in, 0 for the others.",
    (of.WORKER_STATE,),
)
CONNECTIONS: Final = Metric("flux_mlx.connections", Instrument.GAUGE, "{connection}", "Clients that are connected.")
REJECTED: Final = Metric(
    "flux_mlx.requests.rejected",
    Instrument.COUNTER,
    "{request}",
    "Requests and connections that were not taken, by the `kind` of their error.",
    (of.REASON,),
)
RPC_DURATION: Final = Metric(
    "rpc.server.call.duration",
    Instrument.HISTOGRAM,
    "s",
    "One call of the wire, from its line to its reply; OpenTelemetry's own.",
    (semconv.RPC_SYSTEM, semconv.RPC_METHOD, semconv.RPC_STATUS_CODE, semconv.ERROR_TYPE),
    (*_SHORT, 30.0, 60.0, 120.0, 300.0),
)
GEN_AI_DURATION: Final = Metric(
    "gen_ai.server.request.duration",
    Instrument.HISTOGRAM,
    "s",
    "As `flux_mlx.render.duration`, under the name that the conventions for generative AI have.",
    (
        semconv.GEN_AI_OPERATION_NAME,
        semconv.GEN_AI_PROVIDER_NAME,
        semconv.GEN_AI_REQUEST_MODEL,
        semconv.ERROR_TYPE,
    ),
    _SECONDS,
)
JOURNAL_DURATION: Final = Metric(
    "flux_mlx.journal.write.duration",
    Instrument.HISTOGRAM,
    "s",
    "One write of the journal, until it was on disk.",
    (semconv.ERROR_TYPE,),
    _SHORT,
)
DROPPED: Final = Metric(
    "flux_mlx.telemetry.dropped",
    Instrument.COUNTER,
    "{item}",
    "Spans, points of metrics and lines of logs that nobody took.",
    (of.SIGNAL,),
)
BATCH_PICTURES: Final = Metric(
    "kilnmark.batch.pictures",
    Instrument.GAUGE,
    "{picture}",
    "Pictures of the batch that runs, by how far they are.",
    (of.BATCH_STATE,),
)
LAB_PROGRESS: Final = Metric(
    "kilnmark.lab.progress", Instrument.GAUGE, "{share}", "Share of a run's part that is done, 0 to 1.", (of.LAB_PART,)
)

METRICS: Final[tuple[Metric, ...]] = (
    *(value for value in list(globals().values()) if isinstance(value, Metric)),
    *FARM_METRICS,
)
"""All of them, in the order in which they stand here, and then those of the farm."""
