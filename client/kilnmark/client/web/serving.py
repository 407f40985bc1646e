"""Pages served: a socket on loopback, a token for this start, and the server that runs until it is told to stop.

What is served is the caller's part, who may have it the `guard`'s. uvicorn is imported when somebody serves.
"""

import secrets
import socket
from collections.abc import Callable

from kilnmark.client.web.errors import PortTaken, ServerNotInstalled
from kilnmark.client.web.guard import Guard

__all__ = ["serve_pages"]

_LOOPBACK = "127.0.0.1"


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
    try:
        import starlette  # noqa: F401 - whether it is there
        import uvicorn
    except ImportError as error:
        raise ServerNotInstalled(extra) from error
    token = secrets.token_urlsafe(24)
    with _listening(port) as listener:
        number: int = listener.getsockname()[1]
        config = uvicorn.Config(
            make(token, number),
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
            server_header=False,
        )
        tell(f"http://{_LOOPBACK}:{number}/?token={token}")
        uvicorn.Server(config).run(sockets=[listener])


def _listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_LOOPBACK, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PortTaken(port, error.strerror or str(error)) from error
    return listener
