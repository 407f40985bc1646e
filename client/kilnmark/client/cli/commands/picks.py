"""`kilnmark picks`: decisions about the pictures of a batch, from a terminal. No daemon is asked.

Options in, exit code out; what is decided, and where it is kept, is for `batch.picks`.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kilnmark.client.cli.options import WholeNumber, json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.person import login
from kilnmark.client.cli.views.document import write_document, write_line

if TYPE_CHECKING:
    from kilnmark.client.batch.picks.file import PicksFiles
    from kilnmark.client.batch.picks.said import EntryPick, PickWord
    from kilnmark.client.cli.views.picks import PicksDocument

__all__ = ["picks"]

_FILE = HomePath(exists=True, dir_okay=False, path_type=Path)
_FOLDER = HomePath(exists=True, file_okay=False, path_type=Path)


@click.group()
def picks() -> None:
    """Accept and reject pictures, pin seeds, merge, publish.

    What is decided stands in picks.yaml beside the pictures, by the hash of each; what several people write is merged.
    """


def _painted(context: click.Context, parameter: click.Parameter, folder: Path) -> Path:
    """A folder that a batch paints, or has painted, into: of no other there is anything to say."""
    from kilnmark.client.batch.run.journal import JOURNAL
    from kilnmark.client.batch.run.manifest import MANIFEST

    if any((folder / name).exists() for name in (MANIFEST, JOURNAL)):
        return folder
    raise click.BadParameter(f"{folder} has no {MANIFEST}: give the --out of a batch", context, parameter)


def _places(command: Callable[..., None], *, written: bool = True) -> Callable[..., None]:
    """The folder of pictures, and where decisions lie."""
    verb = "written" if written else "read"
    for option in (
        click.option("--packs", type=_FOLDER, metavar="DIR", help="A folder of packs whose picks.yaml counts, too."),
        click.option(
            "--picks",
            "named",
            type=HomePath(dir_okay=False, path_type=Path),
            metavar="FILE",
            help=f"Where decisions are {verb}. [default: picks.yaml in DIR]",
        ),
        click.argument("folder", metavar="DIR", type=_FOLDER, callback=_painted),
    ):
        command = option(command)
    return command


_read_places = partial(_places, written=False)


def _by(command: Callable[..., None]) -> Callable[..., None]:
    return click.option("--by", metavar="NAME", help="Who decides. [default: you, by your login]")(command)


@picks.command()
@_read_places
@json_option
def show(folder: Path, *, packs: Path | None, named: Path | None, as_json: bool) -> None:
    """Show what was decided about each picture in DIR.

    What is stale or undecided comes first.
    """
    _show(folder, _files(folder, packs, named), as_json=as_json, stale_only=False)


@picks.command()
@_read_places
@json_option
def stale(folder: Path, *, packs: Path | None, named: Path | None, as_json: bool) -> None:
    """List pictures in DIR where another was accepted.

    What has changed since is told. The exit code is 1 where there are any.
    """
    document = _show(folder, _files(folder, packs, named), as_json=as_json, stale_only=True)
    click.get_current_context().exit(1 if document.stale else 0)


@picks.command()
@_places
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--reason", default="", metavar="TEXT", help="Why.")
@_by
def accept(names: tuple[str, ...], **given: Any) -> None:
    """Accept pictures in DIR, by file or entry.

    An accepted picture stays as it is until what it is made of changes.
    """
    _decide("accepted", names, **given)


@picks.command()
@_places
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--reason", default="", metavar="TEXT", help="Why.")
@_by
def reject(names: tuple[str, ...], **given: Any) -> None:
    """Reject pictures in DIR, by file or entry."""
    _decide("rejected", names, **given)


@picks.command()
@_places
@click.argument("name", metavar="NAME")
@click.argument("seeds", metavar="SEED...", nargs=-1, required=True, type=WholeNumber(0, 2**53 - 1))
@_by
def pin(
    folder: Path, name: str, seeds: tuple[int, ...], *, packs: Path | None, named: Path | None, by: str | None
) -> None:
    """Pin the seeds of one entry of DIR, one a picture.

    The next batch paints them, or takes them back.
    """
    from kilnmark.client.batch.picks.saying import moment_now, pinned

    def change(pick: "EntryPick") -> "EntryPick":
        return pinned(pick, tuple(dict.fromkeys(seeds)), by=_person(by), now=moment_now())

    _change_entry(folder, name, _files(folder, packs, named), change)


@picks.command()
@_places
@click.argument("name", metavar="NAME")
@_by
def unpin(folder: Path, name: str, *, packs: Path | None, named: Path | None, by: str | None) -> None:
    """Let one entry of DIR have its own seeds again.

    They are those that its document or its name gives it.
    """
    from kilnmark.client.batch.picks.saying import moment_now, unpinned

    _change_entry(
        folder, name, _files(folder, packs, named), lambda pick: unpinned(pick, by=_person(by), now=moment_now())
    )


@picks.command()
@_places
@click.argument("name", metavar="NAME")
@_by
def undo(folder: Path, name: str, *, packs: Path | None, named: Path | None, by: str | None) -> None:
    """Take back the last thing that you said of one entry of DIR.

    Seeds become those before them; what somebody else said of a picture counts again.
    """
    from kilnmark.client.batch.picks.saying import moment_now, taken_back

    def change(pick: "EntryPick") -> "EntryPick":
        undone = taken_back(pick, by=_person(by), now=moment_now())
        if undone is None:
            who = _person(by) or "nobody"
            raise click.UsageError(f"{who} said nothing of {pick.entry} that could be taken back; --by names another")
        return undone

    _change_entry(folder, name, _files(folder, packs, named), change)


@picks.command()
@_places
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_FILE)
def merge(folder: Path, files: tuple[Path, ...], *, packs: Path | None, named: Path | None) -> None:
    """Merge what other copies of picks.yaml know into that of DIR.

    Nothing is lost, in whatever order and however often copies are merged: of each person's words about a picture, and
    of the seeds of an entry, the last one counts.
    """
    from kilnmark.client.batch.picks.file import read_picks
    from kilnmark.client.batch.picks.merged import merged_picks

    target = _files(folder, packs, named)
    before = target.read()
    after = target.merge(merged_picks(pick for file in files for pick in read_picks(file, waits=True).entries))
    count = sum(before.of_entry(each.entry) != each for each in after.entries)
    write_line(f"{target.path}: something new of {count} of {len(after.entries)} entries")
    _renew(folder, target)


@picks.command()
@_read_places
@click.argument("to", metavar="DEST")
@json_option
def publish(folder: Path, to: str, *, packs: Path | None, named: Path | None, as_json: bool) -> None:
    """Put the accepted pictures of DIR into DEST.

    DEST is a folder or an address such as s3://bucket/pictures.

    Names stay as they are for ever, a manifest.json says what each picture is, and what is no longer accepted goes.
    DEST belongs to this folder of pictures alone.
    """
    from kilnmark.client.batch.published.publish import publish as published
    from kilnmark.client.cli.views.picks import publication_words

    done = published(folder, to, _files(folder, packs, named).read())
    if as_json:
        write_document(done)
        return
    for file in done.removed:
        write_line(f"removed {file}")
    write_line(publication_words(done))


def _decide(
    word: str,
    names: tuple[str, ...],
    *,
    folder: Path,
    reason: str,
    by: str | None,
    packs: Path | None,
    named: Path | None,
) -> None:
    from kilnmark.client.batch.picks.said import PickWord
    from kilnmark.client.batch.run.decisions import decide_picture
    from kilnmark.client.batch.run.manifest import read_manifest
    from kilnmark.client.batch.run.meant import picture_meant

    manifest, files = read_manifest(folder), _files(folder, packs, named)
    meant = [picture_meant(folder, manifest, name) for name in names]
    for picture in meant:
        decide_picture(
            folder, picture.file, PickWord(word), by=_person(by), reason=reason, manifest=manifest, files=files
        )
        write_line(f"{word} {picture.file}")
    _renew(folder, files)


def _change_entry(folder: Path, name: str, files: "PicksFiles", change: "Callable[[EntryPick], EntryPick]") -> None:
    from kilnmark.client.batch.run.manifest import read_manifest
    from kilnmark.client.batch.run.meant import entry_meant

    entry = entry_meant(folder, read_manifest(folder), name)
    before = files.read().of_entry(entry)
    after = files.change(lambda picks: picks.with_entry(change(picks.of_entry(entry)))).of_entry(entry)
    if after.pinned != before.pinned:
        seeds = ", ".join(map(str, after.pinned)) or "those of its document or name"
        write_line(f"{entry}: seeds {seeds}; the next batch paints them")
    else:
        write_line(f"{entry}: {_words(after) or 'undecided'}")
    _renew(folder, files)


def _renew(folder: Path, files: "PicksFiles") -> None:
    """The review page, which shows what was decided."""
    from kilnmark.client.batch.page.renewed import renew_page

    if why := renew_page(folder, files):
        write_line(why, aside=True)


def _words(pick: "EntryPick") -> str:
    words: list[PickWord] = [each.word for each in pick.pictures if each.standing]
    return ", ".join(words)


def _show(folder: Path, files: "PicksFiles", *, as_json: bool, stale_only: bool) -> "PicksDocument":
    from kilnmark.client.batch.run.decisions import shown_picks
    from kilnmark.client.batch.run.manifest import read_manifest
    from kilnmark.client.cli.views.picks import picks_document, show_picks
    from kilnmark.client.cli.views.tables import console

    manifest, found = read_manifest(folder), files.read()
    shown = shown_picks(folder, manifest, found)
    document = picks_document([(each, shown[each.file]) for each in manifest.pictures], found.entries)
    if as_json:
        write_document(document)
    else:
        show_picks(console(), document, stale_only=stale_only)
    return document


def _files(folder: Path, packs: Path | None, named: Path | None) -> "PicksFiles":
    from kilnmark.client.batch.picks.file import PicksFiles

    return PicksFiles.of(folder, packs, named)


def _person(by: str | None) -> str:
    return login() if by is None else by
