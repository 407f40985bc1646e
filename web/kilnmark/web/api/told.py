"""What programs are told that get no picture: each error as a status of HTTP, in the form of OpenAI's API.

A table says which status and type an error has; a test holds it whole. `x-should-retry` tells OpenAI's own clients
whether trying again makes sense.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from kilnmark.client.errors import ClientError
from kilnmark.client.reports import reports_of
from kilnmark.protocol.errors import KilnmarkError, nearest
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.errors import (
    AdapterNotEngaged,
    AdapterRefused,
    Cancelled,
    Draining,
    InvalidParams,
    InvalidRequest,
    JobIdTaken,
    JobTimedOut,
    JournalFailed,
    NoWorker,
    ParseError,
    PictureRefused,
    QueueFull,
    RequestError,
    UnknownJob,
)
from kilnmark.web.errors import BodyRefused, NothingThere, UnknownModel

if TYPE_CHECKING:
    from starlette.responses import Response

__all__ = ["STATUSES", "ErrorAnswer", "ToldError", "json_answer", "kind_of", "refused"]

_INVALID, _SERVER = "invalid_request_error", "server_error"

STATUSES: Final[Mapping[type[KilnmarkError], tuple[int, str]]] = {
    KilnmarkError: (500, _SERVER),
    RequestError: (500, _SERVER),
    ParseError: (400, _INVALID),
    InvalidRequest: (400, _INVALID),
    InvalidParams: (400, _INVALID),
    PictureRefused: (400, _INVALID),
    UnknownJob: (404, _INVALID),
    JobIdTaken: (409, _INVALID),
    Cancelled: (409, _INVALID),
    AdapterRefused: (422, _INVALID),
    AdapterNotEngaged: (422, _INVALID),
    QueueFull: (429, "rate_limit_error"),
    Draining: (503, _SERVER),
    NoWorker: (503, _SERVER),
    JournalFailed: (503, _SERVER),
    JobTimedOut: (504, _SERVER),
    ClientError: (503, _SERVER),
    UnknownModel: (404, _INVALID),
    BodyRefused: (400, _INVALID),
    NothingThere: (404, _INVALID),
}
"""Status and type of each error, or of the nearest above it. An error of the client's own means that the daemon is
away."""

_FIELD = re.compile(r"`\$\.params\.([^`]*)`")


class ToldError(msgspec.Struct, frozen=True, kw_only=True):
    """An error as OpenAI's API tells it, and what we know beside.

    Attributes:
        message: What was wrong, and what to do.
        type: One of OpenAI's.
        param: The field that it is about; None: none.
        code: The error's kind, such as `adapter_not_engaged`.
        loras: The engagement reports, in stack order, where it is about adapters.
        job_id: Of the render; None: there is none.
        trace_id: Of the trace that tells of it; empty when tracing is off.
        retryable: The same request may succeed later.
    """

    message: str
    type: str
    param: str | None
    code: str | None
    loras: list[AdapterReport] = []
    job_id: str | None = None
    trace_id: str = ""
    retryable: bool = False


class ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an answer that is no success."""

    error: ToldError


def refused(error: KilnmarkError) -> "Response":
    """The answer that tells an error."""
    status, kind = nearest(STATUSES, type(error))
    if isinstance(error, BodyRefused | NothingThere):
        status = error.status
    told = ToldError(
        message=str(error),
        type=kind,
        param="model" if isinstance(error, UnknownModel) else _param(error),
        code=kind_of(error) or None,
        loras=reports_of(error),
        job_id=error.job_id if isinstance(error, RequestError) else None,
        trace_id=error.trace_id if isinstance(error, RequestError) else "",
        retryable=isinstance(error, RequestError | ClientError) and error.retryable,
    )
    headers = {"x-should-retry": "true" if told.retryable else "false"}
    return json_answer(ErrorAnswer(error=told), status, {**headers, **({"retry-after": "1"} if told.retryable else {})})


def kind_of(error: KilnmarkError) -> str:
    """The kind of an error, one of few words; empty: it has none."""
    return error.kind if isinstance(error, RequestError | ClientError) else ""


def json_answer(body: msgspec.Struct, status: int = 200, headers: Mapping[str, str] | None = None) -> "Response":
    """An answer in JSON."""
    from starlette.responses import Response

    return Response(msgspec.json.encode(body), status, headers, "application/json")


def _param(error: KilnmarkError) -> str | None:
    found = _FIELD.search(error.message) if isinstance(error, RequestError) else None
    return found[1] if found else None
