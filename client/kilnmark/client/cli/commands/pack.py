"""`kilnmark pack`: a folder of packs from its first file on. None of these commands asks a daemon.

Options in, exit code out; what reads YAML and adapters is imported when a command runs.
"""

from pathlib import Path

import click

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.views.document import write_document, write_line

__all__ = ["pack"]

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def pack() -> None:
    """Begin a folder of packs, check it, look into it."""


@pack.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@json_option
def schemas(folder: Path, *, as_json: bool) -> None:
    """Put the JSON Schemas of all documents into DIR, a folder of packs.

    An editor with a YAML language server then completes and checks each document whose first line names one:
    `# yaml-language-server: $schema=../genre.schema.json`
    """
    from kilnmark.client.cli.views.pack_documents import SchemasDocument
    from kilnmark.client.packs.editors import write_schemas

    try:
        written = write_schemas(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    if as_json:
        write_document(SchemasDocument(folder=str(folder.absolute()), written=list(written)))
    else:
        write_line(f"{folder}: {', '.join(written) or 'all schemas were there already'}")


def _unwritable(folder: Path, error: OSError) -> click.BadParameter:
    return click.BadParameter(f"{str(folder)!r} cannot be written in ({error.strerror}); name another folder")
