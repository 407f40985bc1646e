"""The client's end of JSON-RPC: replies, errors and notifications, as the daemon's end writes them."""

import json
import pickle

import pytest

from kilnmark.protocol.wire import errors, jsonrpc
from kilnmark.protocol.wire.errors import BY_CODE, ParseError, QueueFull, RequestError
from kilnmark.protocol.wire.jsonrpc import Note, Reply, read_message


def over_the_wire(error: RequestError) -> RequestError:
    message = read_message(jsonrpc.failure(b"1", error))
    assert isinstance(message, Reply)
    assert message.error is not None
    return message.error


def leaves(cls: type[RequestError]) -> list[type[RequestError]]:
    return [leaf for child in cls.__subclasses__() for leaf in [child, *leaves(child)]]


def test_every_error_of_the_tree_is_in_the_table() -> None:
    assert set(leaves(RequestError)) == set(BY_CODE.values())
    assert all(cls.code == code for code, cls in BY_CODE.items())


def test_every_error_is_exported_and_every_kind_is_its_own() -> None:
    assert {cls.__name__ for cls in BY_CODE.values()} <= set(errors.__all__)
    assert len({cls.kind for cls in BY_CODE.values()}) == len(BY_CODE)


@pytest.mark.parametrize("cls", BY_CODE.values(), ids=lambda cls: cls.kind)
@pytest.mark.parametrize("retryable", [None, True, False])
def test_an_error_comes_back_as_the_same_class_with_the_same_facts(
    cls: type[RequestError], retryable: bool | None
) -> None:
    sent = cls("the \u201cwhy\u201d", job_id="j1", detail={"loras": [{"name": "a"}]}, retryable=retryable)
    sent.trace_id = "0af7651916cd43dd8448eb211c80319c"
    got = over_the_wire(sent)
    assert type(got) is cls
    facts = ("message", "code", "kind", "retryable", "job_id", "detail", "trace_id")
    assert [getattr(got, fact) for fact in facts] == [getattr(sent, fact) for fact in facts]
    assert got.retryable is (cls.retryable if retryable is None else retryable)


@pytest.mark.parametrize("cls", BY_CODE.values(), ids=lambda cls: cls.kind)
def test_an_error_survives_pickling(cls: type[RequestError]) -> None:
    copy = pickle.loads(pickle.dumps(cls("why", job_id="j", detail=[1])))
    assert (type(copy), copy.message, copy.job_id, copy.detail) == (cls, "why", "j", [1])


def test_the_wire_shows_kind_retryable_job_id_detail_and_trace() -> None:
    body = json.loads(jsonrpc.failure(b"null", QueueFull("full", job_id="j")))
    assert body == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {
            "code": -32001,
            "message": "full",
            "data": {"kind": "queue_full", "retryable": True, "job_id": "j", "detail": None, "trace_id": ""},
        },
    }


def test_an_error_of_a_newer_daemon_keeps_its_code_and_kind() -> None:
    line = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32099,"message":"new","data":{"kind":"novel","retryable":true}}}'
    message = read_message(line)
    assert isinstance(message, Reply)
    assert message.error is not None
    assert type(message.error) is RequestError
    assert (message.error.code, message.error.kind, message.error.retryable) == (-32099, "novel", True)
    assert RequestError.code == -32603


def test_an_error_without_data_takes_its_classs_own_answer() -> None:
    message = read_message(b'{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"full"}}')
    assert isinstance(message, Reply)
    assert isinstance(message.error, QueueFull)
    assert message.error.retryable


@pytest.mark.parametrize("value", [{"a": [1, None]}, [], None, 5, "x"])
def test_a_result_comes_back_as_raw_json(value: object) -> None:
    message = read_message(jsonrpc.result(b'"id-1"', value))
    assert isinstance(message, Reply)
    assert message.id == "id-1"
    assert message.error is None
    assert json.loads(message.result) == value


def test_a_notification_comes_back_with_its_params() -> None:
    message = read_message(jsonrpc.notification("notifications/progress", {"progress": 1}))
    assert message == Note("notifications/progress", b'{"progress":1}')


def test_a_request_is_what_the_daemon_reads() -> None:
    frame = jsonrpc.read_frame(jsonrpc.request("a", "ping", {"x": 1}))
    assert frame.items == (jsonrpc.Call(b'"a"', "ping", b'{"x":1}'),)


def test_no_line_we_write_holds_a_newline() -> None:
    text = "two\nlines\u2028"
    lines = [
        jsonrpc.result(b"1", text),
        jsonrpc.failure(b"1", RequestError(text)),
        jsonrpc.notification(text, text),
        jsonrpc.request(text, text, text),
    ]
    assert not any(b"\n" in line for line in lines)


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]", b"\xff", b'{"jsonrpc":"2.0","id":1}', b'{"id":1,"result":', b"[" * 9999]
)
def test_a_line_that_is_no_message_is_a_parse_error(line: bytes) -> None:
    with pytest.raises(ParseError):
        read_message(line)


def test_every_proper_prefix_and_every_trailing_byte_is_a_parse_error() -> None:
    line = jsonrpc.result(b"1", {"a": 1})
    for broken in [*(line[:end] for end in range(len(line))), line + b"x", line + b"{}"]:
        with pytest.raises(ParseError):
            read_message(broken)
