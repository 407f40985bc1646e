"""Which pictures of a folder are published, and under which names.

Accepted ones, as they lie there now; and those that were accepted and published, whose entries are painted otherwise
by now and undecided since. Nothing is written here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kilnmark.client.batch.picks.said import EntryName, Picks, PickWord
from kilnmark.client.batch.published.document import PublishedAdapter, PublishedPicture
from kilnmark.client.batch.run.decisions import ShownPick, file_hash, is_draft, shown_picks
from kilnmark.client.batch.run.manifest import Manifest
from kilnmark.client.batch.run.picture import Picture

__all__ = ["ChosenPicture", "chosen_pictures"]


@dataclass(frozen=True, slots=True)
class ChosenPicture:
    """One picture that is to be in a place.

    Attributes:
        published: What its manifest is to say.
        source: The file; None: none is left here, so that it stays only where it is there already.
    """

    published: PublishedPicture
    source: Path | None


def chosen_pictures(
    folder: Path, manifest: Manifest, picks: Picks, before: Sequence[PublishedPicture]
) -> list[ChosenPicture]:
    """The pictures that are to be in a place, by the names that they get there.

    Args:
        folder: Of the batch.
        manifest: Its own.
        picks: What was decided.
        before: What the place has been told to have.
    """
    shown = shown_picks(folder, manifest, picks)
    entries: dict[EntryName, list[Picture]] = {}
    for picture in manifest.pictures:
        if not picture.gone:
            entries.setdefault(picture.entry, []).append(picture)
    aside = {each.sha256: folder / each.file for each in manifest.earlier}
    chosen: dict[str, ChosenPicture] = {}
    for entry, pictures in entries.items():
        chosen |= {each.published.file: each for each in _accepted(folder, pictures, shown)}
        if not any(_is_accepted(folder, each, shown) for each in pictures):
            stays = _staying([each for each in before if each.entry == entry], pictures, shown, aside)
            chosen |= {each.published.file: each for each in stays}
    return [chosen[file] for file in sorted(chosen)]


def _accepted(folder: Path, pictures: Sequence[Picture], shown: Mapping[str, ShownPick]) -> Iterator[ChosenPicture]:
    """Those of one entry, the first under its name and the others numbered behind it; no draft, whoever accepts it."""
    accepted = [each for each in pictures if _is_accepted(folder, each, shown)]
    for number, picture in enumerate(sorted(accepted, key=lambda each: each.take), start=1):
        stem = re.sub(r"(\.s\d+)?\.png\Z", "", picture.file)
        file = f"{stem}.png" if number == 1 else f"{stem}.s{number}.png"
        yield ChosenPicture(_published(picture, file, shown[picture.file]), folder / picture.file)


def _is_accepted(folder: Path, picture: Picture, shown: Mapping[str, ShownPick]) -> bool:
    return shown[picture.file].word is PickWord.ACCEPTED and not is_draft(folder, picture)


def _staying(
    before: Sequence[PublishedPicture],
    pictures: Sequence[Picture],
    shown: Mapping[str, ShownPick],
    aside: Mapping[str, Path],
) -> Iterator[ChosenPicture]:
    """Published pictures of an entry that are accepted still, and are not what it would be painted as now.

    Args:
        aside: Where earlier pictures lie, by their hashes.
    """
    stale = next((shown[each.file].stale for each in pictures if shown[each.file].stale), "")
    pick = shown[pictures[0].file].pick
    accepted = {each.sha256 for each in pick.that_are(PickWord.ACCEPTED)}
    for each in before:
        if stale and each.sha256 in accepted:
            source = aside.get(each.sha256)
            is_left = source is not None and file_hash(source) == each.sha256
            yield ChosenPicture(msgspec.structs.replace(each, stale=stale), source if is_left else None)


def _published(picture: Picture, file: str, shown: ShownPick) -> PublishedPicture:
    said = shown.standing
    return PublishedPicture(
        **picture.fields_for(PublishedPicture),
        file=file,
        sha256=shown.sha256,
        genre=picture.genre,
        world=picture.world,
        kind=picture.kind,
        name=picture.name,
        tier=picture.tier,
        adapters=tuple(
            PublishedAdapter(name=lora.name, sha256=lora.sha256, scale=lora.scale, scales=lora.asked_blocks)
            for lora in picture.loras
        ),
        fingerprint=picture.fingerprint,
        numerics=picture.numerics,
        created=picture.created,
        accepted_by=said.by if said else "",
        accepted_at=said.at if said else "",
        reason=said.reason if said else "",
        notice=picture.notice,
    )
