"""`lora remap`: an adapter file written again in another convention, without a daemon and without weights.

A refused file ends like a refused adapter everywhere, a path that is not written to like a wrong word, and neither
leaves a file behind.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import msgspec

from kilnmark.client.cli.exits import ErrorBody, ErrorDocument
from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document
from kilnmark.keymaps.remap.goal import GOALS, GoalName, Reader, parse_reader
from kilnmark.protocol.exits import ExitCode

if TYPE_CHECKING:
    from kilnmark.keymaps.remap.convert import Remapped

__all__ = ["RemapDocument", "remap"]


class RemapDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What `lora remap --json` prints; the fields are those of `kilnmark.keymaps.remap.convert.Remapped`."""

    source: str
    path: str
    source_sha256: str
    source_convention: str
    source_convention_version: int
    convention: str
    convention_version: int
    variant: str
    reader: str
    total_key_count: int
    target_count: int
    notes: tuple[str, ...]


def _reader(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Reader | None:
    try:
        return None if value is None else parse_reader(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.argument("source", type=HomePath(), metavar="IN")
@click.argument("goal", type=HomePath(), metavar="OUT")
@click.option("--to", type=click.Choice(GOALS), required=True, help="The convention to write.")
@click.option(
    "--for",
    "reader",
    callback=_reader,
    metavar="mflux==X",
    help="Suit the habits of one version of mflux; only for kohya names.",
)
@click.option("--force", is_flag=True, help="Replace OUT if it is there.")
@json_option
def remap(source: str, goal: str, *, to: GoalName, reader: Reader | None, force: bool, as_json: bool) -> None:
    """Write an adapter again in another convention, exactly.

    The updates stay the same, bit for bit where only names, transposes and rows change. What the other convention
    cannot carry is named, the exit code is 3, and nothing is written.
    """
    if reader and to != "kohya":
        raise click.BadParameter(f"--for {reader.name} is about kohya names; leave it out for --to {to}")
    from kilnmark.keymaps.errors import UnusableGoal
    from kilnmark.keymaps.remap.convert import remap_adapter

    try:
        remapped = remap_adapter(source, goal, to, reader=reader, force=force)
    except UnusableGoal as error:
        raise click.BadParameter(str(error)) from error
    except OSError as error:
        _not_written(f"{goal}: cannot be written ({error.strerror}); nothing was left behind", as_json=as_json)
    else:
        _show(remapped, as_json=as_json)


def _not_written(message: str, *, as_json: bool) -> None:
    from kilnmark.client.cli.views.tables import console, show_failure

    show_failure(console(stderr=True), message, [])
    if as_json:
        write_document(ErrorDocument(ErrorBody(code=None, kind="not_written", message=message)))
    click.get_current_context().exit(ExitCode.FAILED)


def _show(remapped: "Remapped", *, as_json: bool) -> None:
    document = msgspec.convert(remapped, RemapDocument, from_attributes=True)
    if as_json:
        write_document(document)
        return
    from kilnmark.client.cli.views.tables import console, plain

    out = console()
    out.print(plain(document.path, "bold"), soft_wrap=True)
    for line in _lines(document):
        out.print(plain(f"  {line}"), soft_wrap=True)


def _lines(document: RemapDocument) -> Iterator[str]:
    convention = f"{document.convention}, version {document.convention_version} of the keymap"
    yield f"{document.total_key_count} keys, {document.target_count} layers of {document.variant}, in {convention}"
    yield f"from {document.source} ({document.source_convention})"
    yield from (f"note: {note}" for note in document.notes)
