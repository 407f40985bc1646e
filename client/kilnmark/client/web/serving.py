"""Pages served: a socket on loopback, a token for this start, and the server that runs until it is told to stop.

What is served is the caller's part, who may have it the `guard`'s. uvicorn is imported when somebody serves.
"""

import secrets
import socket
from collections.abc import Callable

from kilnmark.client.web.errors import PortTaken, ServerNotInstalled
from kilnmark.client.web.guard import App, Guard

__all__ = ["LOOPBACK", "listening", "require_server", "run_server", "serve_pages"]

LOOPBACK = "127.0.0.1"


def serve_pages(make: Callable[[str, int], Guard], *, port: int, extra: str, tell: Callable[[str], None]) -> None:
    """Serve pages until the process is told to stop.

    Args:
        make: From a token that nobody can guess, and the port that is listened on, to the application.
        port: To listen on, on loopback alone; 0: a free one.
        extra: What installs the packages that are needed.
        tell: Is given the address to open, once the socket listens.

    Raises:
        ServerNotInstalled: The packages of the extra are not there.
        PortTaken: The port cannot be had.
    """
    require_server(extra)
    token = secrets.token_urlsafe(24)
    with listening(port) as listener:
        number: int = listener.getsockname()[1]
        app = make(token, number)
        tell(f"http://{LOOPBACK}:{number}/?token={token}")
        run_server(app, listener)


def require_server(extra: str) -> None:
    """Raises ServerNotInstalled where the packages of an extra that serve pages are not there."""
    try:
        import starlette  # noqa: F401 - whether it is there
        import uvicorn  # noqa: F401 - as above
    except ImportError as error:
        raise ServerNotInstalled(extra) from error


def run_server(app: App, listener: socket.socket, *, lifespan: bool = False) -> None:
    """Serve an application until the process is told to stop.

    Args:
        app: What is served.
        listener: The socket that listens.
        lifespan: Whether the application is told of the beginning and the end.
    """
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="on" if lifespan else "off",
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[listener])


def listening(port: int, address: str = LOOPBACK) -> socket.socket:
    """A socket that listens.

    Raises:
        PortTaken: The port, or the address, cannot be had.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PortTaken(port, error.strerror or str(error)) from error
    return listener
