"""`lora report`: what can be told of an adapter file to strangers, written down so that it can be given away."""

from typing import TYPE_CHECKING

import click

from kilnmark.client.cli.painter import PainterNamed, PainterOption
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_line
from kilnmark.protocol.picture.catalog import USUAL

if TYPE_CHECKING:
    from kilnmark.keymaps.filereport.document import FileReport

__all__ = ["report"]


@click.command("report")
@click.argument("file", type=HomePath(), metavar="FILE")
@click.option("--output", type=HomePath(), metavar="REPORT", help="Write to this file, not to the screen.")
@click.option("--force", is_flag=True, help="Replace REPORT if it is there.")
@click.option(
    "--variant",
    cls=PainterNamed,
    type=PainterOption(),
    default=USUAL,
    show_default=True,
    help="The base that FILE is meant for: {names}.",
)
def report(file: str, *, output: str | None, force: bool, variant: str) -> None:
    """Describe an adapter file for an issue, without its weights.

    The report has the names, shapes and types of all tensors, a few statistics of each, the names of the metadata's
    entries, and what kilnmark makes of the file. It has no weights, no captions, prompts or pictures, no paths, no name
    of the file and no hash of it: values of the metadata are left out unless they are words of programs or numbers.
    Names of tensors are told as they stand, and some trainers write the adapter's own name into them: look it through
    before you share it. From a report, the file's names and shapes can be made again, and what is wrong be found.
    """
    from kilnmark.keymaps.filereport.document import text_of
    from kilnmark.keymaps.filereport.make import report_file

    described = report_file(file, variant)
    text = text_of(described)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text, described, force=force)


def _write(output: str, text: str, described: "FileReport", *, force: bool) -> None:
    from kilnmark.keymaps.files.atomic import written_whole

    try:
        with written_whole(output, replace=force) as goal:
            goal.write(text.encode())
    except FileExistsError as error:
        raise click.BadParameter(f"{output!r} is there already; give another name or --force") from error
    except OSError as error:
        raise click.BadParameter(f"{output!r} cannot be written ({error.strerror})") from error
    tensors = f"{described.total_key_count} tensors in {len(described.tensors)} groups"
    write_line(f"{output}: {tensors}, {len(text)} characters; look it through before you share it")
