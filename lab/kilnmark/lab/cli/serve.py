"""`kilnmark lab serve`: the pages over runs in a browser, on this machine alone."""

import getpass
from pathlib import Path

import click

from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_line

__all__ = ["serve"]


@click.command(short_help="Pages over runs, until Ctrl-C.")
@click.argument("folder", type=HomePath(exists=True, file_okay=False, path_type=Path), default=Path())
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="To listen on. [default: one that is free]"
)
@click.option("--as", "person", metavar="NAME", help="Who decides about pictures. [default: you, by your login]")
def serve(folder: Path, port: int, person: str | None) -> None:
    """Serve the pages over the runs in FOLDER, on loopback, until Ctrl-C.

    Open the address that is printed: it carries a token that nobody else has. What is in flight comes first and follows
    the folder; batches are accepted and rejected there, and people judge blind.
    """
    from kilnmark.lab.pages.serve import serve_site

    serve_site(folder, port=port, person=person or _login(), tell=lambda address: write_line(f"open {address}"))


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
