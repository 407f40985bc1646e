"""`kilnmark web` and what belongs to it: served, and its tokens."""

import hashlib
import os
import sys
from pathlib import Path

import click

from kilnmark.client.cli.folders import state_folder
from kilnmark.client.cli.options import WholeNumber, socket_option
from kilnmark.client.cli.views.document import write_line

__all__ = ["web"]

PORT = 7340
"""Where it listens when nobody says otherwise: programs keep the address."""


def _tokens() -> Path:
    return state_folder(os.environ, platform=sys.platform, home=Path.home()) / "web-tokens.json"


@click.group(invoke_without_command=True)
@click.option("--port", type=WholeNumber(0, 65535), default=PORT, show_default=True, metavar="N", help="To listen on.")
@click.option(
    "--listen",
    "address",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="The address to listen on. With any but loopback's, whoever reaches it and has a token is let in; nothing is "
    "encrypted.",
)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A name that it is reached by, beside 127.0.0.1 and localhost. Any other is answered with nothing.",
)
@socket_option
@click.pass_context
def web(context: click.Context, port: int, address: str, hosts: tuple[str, ...], socket: str | None) -> None:
    """Serve the panel and the API for pictures, until Ctrl-C.

    Open the address that is printed: it carries the token that may change things. `kilnmark web token` prints the
    tokens for programs.
    """
    if context.invoked_subcommand is not None:
        return
    from kilnmark.web.serve import serve_web

    serve_web(
        socket,
        address=address,
        port=port,
        hosts=hosts,
        tokens=_tokens(),
        ledger=_tokens().with_name(f"web-told-{hashlib.sha256((socket or '').encode()).hexdigest()[:12]}.sqlite"),
        tell=lambda opened: write_line(f"open {opened}"),
    )


@web.command(short_help="The token that programs send.")
@click.option("--read", "only_read", is_flag=True, help="The one that lets look, and change nothing.")
@click.option("--secret", is_flag=True, help="What messages about ended jobs are signed with.")
@click.option("--new", "renew", is_flag=True, help="Make others first; the old ones end with the next start.")
def token(*, only_read: bool, secret: bool, renew: bool) -> None:
    """Print the token that programs send as `Authorization: Bearer TOKEN`: the one that may ask for pictures.

    It stays the same over starts, and lies in a file that you alone may read.
    """
    from kilnmark.web.tokens import load_tokens

    known = load_tokens(_tokens(), renew=renew)
    write_line(known.secret if secret else known.read if only_read else known.write)
