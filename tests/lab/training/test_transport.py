"""Between a client library and the network: one request a call, an end to every answer, nothing of the key."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from kilnmark.lab.training.errors import RemoteAway, RemoteRefused
from kilnmark.lab.training.remote.key import Key
from kilnmark.lab.training.remote.transport import PlainTransport

OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def answering(*pieces: bytes, pause: float = 0.0) -> Iterator[str]:
    """A server that answers its first connection with these bytes, and waits between them."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                try:
                    for piece in pieces:
                        connection.sendall(piece)
                        time.sleep(pause)
                except OSError:  # the client has enough
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1/x?token=t"
        thread.join()


def asked(url: str, seconds: float = 5.0) -> httpx.Response:
    with httpx.Client(transport=PlainTransport(Key("s3cret"), seconds), trust_env=False) as client:  # type: ignore[arg-type]
        return client.get(url)


def test_a_success_is_passed_on() -> None:
    with answering(OK + b"Content-Length: 2\r\n\r\n", b"{}") as url:
        assert asked(url).json() == {}


def test_a_refusal_is_an_error_with_the_remotes_words_and_no_key() -> None:
    body = b'{"detail": "s3cret is\\n no  key"}'
    head = f"HTTP/1.1 401 No\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with answering(head + body) as url, pytest.raises(RemoteRefused) as told:
        asked(url)
    assert (told.value.status, told.value.detail, told.value.is_passing) == (401, "[key] is no key", False)
    assert "token=t" not in str(told.value)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("Retry-After: 7", 7.0), ("Retry-After: 0.5", 0.5), ("Retry-After: soon", None), ("X: y", None)],
)
def test_how_long_it_asks_to_be_left_alone(header: str, seconds: float | None) -> None:
    answer = f"HTTP/1.1 429 Slow\r\n{header}\r\nContent-Length: 0\r\n\r\n".encode()
    with answering(answer) as url, pytest.raises(RemoteRefused) as told:
        asked(url)
    assert (told.value.retry_after, told.value.detail, told.value.is_passing) == (seconds, "(no words)", True)


def test_a_date_to_come_back_at_is_understood() -> None:
    answer = b"HTTP/1.1 503 Later\r\nRetry-After: Fri, 01 Jan 2100 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n"
    with answering(answer) as url, pytest.raises(RemoteRefused) as told:
        asked(url)
    assert (told.value.retry_after or 0) > 1e9


def test_an_answer_that_trickles_for_ever_has_an_end() -> None:
    """Each piece comes within the time-out, all of them do not."""
    pieces = [b"1\r\n{\r\n"] * 100
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    with answering(head, *pieces, pause=0.02) as url, pytest.raises(RemoteAway, match="has no end") as told:
        asked(url, seconds=0.3)
    assert told.value.was_sent


def test_no_answer_may_have_been_received() -> None:
    with answering(b"", pause=0.4) as url, pytest.raises(RemoteAway, match=r"no answer within 0\.1 s") as told:
        asked(url, seconds=0.1)
    assert told.value.was_sent


def test_an_answer_that_breaks_off_may_have_been_received() -> None:
    with answering(OK + b"Content-Length: 9\r\n\r\n{") as url, pytest.raises(RemoteAway, match="breaks off") as told:
        asked(url)
    assert told.value.was_sent


def test_nobody_there_has_received_nothing() -> None:
    with pytest.raises(RemoteAway) as told:
        asked("http://127.0.0.1:9/v1/x")
    assert not told.value.was_sent
