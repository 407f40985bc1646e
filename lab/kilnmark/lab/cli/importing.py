"""`kilnmark lab import`: adapters that were trained elsewhere, taken into a run."""

from pathlib import Path

import click
import msgspec

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.lab.cli.views.next import tell_next
from kilnmark.lab.run.trained import Checkpoint

__all__ = ["ImportedCheckpoints", "import_files"]


class ImportedCheckpoints(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken.

    Attributes:
        run: The run's folder, as it was named.
        checkpoints: What the files became.
    """

    run: str
    checkpoints: tuple[Checkpoint, ...]


@click.command("import", short_help="Take in adapters trained elsewhere.")
@click.argument("files", nargs=-1, required=True, type=HomePath(path_type=Path), metavar="FILE...")
@click.option("--run", required=True, type=HomePath(path_type=Path), metavar="RUN", help="The run to take them into.")
@click.option(
    "--step", type=click.IntRange(min=0), metavar="NUMBER", help="The number of the first; the next ones follow it."
)
@json_option
def import_files(files: tuple[Path, ...], *, run: Path, step: int | None, as_json: bool) -> None:
    """Take adapters that were trained elsewhere into a run, as copies.

    FILE is a safetensors file, or a zip or tar of some. Each gets its step as its number, as its name says, or in
    order. One that would change nothing, or is for another model, is refused, and then none is taken.
    """
    from kilnmark.lab.training.imports import import_adapters

    taken = import_adapters(run, files, first_step=step)
    if as_json:
        write_document(ImportedCheckpoints(run=str(run), checkpoints=taken))
        return
    for one in taken:
        keys = f"{one.matched_key_count} of {one.total_key_count} keys"
        notes = "; ".join(word for word in (one.reason, one.note) if word)
        write_line(f"step {one.step}: {run / one.file}, {one.verdict}, {keys}{'; ' if notes else ''}{notes}")
    tell_next(run)
