"""What every method is answered with, and the notifications on the way there.

Unknown fields are tolerated, so that an older client can talk to a newer daemon. What is asked is in
`requests`, what `status` shows in `status`, and a job as it is listed in `jobs`.
"""

from typing import Literal

import msgspec

from kilnmark.protocol.picture.catalog import Priority
from kilnmark.protocol.picture.numerics import Numerics
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.picture.spec import PictureNumbers
from kilnmark.protocol.wire.jobs import JobInfo, QueueInfo
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.status import CacheInfo

__all__ = [
    "CancelResult",
    "Heartbeat",
    "JobError",
    "JobResult",
    "JobsResult",
    "MoveResult",
    "PingResult",
    "Progress",
    "RenderResult",
    "ShutdownResult",
    "StackInfo",
    "Timings",
    "WarmUpResult",
]


class PingResult(msgspec.Struct, frozen=True, kw_only=True):
    """Proof of life.

    Attributes:
        version: Of kilnmark.
        pid: The daemon's process.
        uptime_s: Since it was started, in seconds.
    """

    version: str
    pid: int
    uptime_s: float


class WarmUpResult(msgspec.Struct, frozen=True, kw_only=True):
    """The base once it is warm.

    Attributes:
        base: What it is.
        waited_ms: How long this call waited for it, in milliseconds.
    """

    base: BaseInfo
    waited_ms: float


class CancelResult(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a render was stopped.

    Attributes:
        job_id: Which.
        cancelled: False when it had already ended.
    """

    job_id: str
    cancelled: bool


class MoveResult(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a job has another priority.

    Attributes:
        job_id: Which.
        moved: It waits with the priority that was asked for. False: it is begun or has ended.
        priority: The one that it has now.
    """

    job_id: str
    moved: bool
    priority: Priority


class ShutdownResult(msgspec.Struct, frozen=True, kw_only=True):
    """The daemon is on its way out.

    Attributes:
        draining: It finishes what it has accepted first. false where it was not asked to, or has no worker that could.
        jobs: How many accepted renders there are: they are finished so, or left.
        kept: What is not finished is in the journal, and the next daemon goes on with it. false: it ends with this one,
            or this one is older and does not say.
    """

    draining: bool
    jobs: int
    kept: bool = False


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """Where a render's time went, in milliseconds. `total_ms` runs from acceptance to reply.

    The parts are those of the render that made the picture: one that was joined under way may have begun before, and
    a picture from the cache has none.

    Attributes:
        queue_ms: Waiting to be painted.
        load_ms: Loading the base, where it was not held.
        adapters_ms: Reading the adapters and putting them on the base.
        encode_ms: Encoding the prompt.
        denoise_ms: All steps.
        decode_ms: From latents to pixels.
        save_ms: Writing the picture.
        total_ms: From acceptance to reply.
    """

    queue_ms: float = 0.0
    load_ms: float = 0.0
    adapters_ms: float = 0.0
    encode_ms: float = 0.0
    denoise_ms: float = 0.0
    decode_ms: float = 0.0
    save_ms: float = 0.0
    total_ms: float = 0.0

    @property
    def painting_ms(self) -> float:
        """All parts but the waiting, in milliseconds."""
        made = self.adapters_ms + self.encode_ms + self.denoise_ms + self.decode_ms
        return round(self.load_ms + made + self.save_ms, 3)


class StackInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Where a stack came from.

    Attributes:
        source: The request's `paths`, a `style`, or `none`.
        genre, world, tier: As they were asked for.
        names: Of its adapters, in stack order.
        excluded: Adapters of the genre that the world leaves out.
        triggers: Of its adapters, as they stand before the prompt.
    """

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
        job_id: The caller's own, or one that was drawn.
        seed: Of the noise.
        timings: Where its time went.
        stack: Where its adapters came from.
        warnings: What is otherwise than was asked for, in sentences.
        image_path: The PNG, absolute, already synced to disk.
        variant: The base that it was painted on.
        loras: One report an adapter, in stack order.
        stack_delta_ratio: Frobenius norm of what all adapters change together over that of the base weights, over all
            their targets, of several estimated to within 2 % of it; None for a render without a stack.
        trace_id: Of the trace the render's spans belong to, 32 hex digits; empty when tracing is off.
        cached: The picture existed already and was not rendered again.
        numerics: What it was painted in: `exact`, as the family's own library computes, or `fast`.
        image_sha256: Of the PNG's bytes as they were written, in hex; empty for a picture of an older daemon.
        notice: Set when the picture must not be taken for a real one, with the reason: it is a draft, or its base means
            nothing.
        span_id: Of the render's own span, 16 hex digits, for whoever links to it; empty when tracing is off.
        node: Of a farm, which one painted it; a daemon leaves it empty.
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
    numerics: Numerics = "exact"
    image_sha256: str = ""
    notice: str = ""
    span_id: str = ""
    node: str = ""


class JobsResult(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs that the daemon knows, a page of them.

    Attributes:
        jobs: The running, the waiting by priority and age, those whose files are being looked at, and the ended, the
            latest first.
        queue: What waits, in numbers.
        cache: The pictures that can be an answer again.
        next: Where the next page begins; None: there is none.
    """

    jobs: list[JobInfo]
    queue: QueueInfo
    cache: CacheInfo
    next: str | None = None


class JobError(msgspec.Struct, frozen=True, kw_only=True):
    """What a job ended with instead of a picture, as its own caller was told.

    Attributes:
        code, kind, message, retryable: Those of the error.
        loras: What each adapter did, in stack order, where the error tells of them.
        trace_id: Of the trace that its spans belong to, 32 hex digits; empty when tracing is off.
    """

    code: int
    kind: str
    message: str
    retryable: bool
    loras: list[AdapterReport] = []
    trace_id: str = ""


class JobResult(msgspec.Struct, frozen=True, kw_only=True):
    """One job.

    Attributes:
        job: How far it is.
        result: Its picture, once it is done.
        error: Why there is none, once it failed or was cancelled.
    """

    job: JobInfo
    result: RenderResult | None = None
    error: JobError | None = None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """`notifications/progress`: how far a request is.

    Attributes:
        progress_token: The request's own.
        progress: Grows with every one.
        total: What it grows to.
        message: The stage: `queued`, `adapters`, `encode`, `denoise 2/12`, `decode`, `save`.
    """

    progress_token: str | int = msgspec.field(name="progressToken")
    progress: float
    total: float
    message: str = ""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """`notifications/heartbeat`: the request is still alive; sent at most 5 seconds apart.

    Attributes:
        progress_token: The request's own.
        job_id: Its render's; empty where it is none.
        state: What it waits for: for a render `warming`, `degraded`, `queued`, `paused` (to save power, or to cool),
            `running` or `cancelling`.
    """

    progress_token: str | int = msgspec.field(name="progressToken")
    job_id: str
    state: str
