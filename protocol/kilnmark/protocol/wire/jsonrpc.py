"""The JSON-RPC 2.0 rules of both ends: frames to calls and replies, results and errors to frames.

Every decoding error of the JSON library is translated here into our error tree, with a path that starts at the
request's root (`$.params.lora_scales[1]`). Nothing here knows a socket.
"""

from typing import Any, TypeVar

import msgspec

from kilnmark.protocol.printable import encodable_json
from kilnmark.protocol.wire.decoding import DEPTH_LIMIT, is_too_deep, whole_numbers, worded
from kilnmark.protocol.wire.errors import BY_CODE, InvalidParams, InvalidRequest, ParseError, RequestError

__all__ = [
    "BATCH_LIMIT",
    "REPLIES_LIMIT",
    "SMALL_REPLY",
    "Call",
    "Frame",
    "Note",
    "Refusal",
    "Reply",
    "batch",
    "failure",
    "notification",
    "params_as",
    "read_frame",
    "read_message",
    "request",
    "result",
]

BATCH_LIMIT = 64
REPLIES_LIMIT = 16 << 20
"""Bytes of the replies of a batch together, beyond which no reply of more than `SMALL_REPLY` is among them."""
SMALL_REPLY = 64 << 10
"""Requests in one line."""
ID_LIMIT = 256
"""Bytes of an id, as it is written."""

P = TypeVar("P", bound=msgspec.Struct)


class Call(msgspec.Struct, frozen=True):
    """One request or notification. `id` is the caller's own bytes; None marks a notification, which gets no reply."""

    id: bytes | None
    method: str
    params: bytes


class Refusal(msgspec.Struct, frozen=True):
    """Something that is no call; its reply carries the id where one could be read, else null."""

    id: bytes
    error: RequestError


class Frame(msgspec.Struct, frozen=True):
    """What one line asked for. `is_batch` says that the replies go back together, as one array."""

    items: tuple[Call | Refusal, ...]
    is_batch: bool = False


class Reply(msgspec.Struct, frozen=True):
    """An answer, as a client sees it: `result` holds raw JSON unless `error` is set."""

    id: str | int | None
    result: bytes = b"null"
    error: RequestError | None = None


class Note(msgspec.Struct, frozen=True):
    """A notification, as a client sees it."""

    method: str
    params: bytes


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    jsonrpc: msgspec.Raw
    method: msgspec.Raw
    id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    params: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _ErrorData(msgspec.Struct):
    kind: str = ""
    retryable: bool | None = None
    job_id: str | None = None
    detail: Any = None
    trace_id: str = ""


class _ErrorObject(msgspec.Struct):
    code: int
    message: str
    data: _ErrorData | None = None


class _Incoming(msgspec.Struct):
    id: str | int | None = None
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: _ErrorObject | None = None


_encode = msgspec.json.Encoder().encode
_check = msgspec.json.Decoder(msgspec.Raw).decode
_decode_values = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_incoming = msgspec.json.Decoder(_Incoming).decode


def read_frame(line: bytes) -> Frame:
    """What a line asks the daemon to do. Never raises: what cannot be a call becomes a `Refusal`."""
    try:
        line.decode()
        _check(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Frame((Refusal(b"null", ParseError(f"this line is not one JSON value: {worded(error)}")),))
    if is_too_deep(line):
        problem = f"this line is nested too deep; use at most {DEPTH_LIMIT} arrays and objects inside one another"
        return Frame((Refusal(b"null", ParseError(problem)),))
    if not line.lstrip().startswith(b"["):
        return Frame((_read_call(line),))
    values = _decode_values(line)
    if not values:
        return Frame((Refusal(b"null", InvalidRequest("the batch is empty; send at least one request")),))
    if len(values) > BATCH_LIMIT:
        problem = f"the batch has {len(values)} requests; send at most {BATCH_LIMIT} in one line"
        return Frame((Refusal(b"null", InvalidRequest(problem)),))
    return Frame(tuple(_read_call(bytes(value)) for value in values), is_batch=True)


def _read_call(value: bytes) -> Call | Refusal:
    try:
        envelope = _decode_envelope(value)
    except msgspec.ValidationError as error:
        return Refusal(_find_id(value), InvalidRequest(f"not a JSON-RPC 2.0 request: {worded(error)}"))
    id_ = None if envelope.id is msgspec.UNSET else bytes(envelope.id).strip()
    if id_ is not None and (wrong := _wrong_id(id_)) is not None:
        return Refusal(b"null", InvalidRequest(wrong))
    if bytes(envelope.jsonrpc).strip() != b'"2.0"':
        problem = 'jsonrpc must be exactly "2.0" - at `$.jsonrpc`'
    elif not bytes(envelope.method).lstrip().startswith(b'"'):
        problem = "method must be a string - at `$.method`"
    else:
        return _with_params(id_, envelope)
    return Refusal(id_ or b"null", InvalidRequest(problem))


def _with_params(id_: bytes | None, envelope: _Envelope) -> Call | Refusal:
    """Several clients can only send arrays, so `[]` and `[{...}]` stand for an object."""
    method = msgspec.json.decode(bytes(envelope.method), type=str)
    params = b"{}" if envelope.params is msgspec.UNSET else bytes(envelope.params).strip()
    if params.startswith(b"["):
        values = _decode_values(params)
        params = bytes(values[0]).strip() if len(values) == 1 else b"{}" if not values else b"["
    if not params.startswith(b"{"):
        problem = "params must be an object, [] or an array of one object - at `$.params`"
        return Refusal(id_, InvalidParams(problem)) if id_ is not None else Call(None, method, b"null")
    return Call(id_, method, params)


def _find_id(value: bytes) -> bytes:
    """The id of something that is no valid request, so that its sender can tell which one failed."""
    try:
        id_ = bytes(msgspec.json.decode(value, type=dict[str, msgspec.Raw]).get("id", msgspec.Raw(b"null"))).strip()
    except msgspec.ValidationError:
        return b"null"
    return id_ if _wrong_id(id_) is None else b"null"


def _wrong_id(raw: bytes) -> str | None:
    """Why an id is none that could be told from another one; None for one that can."""
    if len(raw) > ID_LIMIT or not (raw == b"null" or raw[:1] in b'"-0123456789'):
        return f"id must be a string or a number of at most {ID_LIMIT} bytes - at `$.id`"
    try:
        msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return "id is beyond every number - at `$.id`; send a string, or a number that a double can hold"
    return None


def params_as(type_: type[P], raw: bytes) -> P:
    """Decode a call's parameters.

    Raises:
        InvalidParams: naming the field as a path from the request's root.
    """
    try:
        values = msgspec.json.decode(raw)
        if isinstance(values, dict):
            _refuse_singulars(values, type_)
        return msgspec.convert(whole_numbers(values), type_)
    except msgspec.ValidationError as error:
        raise InvalidParams(worded(error, "$.params")) from error


def _refuse_singulars(values: dict[str, Any], type_: type[msgspec.Struct]) -> None:
    arrays = [name for name in ("lora_paths", "lora_scales") if name in type_.__struct_encode_fields__]
    for singular in (name.removesuffix("s") for name in arrays):
        if singular in values:
            mend = (
                "arrays lora_paths and lora_scales, one scale for each path" if len(arrays) > 1 else "array lora_paths"
            )
            raise InvalidParams(f"{singular} does not exist - at `$.params.{singular}`; send the {mend}")


def result(id_: bytes, value: object) -> bytes:
    """A success reply as JSON, without newline. Names of files may be no text, and it is sent all the same."""
    return b'{"jsonrpc":"2.0","id":' + id_ + b',"result":' + encodable_json(value) + b"}"


def failure(id_: bytes, error: RequestError) -> bytes:
    """An error reply as JSON, without newline."""
    data = _ErrorData(
        kind=error.kind,
        retryable=error.retryable,
        job_id=error.job_id,
        detail=error.detail,
        trace_id=error.trace_id,
    )
    body = _ErrorObject(code=error.code, message=error.message, data=data)
    return b'{"jsonrpc":"2.0","id":' + id_ + b',"error":' + encodable_json(body) + b"}"


def batch(replies: list[bytes]) -> bytes:
    """The replies of a batch as one JSON array, without newline. A batch without replies is answered by nothing."""
    return b"[" + b",".join(replies) + b"]"


def notification(method: str, params: object) -> bytes:
    """A notification as JSON, without newline."""
    return b'{"jsonrpc":"2.0","method":' + _encode(method) + b',"params":' + _encode(params) + b"}"


def request(id_: str | int, method: str, params: object) -> bytes:
    """A request as JSON, without newline."""
    head = b'{"jsonrpc":"2.0","id":' + _encode(id_) + b',"method":' + _encode(method)
    return head + b',"params":' + _encode(params) + b"}"


def read_message(line: bytes) -> Reply | Note:
    """What a line tells a client.

    Raises:
        ParseError: the line is neither a reply nor a notification.
    """
    try:
        message = _decode_incoming(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ParseError(f"the daemon sent a line that is no JSON-RPC message: {worded(error)}") from error
    if message.method is not None:
        return Note(message.method, bytes(message.params))
    if message.error is not None:
        return Reply(message.id, error=_as_error(message.error))
    if message.result is msgspec.UNSET:
        raise ParseError("the daemon sent a line with neither result nor error")
    return Reply(message.id, result=bytes(message.result))


def _as_error(body: _ErrorObject) -> RequestError:
    data = body.data or _ErrorData()
    cls = BY_CODE.get(body.code, RequestError)
    error = cls(body.message, job_id=data.job_id, detail=data.detail, retryable=data.retryable)
    error.trace_id = data.trace_id
    if cls is RequestError:
        error.code, error.kind = body.code, data.kind
    return error
