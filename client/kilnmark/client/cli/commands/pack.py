"""`kilnmark pack`: a folder of packs from its first file on. None of these commands asks a daemon.

Options in, exit code out; what reads YAML and adapters is imported when a command runs.
"""

import re
import shlex
from pathlib import Path

import click

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.protocol.exits import ExitCode

__all__ = ["pack"]

_NAME = re.compile(r"[^\W_][\w-]{0,99}")
_FOLDER = HomePath(file_okay=False, path_type=Path)


@click.group()
def pack() -> None:
    """Begin a folder of packs, check it, look into it."""


@pack.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--genre", default="my_genre", show_default=True, metavar="NAME", help="Its folder's name.")
@click.option("--world", default="my_world", show_default=True, metavar="NAME", help="The name of a world in it.")
@click.option(
    "--variant",
    default="mini",
    show_default=True,
    metavar="NAME",
    help="The model that its pictures are for; `mini` comes with kilnmark.",
)
@json_option
def init(folder: Path, *, genre: str, world: str, variant: str, as_json: bool) -> None:
    """Begin a genre with one world in DIR, a folder of packs.

    It can be painted at once. Every document and every field is there, most of them as comments that say what they are
    for. Genres that are in DIR already are left alone.
    """
    from kilnmark.client.cli.views.pack_documents import BegunDocument
    from kilnmark.client.packs.scaffold import begin_packs

    for option, name in (("--genre", genre), ("--world", world)):
        _require_name(option, name)
    _require_variant(variant)
    try:
        written = begin_packs(folder, genre, world, variant)
    except FileExistsError as error:
        raise click.BadParameter(f"{error}; give another name", param_hint="--genre") from error
    except OSError as error:
        raise _unwritable(folder, error) from error
    document = BegunDocument(folder=str(folder.absolute()), documents=list(written), next=_next(folder, variant))
    if as_json:
        write_document(document)
        return
    for path in document.documents:
        write_line(f"{folder}/{path}")
    write_line("")
    for line in document.next:
        write_line(f"    {line}")


@pack.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@json_option
def schemas(folder: Path, *, as_json: bool) -> None:
    """Put the schemas of all documents into DIR, for editors.

    DIR is a folder of packs.
    An editor with a YAML language server then completes and checks each document whose first line names one:
    `# yaml-language-server: $schema=../genre.schema.json`. Those that name none are listed with their line; no document
    is changed.
    """
    from kilnmark.client.cli.views.pack_documents import SchemasDocument, UnnamedSchema
    from kilnmark.client.pack_files import PackFolder
    from kilnmark.client.packs.editors import editor_line, unnamed, write_schemas

    try:
        written = write_schemas(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    missing = [UnnamedSchema(document=each, line=editor_line(each)) for each in unnamed(PackFolder(folder))]
    if as_json:
        write_document(SchemasDocument(folder=str(folder.absolute()), written=list(written), unnamed=missing))
        return
    write_line(f"{folder}: {', '.join(written) or 'all schemas were there already'}")
    for each in missing:
        write_line(f"{folder}/{each.document} wants as its first line: {each.line}")


@pack.command()
@click.argument("folder", metavar="DIR", type=HomePath(exists=True, file_okay=False, path_type=Path))
@click.option("--genre", metavar="NAME", help="Only this one.")
@click.option(
    "--lora-root",
    "lora_roots",
    type=HomePath(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    metavar="DIR",
    help="A further folder that adapters may lie in, as the daemon's. Repeatable.",
)
@click.option("--strict", is_flag=True, help="End with 1 for warnings, too.")
@json_option
def check(folder: Path, *, genre: str | None, lora_roots: tuple[Path, ...], strict: bool, as_json: bool) -> None:
    """Say all that batches would tell of DIR, a folder of packs.

    Every entry, every style at every tier and every adapter is looked at, without a daemon or a model; nothing is
    written. The exit code is 3 where an adapter would not engage wholly, else 1 where something costs a picture.
    """
    from kilnmark.client.cli.views.pack import show_checked
    from kilnmark.client.cli.views.pack_documents import checked_document
    from kilnmark.client.cli.views.tables import console
    from kilnmark.client.packs.checked import check_packs

    checked = check_packs(folder.absolute(), genre, lora_roots)
    if as_json:
        write_document(checked_document(str(folder.absolute()), checked))
    else:
        show_checked(console(), checked)
    is_amiss = checked.problems or (strict and checked.warnings)
    code = ExitCode.NOT_ENGAGED if checked.dead else ExitCode.FAILED if is_amiss else ExitCode.DONE
    click.get_current_context().exit(code)


@pack.command()
@click.argument("genre")
@click.argument("world", required=False)
@click.option(
    "--packs",
    type=HomePath(exists=True, file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder of packs.",
)
@json_option
def show(genre: str, world: str | None, *, packs: Path, as_json: bool) -> None:
    """Show what GENRE, or WORLD in it, inherits from where.

    Every field of its style with the line that says it, its adapters with the tiers whose pictures get them, and its
    tiers. Adapter files are not looked for: that does `pack check`. The exit code is 1 where its documents have
    problems.
    """
    from kilnmark.client.cli.views.pack import show_pack
    from kilnmark.client.cli.views.tables import console
    from kilnmark.client.pack_files import PackFolder
    from kilnmark.client.packs.inherited import shown_pack

    shown = shown_pack(PackFolder(packs.absolute()), genre, world)
    if as_json:
        write_document(shown)
    else:
        show_pack(console(), shown)
    click.get_current_context().exit(ExitCode.FAILED if shown.problems else ExitCode.DONE)


def _next(folder: Path, variant: str) -> list[str]:
    """The commands to go on with, as a shell takes them."""
    place = shlex.quote(str(folder))
    return [
        f"kilnmark pack check {place}",
        f"kilnmark batch poi --packs {place} --dry-run",
        f"kilnmark serve --variant {shlex.quote(variant)} --packs {place} &",
        f"kilnmark batch poi --packs {place} --out pictures",
    ]


def _require_name(option: str, name: str) -> None:
    """A folder of that name can be found again by who reads packs, on every system."""
    if not _NAME.fullmatch(name):
        message = f"{name!r} makes no good folder; give letters, digits, hyphens and underscores"
        raise click.BadParameter(message, param_hint=option)


def _require_variant(variant: str) -> None:
    from kilnmark.protocol.content.problems import near_miss
    from kilnmark.protocol.picture.catalog import VARIANTS

    if variant not in VARIANTS:
        meant = near_miss(variant, VARIANTS)
        words = f"did you mean {meant!r}?" if meant else f"give one of {', '.join(VARIANTS)}"
        raise click.BadParameter(f"{variant!r} is no variant; {words}", param_hint="--variant")


def _unwritable(folder: Path, error: OSError) -> click.BadParameter:
    return click.BadParameter(f"{str(folder)!r} cannot be written in ({error.strerror}); name another folder")
