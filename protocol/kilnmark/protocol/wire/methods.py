"""The methods of the wire: what each is called, what it takes, and what it answers with.

One line a method; both ends and the reference page read it here. What a method does is the daemon's, and how it is
called from Python the client's.
"""

from typing import Generic, TypeVar

import msgspec

from kilnmark.protocol.content.composition import Composition
from kilnmark.protocol.wire.inspection import InspectionDocument
from kilnmark.protocol.wire.job_requests import JobParams, JobsParams, JobWaitParams, MoveParams, WatchParams
from kilnmark.protocol.wire.notices import NoticeParams, NoticeResult, NoticesParams, NoticesResult
from kilnmark.protocol.wire.replies import (
    CancelResult,
    JobResult,
    JobsResult,
    MoveResult,
    PingResult,
    RenderResult,
    ShutdownResult,
    WarmUpResult,
)
from kilnmark.protocol.wire.requests import (
    CancelParams,
    LoraInspectParams,
    PingParams,
    RenderParams,
    ShutdownParams,
    StatusParams,
    StyleComposeParams,
    WarmUpParams,
)
from kilnmark.protocol.wire.status import StatusResult
from kilnmark.protocol.wire.watching import WatchResult

__all__ = ["METHODS", "WireMethod"]

P = TypeVar("P", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)


class WireMethod(msgspec.Struct, Generic[P, R], frozen=True):
    """A method of the daemon.

    Attributes:
        name: As it stands on the wire.
        params: The Struct its parameters must be.
        result: The Struct it is answered with.
        lasting: It runs until work is done: clients ask for progress and heartbeats, and giving up cancels it.
        repeatable: Sent twice it does what it does once, so clients send it again when its answer was lost. A render
            is, under its `job_id`.
    """

    name: str
    params: type[P]
    result: type[R]
    lasting: bool = False
    repeatable: bool = True


PING = WireMethod("ping", PingParams, PingResult)
STATUS = WireMethod("status", StatusParams, StatusResult)
WARM_UP = WireMethod("warm_up", WarmUpParams, WarmUpResult, lasting=True)
RENDER = WireMethod("render", RenderParams, RenderResult, lasting=True)
CANCEL = WireMethod("cancel", CancelParams, CancelResult)
LORA_INSPECT = WireMethod("lora.inspect", LoraInspectParams, InspectionDocument, lasting=True)
STYLE_COMPOSE = WireMethod("style.compose", StyleComposeParams, Composition, lasting=True)
JOBS_LIST = WireMethod("jobs.list", JobsParams, JobsResult)
JOBS_GET = WireMethod("jobs.get", JobParams, JobResult)
JOBS_WAIT = WireMethod("jobs.wait", JobWaitParams, JobResult, lasting=True)
JOBS_WATCH = WireMethod("jobs.watch", WatchParams, WatchResult, lasting=True, repeatable=False)
JOBS_MOVE = WireMethod("jobs.move", MoveParams, MoveResult)
NOTICES_LEAVE = WireMethod("notices.leave", NoticeParams, NoticeResult)
NOTICES_LIST = WireMethod("notices.list", NoticesParams, NoticesResult)
SHUTDOWN = WireMethod("shutdown", ShutdownParams, ShutdownResult, repeatable=False)

METHODS: tuple[WireMethod[msgspec.Struct, msgspec.Struct], ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, WireMethod)
)
"""All of them, in the order in which they stand here."""
