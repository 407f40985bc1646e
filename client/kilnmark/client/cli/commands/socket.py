"""The `socket` command: where a client finds its daemon, where it looks, and why there."""

import os
import sys

import click
import msgspec

from kilnmark.client.cli.options import json_option, socket_option
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.client.dial import looked_at, socket_path
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.wire.address import socket_places

__all__ = ["socket_command"]


class LookedAt(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a daemon may listen.

    Attributes:
        path: Of its socket.
        why: Why it may be there.
        problem: Why none can be asked there; empty where one can.
    """

    path: str
    why: str
    problem: str = ""


class SocketDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Where clients look.

    Attributes:
        socket: The one that a client uses now: the first where a daemon listens, else the first of all.
        served: A daemon listens there.
        places: All places, in the order in which clients look.
    """

    socket: str
    served: bool
    places: list[LookedAt]


@click.command("socket")
@click.option("--path", "only_path", is_flag=True, help="Print the path alone, for scripts.")
@socket_option
@json_option
def socket_command(socket: str | None, *, only_path: bool, as_json: bool) -> None:
    """Show where the daemon is found, and why there.

    A client takes the first place where a daemon of yours listens. The exit code is 69 where none does.
    """
    if only_path and as_json:
        raise click.UsageError("give --path or --json, not both")
    document = _looked(socket)
    if as_json:
        write_document(document)
    elif only_path:
        write_line(document.socket)
    else:
        _show(document)
    click.get_current_context().exit(ExitCode.DONE if document.served else ExitCode.NO_DAEMON)


def _looked(named: str | None) -> SocketDocument:
    if named is not None:
        asked = [(socket_path(named), "--socket says so")]
    else:
        meant = socket_places(os.environ, platform=sys.platform, uid=os.getuid())
        asked = [(str(place.path), place.why) for place in meant]
    places = [LookedAt(path=path, why=why, problem=looked_at(path) or "") for path, why in asked]
    served = next((place for place in places if not place.problem), None)
    return SocketDocument(socket=(served or places[0]).path, served=served is not None, places=places)


def _show(document: SocketDocument) -> None:
    for place in document.places:
        state = place.problem or "a daemon listens"
        write_line(f"{'*' if place.path == document.socket and document.served else ' '} {place.path}")
        write_line(f"    {place.why}: {state}")
    if not document.served:
        write_line(f"`kilnmark serve` would listen at {document.socket}")
