"""The commands about adapter files themselves; none of them needs a daemon, a base or a download.

What reads the files is imported when a command runs: the other commands start without numpy.
"""

from typing import TYPE_CHECKING

import click

from kilnmark.client.cli.commands.lora_report import report
from kilnmark.client.cli.commands.remap import remap
from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.painter import PainterNamed, PainterOption
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.picture.catalog import USUAL
from kilnmark.protocol.picture.report import Verdict

if TYPE_CHECKING:
    from kilnmark.keymaps.errors import RefusedFile

__all__ = ["lora"]


@click.group()
def lora() -> None:
    """Look at adapter files and convert them, without a daemon.

    No weights of a model are needed either.
    """


lora.add_command(remap)
lora.add_command(report)


@lora.command("inspect")
@click.argument("files", nargs=-1, required=True, type=HomePath(), metavar="FILE...")
@click.option(
    "--variant",
    cls=PainterNamed,
    type=PainterOption(),
    default=USUAL,
    show_default=True,
    help="The base that the files are meant for: {names}.",
)
@click.option("--targets", "with_targets", is_flag=True, help="List every layer; the JSON document always does.")
@json_option
def inspect(files: tuple[str, ...], *, variant: str, with_targets: bool, as_json: bool) -> None:
    """Say what adapter files are and would change, or why not.

    A folder stands for every *.safetensors file below it. The exit code is 3 where a file would not engage wholly.
    """
    listed = _listed(files)
    verdicts = _write_all(listed, variant) if as_json else _show_each(listed, variant, with_targets=with_targets)
    engaged = all(verdict is Verdict.ENGAGED for verdict in verdicts)
    click.get_current_context().exit(ExitCode.DONE if engaged else ExitCode.NOT_ENGAGED)


def _listed(paths: tuple[str, ...]) -> "list[str | RefusedFile]":
    """Every file, each once however often it was named."""
    from kilnmark.keymaps.inspection import adapter_files

    listed: dict[str | RefusedFile, None] = {}
    for path in paths:
        found = adapter_files(path)
        if not found:
            raise click.BadParameter(f"{path!r} holds no *.safetensors file; name a file, or the folder that has them")
        listed.update(dict.fromkeys(found))
    return list(listed)


def _write_all(listed: "list[str | RefusedFile]", variant: str) -> list[Verdict]:
    from kilnmark.keymaps.inspection import inspect_file
    from kilnmark.protocol.wire.inspection import InspectionDocument

    shapes = load_shapes(variant)
    inspections = [inspect_file(entry, shapes).inspection for entry in listed]
    write_document(InspectionDocument(inspections))
    return [inspection.verdict for inspection in inspections]


def _show_each(listed: "list[str | RefusedFile]", variant: str, *, with_targets: bool) -> list[Verdict]:
    """Each file as soon as it was read: a folder can hold a hundred gigabytes."""
    from kilnmark.client.cli.views.inspection import show_inspection, show_inspection_count
    from kilnmark.client.cli.views.tables import console
    from kilnmark.keymaps.inspection import inspect_file

    out, shapes = console(), load_shapes(variant)
    judged: list[tuple[str, Verdict]] = []
    for entry in listed:
        inspected = inspect_file(entry, shapes)
        show_inspection(out, inspected, variant, with_targets=with_targets)
        judged.append((inspected.inspection.path, inspected.inspection.verdict))
    if len(judged) > 1:
        show_inspection_count(out, judged, variant)
    return [verdict for _, verdict in judged]
