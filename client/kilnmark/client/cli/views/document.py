"""What a command puts on stdout beside tables: its one JSON document under `--json`, or a line for people."""

import click
import msgspec

from kilnmark.protocol.printable import printable, printable_json

__all__ = ["write_document", "write_line"]


def write_document(document: msgspec.Struct) -> None:
    """Put the one JSON document of a command on stdout: in UTF-8, whatever the terminal's encoding is."""
    click.echo(f"{printable_json(document)}\n".encode(), nl=False)


def write_line(text: str, *, aside: bool = False) -> None:
    """Put a line for people on stdout.

    Args:
        text: What it says; nothing in it acts on a terminal.
        aside: On stderr instead.
    """
    click.echo(printable(text), err=aside)
