"""The site served until it is told to stop. What is served is `app`'s part, how it is listened for the client's."""

from collections.abc import Callable
from pathlib import Path

from kilnmark.client.web.serving import serve_pages
from kilnmark.lab.pages.app import site_application
from kilnmark.lab.pages.watch import FolderWatch

__all__ = ["serve_site"]


def serve_site(root: Path, *, port: int, person: str, tell: Callable[[str], None]) -> None:
    """Serve the pages over a folder until the process is told to stop.

    Args:
        root: The folder, as it is to stand in commands.
        port: To listen on, on loopback alone; 0: a free one.
        person: Who decides about pictures.
        tell: Is given the address to open, once the socket listens.

    Raises:
        ServerNotInstalled: The packages of the extra are not there.
        PortTaken: The port cannot be had.
    """
    watch = FolderWatch(root)
    serve_pages(
        lambda token, number: site_application(root, str(root), token=token, port=number, person=person, watch=watch),
        port=port,
        extra="lab",
        tell=tell,
    )
