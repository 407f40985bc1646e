"""The errors a request can end with, shared by both ends of the wire.

The daemon raises them, `jsonrpc` puts them on the wire, the client raises them again as the same class. Each class
stores facts (code, kind, retryable, job_id, detail, trace_id); nothing is hidden in the wording.

    RequestError
    ├── ParseError          -32700   bad JSON, bad UTF-8, too deep
    ├── InvalidRequest      -32600   not a JSON-RPC 2.0 request
    ├── UnknownMethod       -32601
    ├── InvalidParams       -32602   the message names the field as a path: $.params.lora_scales[1]
    ├── InternalError       -32603   a defect of ours
    ├── RenderFailed        -32000
    ├── QueueFull           -32001   retryable
    ├── Draining            -32002   retryable: the daemon is going down
    ├── WorkerLost          -32003   the process that owns the base died or hung; not retryable for one render twice
    ├── UnknownJob          -32004
    ├── JobTimedOut         -32005   retryable
    ├── StorageFailed       -32006   the picture could not be written
    ├── AdapterRefused      -32007   not a safe, readable adapter for this base
    │   └── AdapterNotAllowed  -32013   this daemon's settings keep it out
    ├── AdapterNotEngaged   -32008   an adapter would change nothing, or only part of what it should
    ├── JournalFailed       -32009   retryable: what is accepted could not be kept
    ├── JobIdTaken          -32010   the job_id was given to a request with other parameters
    ├── NoWorker            -32011   no worker gets ready; retryable, unless somebody has to mend its base first
    ├── PictureRefused      -32012   no picture that another can start from
    └── Cancelled           -32800
"""

import re
from collections.abc import Mapping

from kilnmark.protocol.errors import KilnmarkError

__all__ = [
    "BY_CODE",
    "AdapterNotAllowed",
    "AdapterNotEngaged",
    "AdapterRefused",
    "Cancelled",
    "Draining",
    "InternalError",
    "InvalidParams",
    "InvalidRequest",
    "JobIdTaken",
    "JobTimedOut",
    "JournalFailed",
    "NoWorker",
    "ParseError",
    "PictureRefused",
    "QueueFull",
    "RenderFailed",
    "RequestError",
    "StorageFailed",
    "UnknownJob",
    "UnknownMethod",
    "WorkerLost",
]


_PATH = re.compile(r"`\$\.params\.(?:_meta\.)?([^`]*)`")


class RequestError(KilnmarkError):
    """A request that ended with an error object instead of a result.

    Args:
        message: One sentence: what was wrong, where, and what to do.
        job_id: The render it belongs to, if there is one.
        detail: JSON-compatible facts for programs, such as the engagement reports of a refused stack.
        retryable: Overrides the class's own answer to "may the same request succeed later, unchanged?".

    Attributes:
        code, kind: The class's own, save for an error of a newer daemon, which keeps those it came with.
        trace_id: Of the trace that tells of it, 32 hex digits; empty when there is none.
    """

    code: int = -32603
    kind: str = "internal"
    retryable: bool = False

    def __init__(
        self,
        message: str,
        *,
        job_id: str | None = None,
        detail: object = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.job_id = job_id
        self.detail = detail
        self.trace_id = ""
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        """The message as a caller in Python reads it: a field by its keyword. On the wire it is a path."""
        return _PATH.sub(r"`\1`", self.message)


class ParseError(RequestError):
    """The line is not one JSON value, is not UTF-8, or is nested too deep."""

    code = -32700
    kind = "parse"


class InvalidRequest(RequestError):
    """The value is JSON, but not a JSON-RPC 2.0 request."""

    code = -32600
    kind = "invalid_request"


class UnknownMethod(RequestError):
    """No method has this name."""

    code = -32601
    kind = "unknown_method"


class InvalidParams(RequestError):
    """A parameter is missing, unknown, of the wrong type or out of bounds; the message names its path."""

    code = -32602
    kind = "invalid_params"


class InternalError(RequestError):
    """A defect of ours; the daemon's log has the traceback."""

    code = -32603
    kind = "internal"


class RenderFailed(RequestError):
    """The render started and could not be finished."""

    code = -32000
    kind = "render_failed"


class QueueFull(RequestError):
    """The daemon has accepted as many renders as it can hold."""

    code = -32001
    kind = "queue_full"
    retryable = True


class Draining(RequestError):
    """The daemon is going down and accepts no more renders."""

    code = -32002
    kind = "draining"
    retryable = True


class WorkerLost(RequestError):
    """The process that owns the base died or hung, or the daemon did, each time that the render was tried."""

    code = -32003
    kind = "worker_lost"
    retryable = True


class UnknownJob(RequestError):
    """No render has this job_id."""

    code = -32004
    kind = "unknown_job"


class JobTimedOut(RequestError):
    """The render did not end before its deadline."""

    code = -32005
    kind = "timed_out"
    retryable = True


class StorageFailed(RequestError):
    """The picture could not be written."""

    code = -32006
    kind = "storage"


class AdapterRefused(RequestError):
    """An adapter is not a safe, readable file, or does not fit this base."""

    code = -32007
    kind = "adapter_refused"


class AdapterNotAllowed(AdapterRefused):
    """This daemon paints with promoted adapters only, and one is not; another daemon may take the same."""

    code = -32013
    kind = "adapter_not_allowed"


class AdapterNotEngaged(RequestError):
    """An adapter would change nothing, or only part of what it should."""

    code = -32008
    kind = "adapter_not_engaged"


class JournalFailed(RequestError):
    """A render cannot be accepted, because it could not be written down; tried again by the daemon every second."""

    code = -32009
    kind = "journal"
    retryable = True


class JobIdTaken(RequestError):
    """The job_id was given to a request with other parameters; a new id, or the same parameters, will do."""

    code = -32010
    kind = "job_id_taken"


class NoWorker(RequestError):
    """No process gets ready to paint; one is tried again and again, and what was accepted is kept."""

    code = -32011
    kind = "no_worker"
    retryable = True


class PictureRefused(RequestError):
    """A picture to start from is not there, may not be read, is none, is too large, or was changed meanwhile."""

    code = -32012
    kind = "picture_refused"


class Cancelled(RequestError):
    """The render was cancelled, by its caller or by another connection."""

    code = -32800
    kind = "cancelled"


BY_CODE: Mapping[int, type[RequestError]] = {
    cls.code: cls
    for cls in (
        ParseError,
        InvalidRequest,
        UnknownMethod,
        InvalidParams,
        InternalError,
        RenderFailed,
        QueueFull,
        Draining,
        WorkerLost,
        UnknownJob,
        JobTimedOut,
        StorageFailed,
        AdapterRefused,
        AdapterNotEngaged,
        JournalFailed,
        JobIdTaken,
        NoWorker,
        PictureRefused,
        AdapterNotAllowed,
        Cancelled,
    )
}
