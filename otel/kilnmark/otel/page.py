"""The page that Prometheus asks for, served to whoever is on this machine: at most a few at once, and none for long.

Nobody says who they are here, so that whoever opens connections and leaves them costs the process a few descriptors and
threads, and Prometheus no more than one try. What stands on the page is the exporter's part.
"""

import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

__all__ = ["AT_ONCE", "PageServer", "serve_page"]

AT_ONCE: Final = 8
"""Connections that are served at once; one more ends the eldest of them."""

PATIENCE: Final = 10.0
"""Seconds that whoever asks may leave a connection without a byte."""

_PAUSE: Final = 0.05
"""Seconds until the next try where no descriptor is left."""

_log = logging.getLogger(__name__)


class PageServer(ThreadingMixIn, WSGIServer):
    """Listens on one address; the arguments are those of `WSGIServer`."""

    daemon_threads = True
    request_queue_size = 4 * AT_ONCE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._lock = threading.Lock()
        self._held: deque[Any] = deque()
        super().__init__(*args, **kwargs)

    def get_request(self) -> tuple[Any, Any]:
        """The next connection; without descriptors for it, a pause, as it would be there again at once."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(_PAUSE)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve one, in a thread of its own; the eldest goes where there are too many."""
        with self._lock:
            self._held.append(request)
            eldest = self._held.popleft() if len(self._held) > AT_ONCE else None
        if eldest is not None:
            with suppress(OSError):
                eldest.shutdown(socket.SHUT_RDWR)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """One is over."""
        with self._lock, suppress(ValueError):
            self._held.remove(request)
        super().shutdown_request(request)

    def shutdown(self) -> None:
        """End now; the loop looks for its end only after somebody came, or every half a second."""
        ending = threading.Thread(target=super().shutdown, name="kilnmark-metrics-page-end")
        ending.start()
        with suppress(OSError):
            socket.create_connection(self.socket.getsockname()[:2], PATIENCE).close()
        ending.join()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's
        """Whoever asked is gone, or was ended."""
        _log.debug("a connection for metrics broke off", exc_info=True)


class _Asked(WSGIRequestHandler):
    timeout = PATIENCE

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's
        """Nobody wants to know."""


def serve_page(host: str, port: int, application: Callable[..., Any]) -> PageServer:
    """Serve it, by a thread that ends with the process.

    Args:
        host: A name or an address of this machine.
        port: 0: one that is free.
        application: WSGI's, which makes the page.

    Raises:
        OSError: The address cannot be had.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listening = type("_Listening", (PageServer,), {"address_family": family})
    server: PageServer = listening(address[:2], _Asked)
    server.set_app(application)
    threading.Thread(target=server.serve_forever, name="kilnmark-metrics-page", daemon=True).start()
    return server
