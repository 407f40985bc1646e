"""The client's core without a socket: ids, events, chunked bytes, and answers to calls that were given up."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.client.connection import Alive, Answered, Connection, Progressed, Raised
from kilnmark.client.errors import BadReply
from kilnmark.protocol.wire import jsonrpc
from kilnmark.protocol.wire.errors import InvalidParams, QueueFull, RequestError, UnknownMethod
from kilnmark.protocol.wire.methods import PING, RENDER, STATUS, WARM_UP
from kilnmark.protocol.wire.replies import Heartbeat, PingResult, Progress
from kilnmark.protocol.wire.requests import PingParams, RenderParams, StatusParams, WarmUpParams

PONG = PingResult(version="1", pid=2, uptime_s=3.0)


def sent(line: bytes) -> jsonrpc.Call:
    """A line as the daemon reads it."""
    assert line.endswith(b"\n")
    (call,) = jsonrpc.read_frame(line[:-1]).items
    assert isinstance(call, jsonrpc.Call)
    return call


def answer(request: int, value: object = PONG) -> bytes:
    return jsonrpc.result(str(request).encode(), value) + b"\n"


def progress(request: int, step: float) -> bytes:
    note = Progress(progress_token=request, progress=step, total=4.0, message="denoise")
    return jsonrpc.notification("notifications/progress", note) + b"\n"


def heartbeat(request: int) -> bytes:
    note = Heartbeat(progress_token=request, job_id="j", state="queued")
    return jsonrpc.notification("notifications/heartbeat", note) + b"\n"


def test_a_call_is_a_line_that_the_daemon_understands() -> None:
    request, line = Connection().begin(RENDER, RenderParams(prompt="a kiln"), "00-aa-bb-01", "k=v")
    call = sent(line)
    params = jsonrpc.params_as(RenderParams, call.params)
    assert (call.method, call.id) == ("render", str(request).encode())
    assert (params.prompt, params.meta.traceparent, params.meta.tracestate) == ("a kiln", "00-aa-bb-01", "k=v")


def test_lasting_methods_ask_for_progress_and_short_ones_do_not() -> None:
    connection = Connection()
    request, line = connection.begin(WARM_UP, WarmUpParams())
    assert jsonrpc.params_as(WarmUpParams, sent(line).params).meta.progress_token == request
    _, line = connection.begin(STATUS, StatusParams())
    assert jsonrpc.params_as(StatusParams, sent(line).params).meta.progress_token is None


def test_ids_are_never_used_twice() -> None:
    connection = Connection()
    first, _ = connection.begin(PING, PingParams())
    connection.receive(answer(first))
    second, _ = connection.begin(PING, PingParams())
    assert second != first


def test_interleaved_answers_reach_the_calls_they_belong_to() -> None:
    connection = Connection()
    first, _ = connection.begin(RENDER, RenderParams(prompt="a"))
    second, _ = connection.begin(PING, PingParams())
    third, _ = connection.begin(PING, PingParams())
    events = connection.receive(
        progress(first, 1.0) + answer(third) + heartbeat(first) + progress(first, 2.0) + answer(second)
    )
    assert [type(event) for event in events] == [Progressed, Answered, Alive, Progressed, Answered]
    assert [event.request for event in events] == [first, third, first, first, second]
    assert connection.pending == ("render",)


@given(cuts=st.lists(st.integers(0, 400), max_size=8))
def test_any_cut_of_the_bytes_gives_the_same_events(cuts: list[int]) -> None:
    connection, whole = Connection(), Connection()
    for each in (connection, whole):
        each.begin(RENDER, RenderParams(prompt="a"))
        each.begin(PING, PingParams())
    data = progress(1, 1.0) + b"\n" + heartbeat(1) + answer(2) + progress(1, 2.0)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    events = [e for a, b in itertools.pairwise(edges) for e in connection.receive(data[a:b])]
    assert events == whole.receive(data)
    assert len(events) == 4


def test_byte_by_byte_gives_the_same_answer() -> None:
    connection = Connection()
    request, _ = connection.begin(PING, PingParams())
    events = [event for byte in answer(request) for event in connection.receive(bytes([byte]))]
    assert events == [Answered(request, PONG)]


@pytest.mark.parametrize(
    "error",
    [
        UnknownMethod("there is no method 'jobs.wait'"),
        InvalidParams("Object contains unknown field `attached` - at `$.params._meta.attached`"),
    ],
    ids=["method", "field"],
)
def test_a_daemon_that_does_not_know_what_it_is_asked_is_said_to_be_of_another_version(error: RequestError) -> None:
    connection = Connection()
    request, _ = connection.begin(PING, PingParams())
    (event,) = connection.receive(jsonrpc.failure(str(request).encode(), error) + b"\n")
    assert isinstance(event, Raised)
    assert type(event.error) is type(error)
    assert event.error.message.startswith(
        f"{error.message}; the daemon is of another version than this client: `kilnmark"
    )


def test_an_error_comes_back_as_its_own_class_with_its_facts() -> None:
    connection = Connection()
    request, _ = connection.begin(RENDER, RenderParams(prompt="a"))
    refusal = QueueFull("1,000 renders wait", job_id="j", detail={"limit": 1000})
    (event,) = connection.receive(jsonrpc.failure(str(request).encode(), refusal) + b"\n")
    assert isinstance(event, Raised)
    assert isinstance(event.error, QueueFull)
    assert (event.error.job_id, event.error.detail, event.error.retryable) == ("j", {"limit": 1000}, True)


def test_what_still_comes_for_a_call_given_up_is_dropped() -> None:
    connection = Connection()
    request, _ = connection.begin(RENDER, RenderParams(prompt="a"))
    connection.cancel(request, "enough")
    assert connection.receive(progress(request, 1.0) + heartbeat(request) + answer(request)) == []


def test_a_cancel_names_the_request_and_is_no_request_itself() -> None:
    connection = Connection()
    request, _ = connection.begin(RENDER, RenderParams(prompt="a"))
    call = sent(connection.cancel(request, "enough"))
    assert (call.id, call.method) == (None, "notifications/cancelled")
    assert msgspec.json.decode(call.params) == {"requestId": request, "reason": "enough"}


def test_the_second_answer_to_one_call_is_dropped() -> None:
    connection = Connection()
    request, _ = connection.begin(PING, PingParams())
    assert connection.receive(answer(request) + answer(request)) == [Answered(request, PONG)]


@pytest.mark.parametrize(
    "line",
    [
        b"HTTP/1.1 400 Bad Request\n",
        b'{"jsonrpc":"2.0","id":1}\n',
        b"\xff\xfe\n",
        b'{"jsonrpc":"2.0","id":7,"result":{}}\n',
        b'{"jsonrpc":"2.0","id":"1","result":{}}\n',
        b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1}}\n',
        b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"bad JSON"}}\n',
    ],
    ids=["http", "neither", "utf8", "unknown-id", "foreign-id", "bad-progress", "unread-request"],
)
def test_what_is_not_of_the_protocol_is_refused(line: bytes) -> None:
    connection = Connection()
    connection.begin(RENDER, RenderParams(prompt="a"))
    with pytest.raises(BadReply):
        connection.receive(line)


def test_a_result_of_another_shape_fails_its_call_only() -> None:
    connection = Connection()
    first, _ = connection.begin(PING, PingParams())
    second, _ = connection.begin(PING, PingParams())
    one, other = connection.receive(answer(first, {"version": 1}) + answer(second))
    assert isinstance(one, Raised)
    assert isinstance(one.error, BadReply)
    assert "version" in str(one.error)
    assert other == Answered(second, PONG)


def test_fields_and_notifications_of_a_newer_daemon_are_left_alone() -> None:
    connection = Connection()
    request, _ = connection.begin(PING, PingParams())
    newer = {"version": "9", "pid": 2, "uptime_s": 3.0, "mood": "warm"}
    events = connection.receive(
        jsonrpc.notification("notifications/mood", {"is": "warm"}) + b"\n" + answer(request, newer)
    )
    assert events == [Answered(request, PingResult(version="9", pid=2, uptime_s=3.0))]
