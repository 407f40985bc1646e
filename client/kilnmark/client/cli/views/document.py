"""The one JSON document of a command that was given `--json`."""

import click
import msgspec

__all__ = ["write_document"]


def write_document(document: msgspec.Struct) -> None:
    """Put the one JSON document of a command on stdout."""
    click.echo(msgspec.json.encode(document).decode())
