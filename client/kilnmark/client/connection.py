"""One connection to the daemon without the socket: calls to bytes, received bytes to events of the call they belong to.

Both flavours of the client drive this core and own the I/O and the clock. It allots the ids, which are never used
twice, so that an answer to an abandoned call can be told apart and dropped.
"""

from collections.abc import Mapping
from typing import TypeVar, cast

import msgspec

from kilnmark.client.errors import BadReply, ClientError, ConnectionLost
from kilnmark.protocol.wire import jsonrpc
from kilnmark.protocol.wire.call import CallMeta
from kilnmark.protocol.wire.errors import InvalidParams, ParseError, QueueFull, RequestError, UnknownMethod
from kilnmark.protocol.wire.framing import LineSplitter, OversizedFrame
from kilnmark.protocol.wire.methods import WireMethod
from kilnmark.protocol.wire.replies import Heartbeat, Progress
from kilnmark.protocol.wire.watching import JobChange, Preview

__all__ = ["NONE", "Alive", "Answered", "Connection", "Event", "Progressed", "Raised", "Watched"]

P = TypeVar("P", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)


class Progressed(msgspec.Struct, frozen=True):
    """The call `request` has come further."""

    request: int
    progress: Progress


class Watched(msgspec.Struct, frozen=True):
    """The call `request` watches, and is told of something that happened."""

    request: int
    note: JobChange | Preview

    @property
    def may_be_missed(self) -> bool:
        """What comes after it tells the same and more."""
        return isinstance(self.note, Preview) or self.note.event == "step"


class Alive(msgspec.Struct, frozen=True):
    """The call `request` is still worked on."""

    request: int
    heartbeat: Heartbeat


class Answered(msgspec.Struct, frozen=True):
    """The call `request` ended well; `result` is of its method's result type."""

    request: int
    result: msgspec.Struct


class Raised(msgspec.Struct, frozen=True):
    """The call `request` ended with an error, ready to be raised."""

    request: int
    error: RequestError | ClientError


NONE = 0
"""The id of no call."""

_OTHER_VERSION = "the daemon is of another version than this client: `kilnmark stop`, then start it again from here"

LINE_LIMIT = 64 << 20
"""Bytes of the longest line that is taken from a daemon: an inspection of many large files has a few million."""


Event = Progressed | Watched | Alive | Answered | Raised


class _Cancelled(msgspec.Struct, frozen=True, rename="camel"):
    request_id: int
    reason: str


class Connection:
    """The state of one connection: which calls are open, and the bytes that are not yet a line."""

    def __init__(self) -> None:
        self._lines = LineSplitter(LINE_LIMIT)
        self._allotted = 0
        self._open: dict[int, type[msgspec.Struct]] = {}
        self._names: dict[int, str] = {}

    @property
    def pending(self) -> tuple[str, ...]:
        """The methods that wait for an answer, oldest first."""
        return tuple(self._names.values())

    def begin(
        self,
        method: WireMethod[P, R],
        params: P,
        traceparent: str | None = None,
        tracestate: str | None = None,
    ) -> tuple[int, bytes]:
        """Open a call: its id, and the line to send.

        Args:
            method: What to call.
            params: Its checked parameters.
            traceparent, tracestate: The caller's W3C trace context, if it has one.
        """
        self._allotted = request = self._allotted + 1
        token = request if method.lasting else None
        meta = msgspec.structs.replace(
            _meta_of(params), progress_token=token, traceparent=traceparent, tracestate=tracestate
        )
        self._open[request] = method.result
        self._names[request] = method.name
        line = jsonrpc.request(request, method.name, msgspec.structs.replace(params, meta=meta))
        return request, line + b"\n"

    def is_open(self, request: int) -> bool:
        """Whether a call still waits for its answer."""
        return request in self._open

    def forget(self, request: int) -> None:
        """Drop whatever still arrives for a call; one that has ended is no mistake."""
        self._open.pop(request, None)
        self._names.pop(request, None)

    def cancel(self, request: int, reason: str) -> bytes:
        """Forget a call: the line that tells the daemon to stop working on it."""
        self.forget(request)
        return jsonrpc.notification("notifications/cancelled", _Cancelled(request, reason)) + b"\n"

    def receive(self, data: bytes) -> list[Event]:
        """Take received bytes, however they were cut, and return the events they complete.

        Raises:
            BadReply: the bytes are not of this protocol; the connection is of no further use.
            ConnectionLost: the daemon lets no more clients in; it has read nothing of what was sent.
        """
        events = (self._read(line) for line in self._lines.feed(data))
        return [event for event in events if event is not None]

    def _read(self, line: bytes | OversizedFrame) -> Event | None:
        if isinstance(line, OversizedFrame):
            raise BadReply(f"a line is longer than {line.limit} bytes")
        try:
            message = jsonrpc.read_message(line)
        except ParseError as error:
            raise BadReply(error.message) from error
        if isinstance(message, jsonrpc.Note):
            return self._read_note(message)
        if message.id is None and isinstance(message.error, QueueFull):
            raise ConnectionLost(self.pending, message.error.message)
        if message.id is None and message.error is not None:
            problem = f"it could not read a request ({message.error.message})"
            raise BadReply(problem)
        if not self._was_asked(message.id):
            return None
        request = int(message.id or 0)
        result_type = self._open[request]
        self.forget(request)
        if message.error is not None:
            return Raised(request, _as_seen_from_here(message.error))
        try:
            return Answered(request, msgspec.json.decode(message.result, type=result_type))
        except msgspec.DecodeError as error:
            return Raised(request, BadReply(f"{result_type.__name__} does not fit: {error}; {_OTHER_VERSION}"))

    def _read_note(self, note: jsonrpc.Note) -> Event | None:
        """Notifications of a kind that is not known are a newer daemon's, and are left alone."""
        if note.method == "notifications/progress":
            progress = _decode(note.params, Progress)
            is_open = self._was_asked(progress.progress_token)
            return Progressed(int(progress.progress_token), progress) if is_open else None
        if note.method == "notifications/heartbeat":
            heartbeat = _decode(note.params, Heartbeat)
            is_open = self._was_asked(heartbeat.progress_token)
            return Alive(int(heartbeat.progress_token), heartbeat) if is_open else None
        if (type_ := _TOLD.get(note.method)) is not None:
            told = _decode(note.params, type_)
            is_open = self._was_asked(told.progress_token)
            return Watched(int(told.progress_token), told) if is_open else None
        return None

    def _was_asked(self, id_: str | int | None) -> bool:
        """Whether the call still waits; False for one that was given up.

        Raises:
            BadReply: the id was never allotted.
        """
        if not isinstance(id_, int) or not 1 <= id_ <= self._allotted:
            problem = f"it belongs to a call {id_!r} that was never made"
            raise BadReply(problem)
        return id_ in self._open


def _as_seen_from_here(error: RequestError) -> RequestError:
    """What to do about it, where it can only come of a daemon of another version: it does not know what it was asked.

    Requests are built here of what this version knows, so no caller can have misspelt a method or a field.
    """
    if isinstance(error, UnknownMethod) or (isinstance(error, InvalidParams) and "unknown field" in error.message):
        problem = f"{error.message}; {_OTHER_VERSION}"
        return type(error)(problem, job_id=error.job_id, detail=error.detail, retryable=error.retryable)
    return error


def _meta_of(params: msgspec.Struct) -> CallMeta:
    """What rides beside them already."""
    return cast("CallMeta", getattr(params, "meta", CallMeta()))


_TOLD: Mapping[str, type[JobChange] | type[Preview]] = {
    "notifications/job": JobChange,
    "notifications/preview": Preview,
}

N = TypeVar("N", bound=msgspec.Struct)


def _decode(raw: bytes, type_: type[N]) -> N:
    try:
        return msgspec.json.decode(raw, type=type_)
    except msgspec.DecodeError as error:
        problem = f"{type_.__name__} does not fit: {error}"
        raise BadReply(problem) from error
