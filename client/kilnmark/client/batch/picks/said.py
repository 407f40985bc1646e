"""What people decided about the entries of a pack: who said what of which picture, and which seeds were pinned.

Everything is a register that its last writer fills, so that two copies can be merged without loss (`merged`). Plain
facts: how they are written is `document`'s part, how one is added `saying`'s.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property

import msgspec

from kilnmark.client.batch.plan.subjects import Kind

__all__ = ["EntryName", "EntryPick", "PickWord", "PickedPicture", "Picks", "PinnedSeeds", "Said"]


class PickWord(StrEnum):
    """What somebody says of a picture.

    Attributes:
        OPEN: What they said before is taken back.
    """

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    OPEN = "open"


class EntryName(msgspec.Struct, frozen=True, kw_only=True):
    """Which entry of which document, painted at which tier. Made by `of`, so that one entry has one name.

    Attributes:
        world: None for what lies in the genre itself.
        name: As its source spells it, in Unicode's NFC.
        tier: The kind of picture.
    """

    genre: str
    world: str | None = None
    kind: Kind
    name: str
    tier: str

    @classmethod
    def of(cls, genre: str, world: str | None, kind: Kind, name: str, tier: str) -> "EntryName":
        """The same, however a file spells an accent."""
        nfc = unicodedata.normalize
        where = None if world is None else nfc("NFC", world)
        return cls(genre=nfc("NFC", genre), world=where, kind=kind, name=nfc("NFC", name), tier=nfc("NFC", tier))

    @property
    def order(self) -> tuple[str, str, str, str, str]:
        """What names are sorted by: the genre itself before its worlds."""
        return self.genre, self.world or "", self.kind, self.name, self.tier

    def __str__(self) -> str:
        return f"{self.name} ({' / '.join(filter(None, (self.genre, self.world, self.kind, self.tier)))})"


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What one person said last of one picture.

    Attributes:
        by: Who; empty: they did not say.
        at: When: UTC, ISO 8601 with microseconds; empty, which is before everything: written by hand without it.
        reason: Why; empty: they did not say.
    """

    word: PickWord
    by: str = ""
    at: str = ""
    reason: str = ""

    @property
    def order(self) -> tuple[str, str, str, str]:
        """The greatest is the last."""
        return self.at, self.word, self.reason, self.by


class PickedPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of an entry that somebody said something of.

    Attributes:
        sha256: Of its bytes, in hex: what tells it from every other.
        seed: That it was painted with; None: not known.
        inputs: As its manifest had it: over all that decides its pixels; empty: not known.
        file: Where it lay then, from the batch's folder.
        said: What each person said last, by their names.
    """

    sha256: str
    seed: int | None = None
    inputs: str = ""
    file: str = ""
    said: tuple[Said, ...] = ()

    @property
    def standing(self) -> Said | None:
        """What counts: the last word of all that were not taken back; None where it is undecided."""
        words = [each for each in self.said if each.word is not PickWord.OPEN]
        return max(words, key=lambda each: each.order, default=None)

    @property
    def word(self) -> PickWord:
        """The same as a word."""
        standing = self.standing
        return PickWord.OPEN if standing is None else standing.word

    @property
    def disagree(self) -> bool:
        """Whether people say different things of it."""
        return len({each.word for each in self.said} - {PickWord.OPEN}) > 1


class PinnedSeeds(msgspec.Struct, frozen=True, kw_only=True):
    """The seeds that an entry is to be painted with.

    Attributes:
        values: One a picture, in the order of its pictures; empty: those that it would have without.
        by, at: As of `Said`.
        before: The values that these took the place of, so that they can be taken back.
    """

    values: tuple[int, ...] = ()
    by: str = ""
    at: str = ""
    before: tuple[int, ...] = ()

    @property
    def order(self) -> tuple[str, tuple[int, ...], tuple[int, ...], str]:
        """The greatest is the last."""
        return self.at, self.values, self.before, self.by


class EntryPick(msgspec.Struct, frozen=True, kw_only=True):
    """All that was decided about one entry.

    Attributes:
        seeds: None: nobody ever said any.
        pictures: By their hashes.
        rolls: How often its seeds were drawn anew.
    """

    entry: EntryName
    seeds: PinnedSeeds | None = None
    pictures: tuple[PickedPicture, ...] = ()
    rolls: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever decided."""
        return self.seeds is None and not self.pictures and not self.rolls

    @property
    def pinned(self) -> tuple[int, ...]:
        """The seeds that count; empty where none is pinned."""
        return () if self.seeds is None else self.seeds.values

    @property
    def last(self) -> str:
        """When anything about it was said last; empty: never, or by hand without a time."""
        times = [each.at for picture in self.pictures for each in picture.said]
        return max([*times, "" if self.seeds is None else self.seeds.at])

    def picture(self, sha256: str) -> PickedPicture | None:
        """The picture with these bytes; None where nobody said anything of it."""
        return next((each for each in self.pictures if each.sha256 == sha256), None)

    def that_are(self, word: PickWord) -> tuple[PickedPicture, ...]:
        """Those whose standing word it is, the one that was said last first."""
        found = [each for each in self.pictures if each.word is word]
        return tuple(sorted(found, key=lambda each: each.standing.order if each.standing else (), reverse=True))


class Picks(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything that was decided. Made by `of`.

    Attributes:
        entries: One an entry, by their names; none is empty.
    """

    entries: tuple[EntryPick, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[EntryPick]) -> "Picks":
        """In their order, without those that say nothing. No two of one entry: `merged_picks` makes one of them."""
        said = (each for each in entries if not each.is_empty)
        return cls(entries=tuple(sorted(said, key=lambda each: each.entry.order)))

    @cached_property
    def _by_entry(self) -> Mapping[EntryName, EntryPick]:
        return {each.entry: each for each in self.entries}

    def of_entry(self, entry: EntryName) -> EntryPick:
        """What was decided about one; an empty pick where nothing was."""
        return self._by_entry.get(entry) or EntryPick(entry=entry)

    def with_entry(self, pick: EntryPick) -> "Picks":
        """The same with another pick of one entry."""
        return Picks.of([*(each for each in self.entries if each.entry != pick.entry), pick])
