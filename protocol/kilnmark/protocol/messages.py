"""The methods' parameters and results as Structs, and the rules between their fields.

Parameters refuse unknown fields; results tolerate them, so that an older client can talk to a newer daemon.
Decoding from bytes belongs to `jsonrpc`.
"""

import math
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kilnmark.protocol.catalog import MAX_PIXELS, Priority
from kilnmark.protocol.errors import InvalidParams
from kilnmark.protocol.memory import BaseInfo, MemoryInfo
from kilnmark.protocol.problems import Problem
from kilnmark.protocol.report import AdapterReport

__all__ = [
    "BaseInfo",
    "CacheInfo",
    "CallMeta",
    "CancelParams",
    "CancelResult",
    "Heartbeat",
    "JobError",
    "JobInfo",
    "JobParams",
    "JobResult",
    "JobWaitParams",
    "JobsParams",
    "JobsResult",
    "LoraInspectParams",
    "PacksInfo",
    "PingParams",
    "PingResult",
    "Progress",
    "QueueInfo",
    "RenderParams",
    "RenderResult",
    "ShutdownParams",
    "ShutdownResult",
    "StackInfo",
    "StatusParams",
    "StatusResult",
    "StyleComposeParams",
    "Timings",
    "WarmUpParams",
    "WarmUpResult",
    "WorkerInfo",
    "check_render",
]


Text = Annotated[str, Meta(max_length=20_000)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
JobId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z")]
Side = Annotated[int, Meta(ge=64, le=4096, multiple_of=16)]
Scale = Annotated[float, Meta(ge=-100, le=100)]
Path = Annotated[str, Meta(min_length=1, max_length=4096)]


class CallMeta(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What rides beside a call's parameters as `_meta`.

    Attributes:
        progress_token: Turns on progress and heartbeat notifications, which carry it back.
        traceparent, tracestate: W3C trace context of the caller.
    """

    progress_token: str | int | None = msgspec.field(default=None, name="progressToken")
    traceparent: Annotated[str, Meta(max_length=512)] | None = None
    tracestate: Annotated[str, Meta(max_length=2048)] | None = None


class _Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    meta: CallMeta = msgspec.field(default=CallMeta(), name="_meta")


class PingParams(_Params, frozen=True, kw_only=True):
    """`ping` takes nothing."""


class StatusParams(_Params, frozen=True, kw_only=True):
    """`status` takes nothing."""


class WarmUpParams(_Params, frozen=True, kw_only=True):
    """Which base to make warm. None: the one the daemon was started with."""

    variant: Path | None = None


class ShutdownParams(_Params, frozen=True, kw_only=True):
    """`drain`: finish the accepted renders first; otherwise they end with -32002."""

    drain: bool = False


class CancelParams(_Params, frozen=True, kw_only=True):
    """Which render to stop, and why, for its caller to read."""

    job_id: JobId
    reason: Annotated[str, Meta(max_length=500)] = ""


class LoraInspectParams(_Params, frozen=True, kw_only=True):
    """Adapter files to look at without a base.

    Attributes:
        lora_paths: As those of a render.
        variant: The model that they are meant for, any that the shapes of layers are known of; None means the daemon's
            own, or dev where its layers are not known.
        targets: List every layer that each file changes.
    """

    lora_paths: Annotated[list[Path], Meta(min_length=1, max_length=64)]
    variant: Name | None = None
    targets: bool = False


class StyleComposeParams(_Params, frozen=True, kw_only=True):
    """A stack to be composed and shown, but not painted.

    Attributes:
        genre, world, tier: As those of a render.
        prompt: Shows it as it would be sent to the model; empty shows the style's own words alone.
    """

    genre: Name
    world: Name | None = None
    tier: Name
    prompt: Text = ""


class JobsParams(_Params, frozen=True, kw_only=True):
    """`jobs.list` takes nothing."""


class JobParams(_Params, frozen=True, kw_only=True):
    """Which job `jobs.get` is to tell of."""

    job_id: JobId


class JobWaitParams(_Params, frozen=True, kw_only=True):
    """Which job `jobs.wait` is to wait for.

    Attributes:
        timeout: Seconds to wait at most; None waits for as long as the job takes.
    """

    job_id: JobId
    timeout: Annotated[float, Meta(ge=0, le=86_400)] | None = None


class RenderParams(_Params, frozen=True, kw_only=True):
    """One picture to make. None means: what the tier says, else what the variant says.

    Attributes:
        seed: None draws one; the reply tells which.
        width, height: Pixels, multiples of 16.
        variant: One of those that `status` lists.
        lora_paths: Adapter files, absolute or below one of the daemon's adapter roots, in stack order.
        lora_scales: One scale for each path.
        genre, world: Compose the stack from `visual_style.yaml` instead, by `tier`.
        on_mismatch: `error` refuses the render before any denoise step when an adapter does not engage wholly;
            `warn` renders and reports.
        job_id: The caller's idempotency key.
        priority: Before which other renders this one is painted; within one, first come is first served, save that
            renders of one stack may run together.
        cache: Whether a picture of these very pixels that was made before, or is being made for somebody else, may be
            the answer. False paints it anew. Without a seed it always is.
        probe: Run one small forward pass for each adapter at this scale, and report how far the prediction moves. One
            that the base has not met before is probed in any case.
    """

    prompt: Annotated[str, Meta(min_length=1, max_length=20_000)]
    negative_prompt: Text | None = None
    tier: Name | None = None
    variant: Path | None = None
    seed: Annotated[int, Meta(ge=0, le=2**53 - 1)] | None = None
    steps: Annotated[int, Meta(ge=1, le=100)] | None = None
    guidance: Annotated[float, Meta(ge=0, le=30)] | None = None
    width: Side | None = None
    height: Side | None = None
    lora_paths: Annotated[list[Path], Meta(max_length=32)] = []
    lora_scales: Annotated[list[Scale], Meta(max_length=32)] = []
    genre: Name | None = None
    world: Name | None = None
    on_mismatch: Literal["error", "warn"] = "error"
    job_id: JobId | None = None
    priority: Priority = "normal"
    cache: bool = True
    probe: bool = False


def check_render(params: RenderParams) -> None:
    """Check the rules between fields that types cannot say.

    Raises:
        InvalidParams: naming the field and what to send instead.
    """
    if not params.prompt.strip():
        raise InvalidParams("prompt is blank - at `$.params.prompt`; say what to paint")
    for i, scale in enumerate(params.lora_scales):
        if not math.isfinite(scale):
            raise InvalidParams(f"{scale} is not a finite scale - at `$.params.lora_scales[{i}]`")
    if len(params.lora_paths) != len(params.lora_scales):
        raise InvalidParams(
            f"lora_paths has {len(params.lora_paths)} entries and lora_scales {len(params.lora_scales)} - "
            "at `$.params.lora_scales`; give one scale for each path"
        )
    if params.world is not None and params.genre is None:
        raise InvalidParams("world needs a genre - at `$.params.world`; name the genre it belongs to")
    if params.genre is not None and params.lora_paths:
        raise InvalidParams("genre and lora_paths are two ways to say the stack - at `$.params.genre`; use one of them")
    if params.genre is not None and params.tier is None:
        raise InvalidParams("genre needs a tier - at `$.params.tier`; name the kind of picture, such as portrait")
    if params.width and params.height and params.width * params.height > MAX_PIXELS:
        raise InvalidParams(
            f"{params.width}x{params.height} is more than {MAX_PIXELS} pixels - at `$.params.width`; ask for less"
        )


class PingResult(msgspec.Struct, frozen=True, kw_only=True):
    """Proof of life; `uptime_s` is in seconds."""

    version: str
    pid: int
    uptime_s: float


class WorkerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The process that owns the base. `pid` is None while there is none; `restarts` counts lost ones."""

    pid: int | None
    restarts: int
    last_error: str | None = None


class JobInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A render the daemon knows: `step` of `steps` denoise steps are done.

    Attributes:
        shared_with: The job whose picture this one gets too, because it asked for the same; None: it has its own.
    """

    job_id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    step: int = 0
    steps: int = 0
    priority: Priority = "normal"
    shared_with: str | None = None


class QueueInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The order in which renders are painted, in numbers.

    Attributes:
        high, normal, low: Jobs that wait, by priority.
        switches: Renders begun so far whose stack was another than the one before.
        shared: Jobs so far that joined the render of another, because they asked for the same picture.
    """

    high: int = 0
    normal: int = 0
    low: int = 0
    switches: int = 0
    shared: int = 0


class CacheInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The pictures that can be an answer again.

    Attributes:
        hits: Requests so far that were answered with one.
        entries: Pictures known.
        bytes: Their size on disk together.
        limit_bytes: The size beyond which the longest unused are forgotten; none is ever deleted. 0: none is known.
    """

    hits: int = 0
    entries: int = 0
    bytes: int = 0
    limit_bytes: int = 0


class PacksInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The content packs that a render may name.

    Attributes:
        folder: Where they are.
        genres, worlds: How many there are, usable or not.
        problem_count: What is wrong with their documents.
        problems: The first of those.
        kept: Genres and worlds that are composed as they were before an edit that broke them.
    """

    folder: str
    genres: int
    worlds: int
    problem_count: int = 0
    problems: list[Problem] = []
    kept: list[str] = []


class StatusResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon holds and does.

    Attributes:
        state: `warming` until the base is ready, `ready`, `busy` while rendering, `draining` on the way out,
            `failed` when the base cannot be loaded (`worker.last_error` says why).
        variant: What the daemon was started with.
        base: That one; None while it is not held.
        jobs: The renders that the worker has, then the queued ones by priority and age.
        rendered, failed: Renders that ended so; a picture shared by several jobs counts once, one from the cache never.
        variants: Every base that a request may name.
        loading: The base that is being loaded now.
        memory: What the worker holds; None while there is no worker that could tell.
        packs: None: the daemon has none.
    """

    version: str
    pid: int
    uptime_s: float
    state: Literal["warming", "ready", "busy", "draining", "failed"]
    variant: str
    base: BaseInfo | None
    worker: WorkerInfo
    jobs: list[JobInfo]
    rendered: int
    failed: int
    socket: str
    output_dir: str
    lora_roots: list[str]
    queue: QueueInfo = QueueInfo()
    cache: CacheInfo = CacheInfo()
    variants: list[str] = []
    loading: str | None = None
    memory: MemoryInfo | None = None
    packs: PacksInfo | None = None


class WarmUpResult(msgspec.Struct, frozen=True, kw_only=True):
    """The base once it is warm; `waited_ms` is how long this call waited for it, in milliseconds."""

    base: BaseInfo
    waited_ms: float


class CancelResult(msgspec.Struct, frozen=True, kw_only=True):
    """`cancelled` is False when the render had already ended."""

    job_id: str
    cancelled: bool


class ShutdownResult(msgspec.Struct, frozen=True, kw_only=True):
    """`jobs`: how many accepted renders are finished (`drain`) or ended before the daemon leaves."""

    draining: bool
    jobs: int


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """Where a render's time went, in milliseconds. `total_ms` runs from acceptance to reply.

    The parts are those of the render that made the picture: one that was joined under way may have begun before, and
    a picture from the cache has none.

    Attributes:
        load_ms: Loading the base, where it was not held.
    """

    queue_ms: float = 0.0
    load_ms: float = 0.0
    adapters_ms: float = 0.0
    encode_ms: float = 0.0
    denoise_ms: float = 0.0
    decode_ms: float = 0.0
    save_ms: float = 0.0
    total_ms: float = 0.0


class StackInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Where a stack came from: `none`, the request's `paths`, or a `style`; names in stack order."""

    source: Literal["none", "paths", "style"]
    genre: str | None = None
    world: str | None = None
    tier: str | None = None
    names: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()


class RenderResult(msgspec.Struct, frozen=True, kw_only=True):
    """A finished picture and the proof of what each adapter changed.

    Attributes:
        image_path: The PNG, absolute, already synced to disk.
        prompt: As it was sent to the model.
        loras: One report an adapter, in stack order.
        stack_delta_ratio: Frobenius norm of what all adapters change together over that of the base weights, over all
            their targets; None for a render without a stack.
        trace_id: Of the trace the render's spans belong to, 32 hex digits; empty when tracing is off.
        cached: The picture existed already and was not rendered again.
    """

    job_id: str
    image_path: str
    width: int
    height: int
    seed: int
    steps: int
    guidance: float
    variant: str
    prompt: str
    timings: Timings
    loras: list[AdapterReport]
    stack_delta_ratio: float | None = None
    stack: StackInfo
    warnings: list[str] = []
    trace_id: str = ""
    cached: bool = False


class JobsResult(msgspec.Struct, frozen=True, kw_only=True):
    """Every job that the daemon knows: the running, the waiting by priority and age, then the ended, latest first."""

    jobs: list[JobInfo]
    queue: QueueInfo
    cache: CacheInfo


class JobError(msgspec.Struct, frozen=True, kw_only=True):
    """What a job ended with instead of a picture, as its own caller was told."""

    code: int
    kind: str
    message: str
    retryable: bool


class JobResult(msgspec.Struct, frozen=True, kw_only=True):
    """One job: with its `result` when it is done, with its `error` when it failed or was cancelled."""

    job: JobInfo
    result: RenderResult | None = None
    error: JobError | None = None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """`notifications/progress`: `progress` of `total` grows with every one; `message` names the stage."""

    progress_token: str | int = msgspec.field(name="progressToken")
    progress: float
    total: float
    message: str = ""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """`notifications/heartbeat`: the request is still alive; sent at most 5 seconds apart."""

    progress_token: str | int = msgspec.field(name="progressToken")
    job_id: str
    state: str
