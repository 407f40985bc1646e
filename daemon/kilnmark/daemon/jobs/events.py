"""What happens to jobs, as it is written down: one frozen Struct an event, each of them JSON and back without loss.

Together they are all that is known of the queue: `state` is made of them and of nothing else, so that whoever keeps the
list can make the queue again. `queue` alone writes them. No clock, no future and no span stands in them.
"""

from typing import Any

import msgspec

from kilnmark.daemon.pictures.hashes import Seen
from kilnmark.protocol.picture.catalog import Priority
from kilnmark.protocol.wire.call import CallMeta
from kilnmark.protocol.wire.notices import BatchEnd
from kilnmark.protocol.wire.replies import JobError, RenderResult
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.work import RenderCommand

__all__ = [
    "DaemonStarted",
    "DaemonStopped",
    "JobAccepted",
    "JobEnded",
    "JobEvent",
    "JobMoved",
    "JobReady",
    "NoticeLeft",
    "RenderBegun",
    "RenderPainted",
    "RenderStopping",
    "WorkerGone",
    "decode_event",
    "encode_event",
    "jobs_of",
    "without_meta",
]


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """`at`: when it happened, by the wall clock in seconds since 1970; never before the event that came before it."""

    at: float


class JobAccepted(_Event, frozen=True, kw_only=True, tag="accepted"):
    """A request was taken in. These are the facts of its job, and they never change.

    Attributes:
        job_id: The caller's own, or one we drew.
        params: What was asked, without its `_meta`: the same request whoever traces it.
        command: What the worker is told of it, its adapters where the request has them.
        warnings: Sentences that acceptance adds to the result.
        repeatable: Its seed was not drawn for it alone.
        traceparent, tracestate: W3C trace context that its spans belong to, in this process and in a later one.
        attached: It is its caller's alone: after a daemon's death it waits until they are back.
    """

    job_id: str
    params: RenderParams
    command: RenderCommand
    warnings: tuple[str, ...] = ()
    repeatable: bool
    traceparent: str | None = None
    tracestate: str | None = None
    attached: bool = False

    @property
    def named_by_caller(self) -> bool:
        """The caller can ask for it again, so it is worth finishing without anybody waiting."""
        return self.params.job_id is not None

    @property
    def may_share(self) -> bool:
        """A picture that was not painted for it alone may be its answer."""
        return self.params.cache and self.repeatable


class JobReady(_Event, frozen=True, kw_only=True, tag="ready"):
    """Nothing is left to find out before a job can be painted.

    Attributes:
        lora_paths: Where its adapters really are, in stack order.
        seen: The adapters' files as they were found; None when one could not be looked at.
        lora_sha256s: What they have to hold when they are painted with; empty: whatever they do.
        joins: The open job whose render it shares, because that asked for the same; None: it has a render of its own.
    """

    job_id: str
    lora_paths: tuple[str, ...] = ()
    seen: Seen | None
    lora_sha256s: tuple[str, ...] = ()
    joins: str | None = None


class RenderBegun(_Event, frozen=True, kw_only=True, tag="begun"):
    """The worker got a render.

    Attributes:
        job_ids: Who shares it, in the order they came; the picture bears the first one's id.
        passed: The first job of the elder render that it went before, if it did.
    """

    job_ids: tuple[str, ...]
    passed: str | None = None


class RenderPainted(_Event, frozen=True, kw_only=True, tag="painted"):
    """A render only has to be saved; `job_ids` share it."""

    job_ids: tuple[str, ...]


class RenderStopping(_Event, frozen=True, kw_only=True, tag="stopping"):
    """The last job of a begun render is given up: it ends with this error once the worker has stopped."""

    job_id: str
    error: JobError


class JobEnded(_Event, frozen=True, kw_only=True, tag="ended"):
    """A job has its result, or its error.

    Attributes:
        step: Denoise steps that were done.
    """

    job_id: str
    step: int = 0
    result: RenderResult | None = None
    error: JobError | None = None


class JobMoved(_Event, frozen=True, kw_only=True, tag="moved"):
    """A job that waits got another priority than it was asked for with."""

    job_id: str
    priority: Priority


class NoticeLeft(_Event, frozen=True, kw_only=True, tag="notice_left"):
    """Somebody wants to be told of something that is no job, such as the end of a batch.

    Attributes:
        notice_id: Whoever left it chose it.
        notify_url: Where.
        batch: Of what.
    """

    notice_id: str
    notify_url: str
    batch: BatchEnd


class WorkerGone(_Event, frozen=True, kw_only=True, tag="worker_gone"):
    """The worker was lost, and with it the stack that was on its base; what it had to paint waits again."""

    reason: str


class DaemonStopped(_Event, frozen=True, kw_only=True, tag="daemon_stopped"):
    """A daemon leaves in order what is open: what was begun waits again, as if it had not been begun."""


class DaemonStarted(_Event, frozen=True, kw_only=True, tag="daemon_started"):
    """A daemon goes on with what is written before: what was begun then waits again, and counts begin anew.

    What belongs to callers alone who have to come back first is not ready any more, nor is what gets promoted adapters
    only: they may have been demoted.

    Attributes:
        promoted_only: That is so for all renders of this daemon.
    """

    promoted_only: bool = False


JobEvent = (
    JobAccepted
    | JobReady
    | RenderBegun
    | RenderPainted
    | RenderStopping
    | JobEnded
    | JobMoved
    | NoticeLeft
    | WorkerGone
    | DaemonStopped
    | DaemonStarted
)

_encoder = msgspec.json.Encoder()
_decoder: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder(JobEvent)


def encode_event(event: JobEvent) -> bytes:
    """One JSON object, without a newline."""
    return _encoder.encode(event)


def decode_event(document: bytes) -> JobEvent:
    """Raises msgspec.DecodeError when it is no event."""
    event: JobEvent = _decoder.decode(document)
    return event


def jobs_of(event: JobEvent) -> tuple[str, ...]:
    """The ids of the jobs, or the notice, that an event is about, and whose other events it makes no sense without."""
    match event:
        case RenderBegun() | RenderPainted():
            return event.job_ids
        case JobReady():
            return (event.job_id,) if event.joins is None else (event.job_id, event.joins)
        case NoticeLeft():
            return (event.notice_id,)
        case JobAccepted() | RenderStopping() | JobEnded() | JobMoved():
            return (event.job_id,)
        case _:
            return ()


def without_meta(params: RenderParams) -> RenderParams:
    """The same request whoever traces it and whether or not its progress is wanted."""
    return msgspec.structs.replace(params, meta=CallMeta())
