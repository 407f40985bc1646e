"""The commands about `visual_style.yaml`: what a genre, a world and a tier come to, and the schemas for editors.

With a folder of packs they need no daemon. What reads YAML and adapters is imported when a command runs.
"""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kilnmark.client.cli.options import extra_lora_option, json_option, socket_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.picture.report import Verdict

if TYPE_CHECKING:
    from kilnmark.protocol.content.composition import Composition
    from kilnmark.protocol.wire.stacks import ExtraLora

__all__ = ["style"]

_SCHEMAS = ("genre", "world", "tiers", "promoted", "history", "portraits", "creatures", "picks")


@click.group()
def style() -> None:
    """See what visual_style.yaml comes to, before painting."""


@style.command()
@click.argument("prompt", default="")
@click.option("--genre", required=True, metavar="NAME", help="The content pack.")
@click.option("--world", metavar="NAME", help="A setting inside the genre.")
@click.option("--tier", required=True, metavar="NAME", help="The kind of picture: portrait, landscape, scene, ...")
@click.option("--place", metavar="NAME", help="What is painted, by region or name, for art direction by place.")
@click.option(
    "--packs",
    type=HomePath(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Read this folder of packs here, without a daemon. [default: ask the daemon for its own]",
)
@click.option(
    "--lora-root",
    "lora_roots",
    type=HomePath(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    metavar="DIR",
    help="With --packs: adapters may lie below this folder too; repeatable.",
)
@extra_lora_option
@socket_option
@json_option
def compose(
    prompt: str,
    *,
    packs: Path | None,
    lora_roots: tuple[Path, ...],
    extra_loras: "list[ExtraLora]",
    socket: str | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Show what a style comes to: its stack and the final PROMPT.

    What each adapter file is, too; nothing is rendered. The exit code is 3 where a file is missing or would not engage
    wholly, else 1 where the documents have problems that are no matter to this picture.
    """
    from kilnmark.client.cli.views.style import show_composition
    from kilnmark.client.cli.views.tables import console
    from kilnmark.client.request import extras_of
    from kilnmark.protocol.wire.stacks import check_extras

    extras = extras_of(extra_loras)
    check_extras(extras)
    if packs is None:
        if lora_roots:
            raise click.BadParameter("the daemon has roots of its own; give --packs too", param_hint="--lora-root")
        composition = _asked(socket, prompt, {**asked, "extra_loras": extras})
    else:
        composition = _composed(packs.absolute(), lora_roots, prompt, extras=extras, **asked)
    if as_json:
        write_document(composition)
    else:
        show_composition(console(), composition)
    click.get_current_context().exit(_exit_code(composition))


@style.command()
@click.argument("name", type=click.Choice(_SCHEMAS))
def schema(name: str) -> None:
    """Print the JSON Schema of one kind of document.

    genre and world are of visual_style.yaml, promoted is of loras.yaml, portraits of portrait_manifest.yaml. `kilnmark
    pack schemas` keeps all of them beside the packs, where a document's first line names its own:
    `# yaml-language-server: $schema=../genre.schema.json`
    """
    from kilnmark.protocol.content.schemas import shipped_schema

    click.echo(shipped_schema(name), nl=False)


def _asked(socket: str | None, prompt: str, asked: Mapping[str, Any]) -> "Composition":
    from kilnmark.client.sync import Client

    with Client(socket) as client:
        return client.compose(prompt=prompt, **asked)


def _composed(
    packs: Path,
    lora_roots: tuple[Path, ...],
    prompt: str,
    *,
    genre: str,
    world: str | None,
    tier: str,
    place: str | None,
    extras: "Sequence[ExtraLora]",
) -> "Composition":
    from kilnmark.client.pack_files import PackFolder
    from kilnmark.keymaps.files.finder import AdapterFinder
    from kilnmark.keymaps.inspection import inspect_file, scale_faults
    from kilnmark.keymaps.names.shapes import load_shapes
    from kilnmark.protocol.content.composition import composition_of, file_problems, scale_problems, stack_files
    from kilnmark.protocol.content.packs import load_pack
    from kilnmark.protocol.content.places import PicturePlace
    from kilnmark.protocol.content.promoted import load_promotions
    from kilnmark.protocol.content.trust import Trust
    from kilnmark.protocol.picture.catalog import row_of
    from kilnmark.protocol.picture.decide import decide
    from kilnmark.protocol.wire.requests import RenderParams

    files = PackFolder(packs)
    roots: list[str | os.PathLike[str]] = [packs, *(root.absolute() for root in lora_roots)]
    composed = load_pack(files, genre, world).compose(tier, PicturePlace.called(place))
    located = AdapterFinder(roots).named((file, packs / folder) for file, folder in stack_files(composed))
    shapes = load_shapes(composed.variant)
    row = row_of(composed.variant)
    decision = decide(RenderParams(prompt=prompt), composed.variant, row, style=composed)
    inspections = [inspect_file(path, shapes, roots=roots).inspection for path in located.paths]
    inspections += [inspect_file(extra.path, shapes).inspection for extra in extras]
    scales = [(adapter.entry.scale, adapter.entry.scales) for adapter in composed.stack.adapters]
    faults = scale_faults(inspections, [*scales, *((extra.scale, extra.block_scales) for extra in extras)], row)
    load = partial(load_promotions, files, genre)
    trust = Trust.of(load, os.path.realpath(packs), required=composed.requires_promoted)
    return composition_of(
        composed,
        decision,
        place=place,
        inspections=inspections,
        problems=[*file_problems(composed, located.problems), *scale_problems(composed, faults, extras)],
        warnings=composed.pack.warnings,
        trust=trust,
        extras=extras,
    )


def _exit_code(composition: "Composition") -> ExitCode:
    engaged = all(lora.inspection.verdict is Verdict.ENGAGED for lora in composition.loras)
    if not engaged or composition.problems:
        return ExitCode.NOT_ENGAGED
    return ExitCode.FAILED if composition.other_problems else ExitCode.DONE
