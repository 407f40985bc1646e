"""Accepted pictures put into a place, and what is no longer accepted taken out of it.

The order makes it safe to be stopped anywhere: what is about to move is written down first, then each file comes whole,
then the manifest, and only then do files go that it does not name. Whoever publishes next ends what was begun.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec

from kilnmark.client.batch.errors import CannotPublish
from kilnmark.client.batch.picks.said import Picks
from kilnmark.client.batch.published.document import PublishedManifest, PublishedPicture
from kilnmark.client.batch.published.places import PublishedPlace, place_of
from kilnmark.client.batch.published.selection import ChosenPicture, chosen_pictures
from kilnmark.client.batch.run.manifest import MANIFEST, read_manifest
from kilnmark.protocol.printable import printable_json

__all__ = ["COMING", "Publication", "publish"]

COMING = ".publishing.json"
"""What is about to come or to go, until all of it has."""

_DOCUMENT: Final = "kilnmark published pictures"


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """What came of publishing.

    Attributes:
        where: The place.
        added, replaced, kept, removed: Files, from the place: new ones, those with other bytes than before, those that
            were there as they are, and those that went.
        stale: Of those kept, the ones whose entries would be painted otherwise now.
    """

    where: str
    added: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()


def publish(folder: Path, to: str, picks: Picks) -> Publication:
    """Let a place have exactly the accepted pictures of a folder.

    Args:
        folder: Of a batch.
        to: A folder, or an address as fsspec has them. It belongs to this batch's folder alone.
        picks: What was decided.

    Raises:
        CannotPublish: The folder has no manifest, the place cannot be used, or has a file of somebody else under a name
            that a picture gets.
        BrokenManifest: The folder's own cannot be read.
    """
    if not (folder / MANIFEST).is_file():
        raise CannotPublish(str(folder), "no batch has written there", "name the folder of a batch's pictures")
    place = place_of(to)
    with place.held():
        before = _published_before(place)
        chosen = chosen_pictures(folder, read_manifest(folder), picks, before.pictures)
        _check_chosen(folder, chosen)
        return _Publishing(place, before, chosen).run()


class _Publishing:
    """One publication, once it is known what is to be there."""

    def __init__(self, place: PublishedPlace, before: PublishedManifest, chosen: Sequence[ChosenPicture]) -> None:
        self._place = place
        self._before = {each.file: each.sha256 for each in before.pictures}
        self._coming = _coming(place)
        self._chosen = [each for each in chosen if each.source or place.has(each.published.file, "")]
        self._manifest = PublishedManifest(document=_DOCUMENT, pictures=[each.published for each in self._chosen])
        self._is_same = self._manifest == before

    def run(self) -> Publication:
        lacking = [each for each in self._chosen if each.source and not self._is_there(each.published)]
        self._refuse_foreign(lacking)
        names = {each.published.file for each in self._chosen}
        going = sorted((self._before.keys() | self._coming) - names)
        if lacking or going or self._coming or not self._is_same:
            self._bring(lacking, going)
        new = [each.published.file for each in lacking]
        return Publication(
            where=self._place.where,
            added=tuple(file for file in new if file not in self._before),
            replaced=tuple(file for file in new if file in self._before),
            kept=tuple(sorted(names.difference(new))),
            removed=tuple(going),
            stale=tuple(each.published.file for each in self._chosen if each.published.stale),
        )

    def _bring(self, lacking: Sequence[ChosenPicture], going: Sequence[str]) -> None:
        if moving := sorted({*self._coming, *going, *(each.published.file for each in lacking)}):
            self._place.write(COMING, msgspec.json.encode(moving))
        for each in lacking:
            if each.source is not None:
                self._place.put(each.published.file, each.source, each.published.sha256)
        self._place.write(MANIFEST, msgspec.json.format(printable_json(self._manifest), indent=1).encode())
        for file in going:
            self._place.remove(file)
        self._place.remove(COMING)

    def _is_there(self, picture: PublishedPicture) -> bool:
        return self._place.has(picture.file, picture.sha256)

    def _refuse_foreign(self, lacking: Sequence[ChosenPicture]) -> None:
        """Nothing is written over that was not published from here."""
        ours = self._before.keys() | self._coming
        for each in lacking:
            if each.published.file not in ours and self._place.has(each.published.file, ""):
                where = f"{self._place.where}/{each.published.file}"
                raise CannotPublish(where, "it is there already, and not published by kilnmark", "move it away")


def _check_chosen(folder: Path, chosen: Iterable[ChosenPicture]) -> None:
    """Nothing outside a folder is published, nor put outside a place, whoever wrote the folder's manifest."""
    try:
        _check_names(each.published.file for each in chosen)
    except ValueError as error:
        why = f"its {MANIFEST} leads out of it ({error})"
        raise CannotPublish(str(folder), why, "paint the batch into a folder of its own") from error


def _published_before(place: PublishedPlace) -> PublishedManifest:
    data = place.read(MANIFEST)
    if data is None:
        return PublishedManifest(document=_DOCUMENT)
    try:
        manifest = msgspec.json.decode(data, type=PublishedManifest)
        _check_names(each.file for each in manifest.pictures)
    except (ValueError, RecursionError) as error:
        why = f"its {MANIFEST} is none of published pictures ({error})"
        raise CannotPublish(place.where, why, "name a place of its own, beside no batch") from error
    return manifest


def _coming(place: PublishedPlace) -> frozenset[str]:
    data = place.read(COMING)
    try:
        names = frozenset() if data is None else frozenset(msgspec.json.decode(data, type=list[str]))
        _check_names(names)
    except (ValueError, RecursionError) as error:
        raise CannotPublish(
            place.where, f"{COMING} cannot be read ({error})", "remove it, and publish again"
        ) from error
    return names


def _check_names(names: Iterable[str]) -> None:
    """See that each is the name of a picture below the place: whoever can write its manifest removes nothing else.

    Raises:
        ValueError: One is not.
    """
    for name in names:
        parts = PurePosixPath(name).parts
        if not name.endswith(".png") or name.startswith("/") or ".." in parts or "\\" in name:
            raise ValueError(f"{name!r} is the name of no picture there")
