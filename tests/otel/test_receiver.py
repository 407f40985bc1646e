"""The receiver, spoken to over its real port."""

import gzip
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kilnmark.otel.receiver import Receiver


def request_of(*names: str) -> bytes:
    message = ExportTraceServiceRequest()
    of_process = message.resource_spans.add()
    service = of_process.resource.attributes.add()
    service.key, service.value.string_value = "service.name", "pottery"
    spans = of_process.scope_spans.add().spans
    for name in names:
        span = spans.add(name=name, trace_id=b"\x01" * 16, span_id=b"\x02" * 8, parent_span_id=b"\x03" * 8)
        span.start_time_unix_nano, span.end_time_unix_nano = 5, 9
        span.status.code, span.status.message = 2, "why"
        mixed = span.attributes.add()
        mixed.key = "mixed"
        for part in mixed.value.array_value.values.add(), mixed.value.array_value.values.add():
            part.int_value = 4
        nothing = span.attributes.add()
        nothing.key = "nothing"
        nested = span.attributes.add()
        nested.key = "nested"
        entry = nested.value.kvlist_value.values.add()
        entry.key, entry.value.bool_value = "deep", True
        event = span.events.add(name="fired", time_unix_nano=7)
        heat = event.attributes.add()
        heat.key, heat.value.double_value = "heat", 1.5
    data: bytes = message.SerializeToString()
    return data


def post(receiver: Receiver, body: bytes, *, path: str = "/v1/traces", encoding: str = "") -> int:
    headers = {"Content-Type": "application/x-protobuf"} | ({"Content-Encoding": encoding} if encoding else {})
    request = urllib.request.Request(receiver.endpoint + path, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_span_is_shown_with_plain_values() -> None:
    with Receiver() as receiver:
        assert post(receiver, request_of("it")) == 200
        [span] = receiver.spans
    assert (span.name, span.service, span.status_code, span.status_message) == ("it", "pottery", "error", "why")
    assert (span.trace_id, span.span_id, span.parent_id) == ("01" * 16, "02" * 8, "03" * 8)
    assert (span.start_ns, span.end_ns) == (5, 9)
    assert span.attributes == {"mixed": [4, 4], "nothing": None, "nested": {"deep": True}}
    [event] = span.events
    assert (event.name, event.time_ns, event.attributes) == ("fired", 7, {"heat": 1.5})


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
def test_compressed_bodies_are_unpacked(encoding: str) -> None:
    packers: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes}
    with Receiver() as receiver:
        assert post(receiver, packers[encoding](request_of("a", "b")), encoding=encoding) == 200
        assert [span.name for span in receiver.spans] == ["a", "b"]


@pytest.mark.parametrize(
    ("body", "path", "encoding", "status"),
    [
        (b"\xff\xff\xff", "/v1/traces", "", 400),
        (b"no gzip", "/v1/traces", "gzip", 400),
        (gzip.compress(request_of("cut"))[:-9], "/v1/traces", "gzip", 400),
        (request_of("x"), "/v1/traces", "zstd", 400),
        (request_of("x"), "/v1/profiles", "", 404),
        (b"", "/v1/traces", "", 413),
    ],
)
def test_what_cannot_be_read_is_refused_and_the_next_request_works(
    body: bytes, path: str, encoding: str, status: int
) -> None:
    with Receiver() as receiver:
        assert post(receiver, body, path=path, encoding=encoding) == status
        assert receiver.spans == []
        assert post(receiver, request_of("next")) == 200


def test_waiting_ends_with_the_names_of_what_did_arrive() -> None:
    with Receiver() as receiver:
        post(receiver, request_of("one"))
        with pytest.raises(TimeoutError, match=r"within 0\.05 s.*one"):
            receiver.wait_for(lambda spans: len(spans) == 2, timeout=0.05)


def test_what_was_received_is_there_after_closing() -> None:
    with Receiver() as receiver:
        post(receiver, request_of("a", "b"))
    assert [span.name for span in receiver.spans] == ["a", "b"]
    assert receiver.spans[0].attributes["mixed"] == [4, 4]


def test_a_closed_receiver_takes_nothing() -> None:
    with Receiver() as receiver:
        pass
    with pytest.raises(urllib.error.URLError):
        post(receiver, request_of("late"))
