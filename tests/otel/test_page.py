"""The page for Prometheus, asked by whoever is on the machine: always one more turn, and never many at once."""

import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from kilnmark.otel.page import AT_ONCE, PageServer, serve_page


def page(_: dict[str, Any], begin: Any) -> list[bytes]:
    begin("200 OK", [("Content-Type", "text/plain")])
    return [b"flux_mlx_images_total 1"]


@pytest.fixture
def server() -> Iterator[PageServer]:
    served = serve_page("127.0.0.1", 0, page)
    yield served
    served.shutdown()
    served.server_close()


def ask(server: PageServer) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=60) as answer:
        return bytes(answer.read())


def test_connections_that_are_left_open_keep_nobody_out_and_are_few(server: PageServer) -> None:
    before = threading.active_count()
    with ExitStack() as held:
        left = [
            held.enter_context(socket.create_connection(("127.0.0.1", server.server_port), 60))
            for _ in range(3 * AT_ONCE)
        ]
        assert ask(server) == b"flux_mlx_images_total 1"
        assert [each.recv(1) for each in left[:AT_ONCE]] == [b""] * AT_ONCE
        assert threading.active_count() <= before + AT_ONCE + 1


def test_who_breaks_off_is_no_news(server: PageServer, capfd: pytest.CaptureFixture[str]) -> None:
    with closing(socket.create_connection(("127.0.0.1", server.server_port), 60)) as asking:
        asking.sendall(b"GET /metrics HTTP/1.1\r\nHost")
    with closing(socket.create_connection(("127.0.0.1", server.server_port), 60)) as asking:
        asking.sendall(b"\x16\x03\x01 no request\r\n\r\n")
        while asking.recv(4096):
            pass
    assert ask(server)
    assert capfd.readouterr().err == ""


def test_without_a_descriptor_it_waits_for_one(server: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[float] = []
    monkeypatch.setattr("kilnmark.otel.page.time.sleep", tries.append)
    accept = server.socket.accept

    class NoneLeft:
        def accept(self) -> Any:
            if not tries:
                raise OSError(24, "Too many open files")
            return accept()

        def __getattr__(self, name: str) -> Any:
            return getattr(original, name)

    original, server.socket = server.socket, NoneLeft()  # type: ignore[assignment]
    assert ask(server)
    assert len(tries) == 1
