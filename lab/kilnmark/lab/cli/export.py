"""`kilnmark lab export`: the pages over runs as files that need no server."""

from pathlib import Path

import click
import msgspec

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.lab.pages.export import export_site

__all__ = ["ExportedPages", "export"]


class ExportedPages(msgspec.Struct, frozen=True):
    """What was written.

    Attributes:
        index: The page to open.
        pages: How many there are.
        pictures: On them.
        missing: What is not on them, and why.
    """

    index: str
    pages: int
    pictures: int
    missing: tuple[str, ...]


@click.command(short_help="The same pages as files.")
@click.argument("folder", type=HomePath(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--to",
    type=HomePath(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Where the pages go; a folder of their own.",
)
@json_option
def export(folder: Path, to: Path, *, as_json: bool) -> None:
    """Write the pages over the runs in FOLDER, as `lab serve` shows them, to read anywhere."""
    done = export_site(folder, to)
    if as_json:
        write_document(ExportedPages(str(done.index), done.pages, done.pictures, done.missing))
        return
    for sentence in done.missing:
        write_line(f"not shown: {sentence}", aside=True)
    write_line(str(done.index))
