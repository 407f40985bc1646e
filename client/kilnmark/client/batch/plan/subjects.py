"""One entry of a document, as a picture is to show it: its words, its place, and where it is written.

What its author wrote for a picture is used as it stands; otherwise words are put together from the fields that describe
what can be seen. Nothing else of a document gets in. Which fields there are, the models of `content.entries` say.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kilnmark.protocol.content.entries import (
    ENTRY_MODELS,
    CharacterEntry,
    CreatureEntry,
    EntryFields,
    PlaceEntry,
    SubjectKind,
)
from kilnmark.protocol.content.marked_yaml import MarkedDocument
from kilnmark.protocol.content.parsed import Broken, asked, parsed
from kilnmark.protocol.content.places import PicturePlace
from kilnmark.protocol.content.problems import Key, Problem, UnusableContent

__all__ = ["Kind", "PackName", "Subject", "WrittenEntry", "subject_of"]

Kind = SubjectKind
"""What a picture can be of."""

PackName = tuple[str, str | None]
"""A genre, and a world in it or None for the genre itself."""

_ENDS = (".", "!", "?", "\u2026")
_LONGEST = 20_000
"""Characters of a prompt that the daemon takes."""


@dataclass(frozen=True, slots=True)
class WrittenEntry:
    """Where an entry stands.

    Attributes:
        document: It holds the entry.
        path: The entry's place in it.
    """

    document: MarkedDocument
    path: tuple[Key, ...]

    @property
    def line(self) -> int:
        """Counted from 1."""
        return self.document.line(self.path)

    def problem(self, within: tuple[Key, ...], message: str) -> Problem:
        """A problem with a place within it; none: with the entry as a whole."""
        return self.document.problem((*self.path, *within), message)


@dataclass(frozen=True, slots=True)
class Subject:
    """One entry: what a picture is to show.

    Attributes:
        words: The prompt before the style adds to it.
        place: Where it is, for the style's art direction.
        unplaced: What is wrong with its region; it counts where a style directs places.
        file, line: Where it stands, from the folder of packs.
        fields: All that its author chose.
        written: Where each of them stands.
    """

    genre: str
    world: str | None
    kind: Kind
    name: str
    words: str
    place: PicturePlace
    unplaced: tuple[Problem, ...]
    file: str
    line: int
    fields: EntryFields
    written: WrittenEntry = field(repr=False, compare=False)

    @property
    def pack(self) -> PackName:
        """Whose it is."""
        return self.genre, self.world

    def problem(self, message: str) -> Problem:
        """One with its picture, under its name."""
        return Problem(file=self.file, line=self.line, entry=self.name, message=message)

    @property
    def decided(self) -> tuple[object, ...]:
        """All that two entries of its name have to agree on."""
        return self.words, self.place, self.fields.choices


def subject_of(kind: Kind, written: WrittenEntry, pack: PackName) -> Subject:
    """What an entry of a genre, or of a world of it, is to show.

    Raises:
        UnusableContent: with everything that is wrong with it.
    """
    fields, _ = parsed(ENTRY_MODELS[kind], written.document, at=written.path)
    place, unplaced = _place_of(kind, fields)
    words = _COMPOSERS[kind](fields)
    if words is None:
        raise UnusableContent([written.problem((), f"says nothing that could be painted; {_MENDS[kind]}")])
    if len(words) > _LONGEST:
        raise UnusableContent([written.problem((), f"makes a prompt of more than {_LONGEST} characters; shorten it")])
    file = written.document.file
    return Subject(*pack, kind, fields.name, words, place, unplaced, file, written.line, fields, written)


def _place_of(kind: Kind, fields: EntryFields) -> tuple[PicturePlace, tuple[Problem, ...]]:
    """Where what an entry describes is, and what is wrong with its region.

    People and creatures have a region at most: their names are no places. A region that cannot be used costs what needs
    one, which is for the style to say.
    """
    if fields.place is not None:
        return PicturePlace.called(fields.place), ()
    region, name = fields.region, fields.name if kind == "poi" else None
    if isinstance(region, Broken):
        return PicturePlace(None, name), region.problems
    return PicturePlace(region, name), ()


def _poi(entry: PlaceEntry) -> str | None:
    if entry.visual_prompt is not None:
        return entry.visual_prompt
    return None if entry.description is None else f"{entry.name}: {_flat(entry.description)}"


def _portrait(entry: CharacterEntry) -> str | None:
    if entry.role is None and entry.appearance is None:
        return None
    who = f"Portrait of {entry.name}, {_flat(entry.role)}" if entry.role else f"Portrait of {entry.name}"
    return _sentences(who, entry.appearance, entry.culture_aesthetic)


def _creature(entry: CreatureEntry) -> str | None:
    if entry.visual_prompt is not None:
        return entry.visual_prompt
    looks = entry.appearance or entry.description
    if looks is None:
        return None
    sort, habitat = asked(entry.type), entry.habitat
    return _sentences(f"{entry.name}, {_flat(sort)}" if sort else entry.name, looks, habitat and f"Habitat: {habitat}")


def _sentences(*parts: str | None) -> str:
    """The parts one after the other, each ended as a sentence."""
    flat = [_flat(part) for part in parts if part]
    return " ".join(part if part.endswith(_ENDS) else f"{part}." for part in flat)


def _flat(text: str) -> str:
    """On one line: line breaks of YAML are the file's, not the prompt's."""
    return " ".join(text.split())


_COMPOSERS: Mapping[Kind, Callable[[Any], str | None]] = {
    "poi": _poi,
    "portrait": _portrait,
    "creature": _creature,
}
_MENDS: Mapping[Kind, str] = {
    "poi": "add `visual_prompt` or `description`",
    "portrait": "add `appearance` or `role`",
    "creature": "add `visual_prompt`, `appearance` or `description`",
}
