"""What a batch finds of the pictures that are there and are not what is asked for: stale ones, and those whose entry is
gone; and how the latter are removed.

The manifest is marked for whoever reads it later; what counts at the moment of looking, `decisions` finds anew.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from kilnmark.client.batch.picks.said import EntryName, Picks, PickWord
from kilnmark.client.batch.plan.named import SourceNames
from kilnmark.client.batch.plan.plan import Plan, Wishes, names_in
from kilnmark.client.batch.run.asked import AskedBatch
from kilnmark.client.batch.run.decisions import ShownPick, shown_picks
from kilnmark.client.batch.run.earlier import drop
from kilnmark.client.batch.run.ledger import OLD_THERE, Ledger
from kilnmark.client.batch.run.picture import Picture

__all__ = ["Marks", "mark", "pruned"]

_LEFT_OUT = "its entry cannot be painted as it stands, for a problem told of; this is the picture of an earlier batch"


@dataclass(frozen=True, slots=True)
class Marks:
    """What was found.

    Attributes:
        stale: Pictures of whose entries another one was accepted, and others that are not what is asked for, each with
            the reason.
        gone: Pictures whose entries stand in no document any more.
    """

    stale: tuple[Picture, ...] = ()
    gone: tuple[Picture, ...] = ()


def mark(ledger: Ledger, plan: Plan, wishes: Wishes, picks: Picks) -> Marks:
    """Write down which pictures are stale, and which are of entries that the documents have no more.

    Args:
        plan: Whose documents are asked.
        wishes: What it was made for: nothing is known of what it left out.

    Raises:
        FolderUnusable: It cannot be written.
    """
    shown = shown_picks(ledger.folder, ledger.manifest, picks)
    scope = _Scope(plan, wishes, ledger.manifest.asked)
    now = []
    for each in ledger.manifest.pictures:
        gone = scope.is_gone(each)
        old = _LEFT_OUT if not gone and scope.leaves_out(each) else _old(each, ledger)
        now.append(msgspec.structs.replace(each, stale=shown[each.file].stale, old=old, gone=gone))
    if any(each != ledger.picture_at(each.file) for each in now):
        ledger.rewrite(pictures=now)
    now.sort(key=lambda each: each.file)
    return Marks(tuple(each for each in now if each.stale or each.old), tuple(each for each in now if each.gone))


def pruned(ledger: Ledger, picks: Picks, gone: Sequence[Picture], *, accepted: bool) -> tuple[Picture, ...]:
    """Remove pictures whose entries are gone, and the earlier ones of these entries; those that were removed.

    Args:
        gone: As `mark` found them.
        accepted: Remove those too that were accepted, now or earlier.

    Raises:
        FolderUnusable: One cannot be removed.
    """
    shown = shown_picks(ledger.folder, ledger.manifest, picks)
    going = [each for each in gone if accepted or not _is_kept(shown[each.file])]
    entries = {each.entry for each in going}
    left = {each.entry for each in gone} - entries
    earlier = [each for each in ledger.earlier if each.entry in entries - left]
    drop(ledger, [*going, *earlier])
    return (*going, *earlier)


def _is_kept(shown: ShownPick) -> bool:
    return bool(shown.pick.that_are(PickWord.ACCEPTED))


class _Scope:
    """What a plan says of pictures that are there: which entries it looked for, and which of them it has.

    Args:
        asked: The batches of the folder, which may have been of other packs than this plan is.
    """

    def __init__(self, plan: Plan, wishes: Wishes, asked: Sequence[AskedBatch]) -> None:
        self._plan = plan
        self._wishes = wishes
        self._asked = asked
        self._entries = {item.entry for item in plan.items}
        self._names = {_untiered(entry) for entry in self._entries}

    def is_gone(self, picture: Picture) -> bool:
        """Whether no document has a picture's entry; of documents that were not read, as it was."""
        if picture.entry in self._entries:
            return False
        if not self._has(picture):
            return picture.gone
        return self._plan.sources.lacks(*_place_of(picture)) and not self._is_elsewhere(picture)

    def leaves_out(self, picture: Picture) -> bool:
        """Whether its entry was looked for, and cannot be painted."""
        if self._wishes.only or self._wishes.limit is not None or not self._plan.problems:
            return False
        is_meant = self._has(picture) and not self._is_elsewhere(picture)
        return is_meant and _untiered(picture.entry) not in self._names

    def _has(self, picture: Picture) -> bool:
        wishes = self._wishes
        asked = wishes.genre in {None, picture.genre} and wishes.world in {None, picture.world}
        return picture.kind == wishes.kind and asked

    @cached_property
    def _elsewhere(self) -> Sequence[SourceNames]:
        """The entries of other packs that the folder was painted from, and that are there still."""
        here = os.path.realpath(self._wishes.packs)
        others = {each.packs for each in self._asked if os.path.realpath(each.packs) != here}
        return [names_in(Path(packs), self._wishes.kind) for packs in sorted(others) if Path(packs).is_dir()]

    def _is_elsewhere(self, picture: Picture) -> bool:
        """Whether it is of a genre that these packs have not, and others have its entry, as far as they can be read."""
        if (self._wishes.packs / picture.genre).is_dir():
            return False
        return not all(each.lacks(*_place_of(picture)) for each in self._elsewhere)


def _place_of(picture: Picture) -> tuple[str, str | None, str]:
    return picture.genre, picture.world, picture.name


def _untiered(entry: EntryName) -> EntryName:
    """The same of all tiers: one that an entry is not painted at any more is no fault of its document."""
    return msgspec.structs.replace(entry, tier="")


def _old(picture: Picture, ledger: Ledger) -> str:
    is_old = picture.status == "failed" and (ledger.folder / picture.file).is_file()
    return OLD_THERE if is_old else ""
