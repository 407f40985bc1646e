"""Whoever is told of ended jobs: a small real HTTP server on loopback, which answers as a test wants it to."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Told", "receiving"]


@dataclass
class Told:
    """What came, and what is answered: a status for each, the last for all that follow."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [200])
    came: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int) -> list[tuple[Mapping[str, str], bytes]]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.came) >= count, timeout=20)
            return list(self.came)

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        with self.changed:
            self.came.append((headers, body))
            self.changed.notify_all()
            return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@contextmanager
def receiving() -> Iterator[Told]:
    told = Told()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = told.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            if status == 302:
                self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is news."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/told?who=me"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
