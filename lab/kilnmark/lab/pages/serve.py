"""The site served: a socket on loopback, a token for this start, and the server that runs until it is told to stop.

What is served is `app`'s part.
"""

import secrets
import socket
from collections.abc import Callable
from pathlib import Path

from kilnmark.lab.errors import LabError, NotInstalled
from kilnmark.lab.pages.app import site_application
from kilnmark.lab.pages.watch import FolderWatch
from kilnmark.protocol.exits import ExitCode

__all__ = ["PortTaken", "serve_site"]

_LOOPBACK = "127.0.0.1"


class PortTaken(LabError):
    """The port that the pages were to be served at cannot be had.

    Args:
        port: Which.
        reason: Why.
    """

    kind = "port_taken"
    exit_code = ExitCode.TRY_AGAIN

    def __init__(self, port: int, reason: str) -> None:
        super().__init__(port, reason)
        self.port = port
        self.reason = reason

    def __str__(self) -> str:
        return f"port {self.port} cannot be listened on: {self.reason}; name another with --port, or 0 for a free one"


def serve_site(root: Path, *, port: int, person: str, tell: Callable[[str], None]) -> None:
    """Serve the pages over a folder until the process is told to stop.

    Args:
        root: The folder, as it is to stand in commands.
        port: To listen on, on loopback alone; 0: a free one.
        person: Who decides about pictures.
        tell: Is given the address to open, once the socket listens.

    Raises:
        NotInstalled: The packages of the extra are not there.
        PortTaken: The port cannot be had.
    """
    try:
        import starlette  # noqa: F401 - whether it is there
        import uvicorn
    except ImportError as error:
        raise NotInstalled("serving pages", "lab") from error
    token = secrets.token_urlsafe(24)
    with _listening(port) as listener:
        number: int = listener.getsockname()[1]
        application = site_application(
            root, str(root), token=token, port=number, person=person, watch=FolderWatch(root)
        )
        config = uvicorn.Config(
            application,
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
