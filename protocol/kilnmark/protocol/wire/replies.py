"""What every method is answered with, and the notifications on the way there.

Unknown fields are tolerated, so that an older client can talk to a newer daemon. What is asked is in `requests`.
"""

from typing import Literal

import msgspec

from kilnmark.protocol.content.problems import Problem
from kilnmark.protocol.picture.catalog import Priority
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.picture.spec import PictureNumbers
from kilnmark.protocol.wire.memory import BaseInfo, MemoryInfo

__all__ = [
    "CacheInfo",
    "CancelResult",
    "Heartbeat",
    "JobError",
    "JobInfo",
    "JobResult",
    "JobsResult",
    "PacksInfo",
    "PingResult",
    "Progress",
    "QueueInfo",
    "RenderResult",
    "ShutdownResult",
    "StackInfo",
    "StatusResult",
    "Timings",
    "WarmUpResult",
    "WorkerInfo",
]


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


class RenderResult(PictureNumbers, frozen=True, kw_only=True):
    """A finished picture and the proof of what each adapter changed.

    Attributes:
        image_path: The PNG, absolute, already synced to disk.
        variant: The base that it was painted on.
        loras: One report an adapter, in stack order.
        stack_delta_ratio: Frobenius norm of what all adapters change together over that of the base weights, over all
            their targets; None for a render without a stack.
        trace_id: Of the trace the render's spans belong to, 32 hex digits; empty when tracing is off.
        cached: The picture existed already and was not rendered again.
    """

    job_id: str
    image_path: str
    seed: int
    variant: str
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
