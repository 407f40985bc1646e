"""The data behind the cards of the review page: which picture stands for which entry, and what was decided about it.

The page's script shows and changes decisions by it. Facts alone: no markup, and nothing is judged here.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from kilnmark.client.batch.picks.said import EntryName, Picks, PinnedSeeds, Said
from kilnmark.client.batch.run.asked import asked_for
from kilnmark.client.batch.run.decisions import ShownPick, file_hash
from kilnmark.client.batch.run.manifest import Manifest
from kilnmark.client.batch.run.picture import Picture
from kilnmark.client.batch.run.standing import ShownPicture
from kilnmark.protocol.printable import printable_json

__all__ = ["LiveData", "PageData", "data_json", "page_data"]


class PageEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry.

    Attributes:
        seeds: Those that are pinned; None: nobody ever pinned any.
        command: What paints it again; `--force` or `--reroll` is to be put behind it.
        pending: What is being done about it, in a sentence.
    """

    entry: EntryName
    seeds: PinnedSeeds | None
    command: str
    pending: str = ""


class PageShot(msgspec.Struct, frozen=True, kw_only=True):
    """One picture.

    Attributes:
        file: Where it lies, from the page.
        entry: The place of its entry among the entries.
        sha256: Of its bytes; empty where there is no picture.
        said: What each person said last of it.
        stale: Why what was accepted, or is there, is not what is asked for, in a sentence.
        draft: It is none that is to be used.
        gone: Its entry stands in no document any more.
        earlier: It lay there before, and another one does now.
    """

    file: str
    entry: int
    sha256: str
    seed: int
    inputs: str
    said: Sequence[Said] = ()
    stale: str = ""
    draft: bool = False
    gone: bool = False
    earlier: bool = False


class PageData(msgspec.Struct, frozen=True, kw_only=True):
    """Everything.

    Attributes:
        shots: The pictures of the cards.
        earlier: Those that lay there before.
    """

    entries: Sequence[PageEntry]
    shots: Sequence[PageShot]
    earlier: Sequence[PageShot]


class LiveData(msgspec.Struct, frozen=True, kw_only=True):
    """What a page that is served knows beside it.

    Attributes:
        csrf: What every verb has to send along.
        by: Who decides.
        version: What the page was made of; another one means that there is something new.
    """

    csrf: str
    by: str
    version: str
    live: bool = True


def page_data(
    folder: Path,
    manifest: Manifest,
    shown: Iterable[ShownPicture],
    decided: Mapping[str, ShownPick],
    picks: Picks,
    pending: Mapping[EntryName, str],
) -> PageData:
    """The data of a page.

    Args:
        folder: Where the manifest lies.
        shown: Its pictures.
        decided: What was decided about each, by its file.
        picks: Everything that was decided.
        pending: What is being done, by entry, in a sentence.
    """
    places: dict[EntryName, int] = {}
    commands: dict[EntryName, str] = {}
    out = str(folder.absolute())
    shots = [_shot(folder, one, decided[one.picture.file], places) for one in shown]
    for picture in manifest.pictures:
        asked = asked_for(manifest.asked, picture)
        commands.setdefault(picture.entry, asked[0].command(picture, out) if asked else "")
    earlier = [_earlier(picture, places, picks) for picture in manifest.earlier if picture.entry in places]
    entries = [
        PageEntry(
            entry=entry,
            seeds=picks.of_entry(entry).seeds,
            command=commands.get(entry, ""),
            pending=pending.get(entry, ""),
        )
        for entry in places
    ]
    return PageData(entries=entries, shots=shots, earlier=earlier)


def _shot(folder: Path, one: ShownPicture, decided: ShownPick, places: dict[EntryName, int]) -> PageShot:
    picture = one.picture
    there = "" if one.file is None else decided.sha256 or picture.sha256 or file_hash(folder / one.file)
    return PageShot(
        file=picture.file,
        entry=places.setdefault(picture.entry, len(places)),
        sha256=there,
        seed=picture.seed,
        inputs=picture.inputs,
        said=decided.said,
        stale=decided.stale or picture.stale,
        draft=picture.draft,
        gone=picture.gone,
    )


def _earlier(picture: Picture, places: Mapping[EntryName, int], picks: Picks) -> PageShot:
    said = picks.of_entry(picture.entry).picture(picture.sha256)
    return PageShot(
        file=picture.file,
        entry=places[picture.entry],
        sha256=picture.sha256,
        seed=picture.seed,
        inputs=picture.inputs,
        said=said.said if said else (),
        draft=picture.draft,
        earlier=True,
    )


def data_json(*parts: msgspec.Struct) -> str:
    """Data as JSON that can stand inside a page: no markup can be made of it."""
    whole: dict[str, object] = {}
    for part in parts:
        whole |= msgspec.to_builtins(part)
    return printable_json(whole).translate(_HARMLESS)


_HARMLESS = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}
