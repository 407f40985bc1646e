"""From the fields of one entry to the name and the words of its picture, by its kind.

What its author wrote for a picture is used as it stands; otherwise words are put together from the fields that describe
what can be seen. Nothing else of a document gets in. Fields that are not named here are left alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from kilnmark.protocol.content.entries import ENTRY_MODELS
from kilnmark.protocol.content.marked_yaml import MarkedDocument
from kilnmark.protocol.content.places import PicturePlace
from kilnmark.protocol.content.problems import Key, Problem, UnusableContent
from kilnmark.protocol.picture.given import REFERENCE_LIMIT

__all__ = [
    "FIELDS",
    "NO_PICTURES_NAMED",
    "Entry",
    "Kind",
    "NamedPictures",
    "UnusableEntry",
    "pictures_of",
    "place_of",
    "words_of",
]

Kind = Literal["poi", "portrait", "creature"]
"""What a picture can be of."""

FIELDS: Mapping[Kind, frozenset[str]] = {kind: frozenset(ENTRY_MODELS[kind].model_fields) for kind in get_args(Kind)}
"""The fields that an entry is known to have."""

_ENDS = (".", "!", "?", "\u2026")
_LONGEST = 20_000
"""Characters of a prompt that the daemon takes."""
_LONGEST_NAME = 200


class NamedPictures(NamedTuple):
    """The pictures that an entry's is to be made of: their files as they are written there.

    Attributes:
        start: The one to start from; None: from noise.
        strength: How much of that stays; None: it does not say.
        references: Those to refer to, in their order.
    """

    start: str | None = None
    strength: float | None = None
    references: tuple[str, ...] = ()


NO_PICTURES_NAMED = NamedPictures()


class UnusableEntry(UnusableContent):
    """No picture can be made of an entry."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a list: its fields, and where it stands."""

    document: MarkedDocument
    path: tuple[Key, ...]
    fields: Mapping[str, Any]
    problems: list[Problem]

    @classmethod
    def at(cls, document: MarkedDocument, path: tuple[Key, ...]) -> "Entry":
        """The entry at a place that there is."""
        value: Any = document.value
        for key in path:
            value = value[key]
        if isinstance(value, dict):
            return cls(document, path, value, [])
        entry = cls(document, path, {}, [])
        entry.add(None, "must be a mapping; write `- name: ...` with its fields below")
        return entry

    def text(self, field: str) -> str | None:
        """A field's text; None where it is not there or blank. What is no text is a problem."""
        value = self.fields.get(field)
        if value is None:
            return None
        if isinstance(value, str):
            return value.strip() or None
        kind = "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else None
        self.add(field, f"must be text, but is {kind}; write one text" if kind else f"is {value}; put it in quotes")
        return None

    def texts(self, field: str) -> tuple[str, ...]:
        """A field's list of texts; empty where it is not there. What is none is a problem."""
        value = self.fields.get(field)
        if value is None:
            return ()
        if isinstance(value, list) and all(isinstance(each, str) and each.strip() for each in value):
            return tuple(each.strip() for each in value)
        self.add(field, f"must be a list of files, even of one; write `{field}: [portraits/one.png]`")
        return ()

    def share(self, field: str) -> float | None:
        """A field's number from 0 to 1; None where it is not there. What is none is a problem."""
        value = self.fields.get(field)
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
            return float(value)
        self.add(field, f"must be a number from 0 to 1, but is {value!r}"[:200] + "; write one, such as 0.4")
        return None

    def add(self, field: str | None, message: str) -> None:
        """Note a problem with a field, or with the entry as a whole."""
        path = self.path if field is None else (*self.path, field)
        self.problems.append(self.document.problem(path, message))


def words_of(kind: Kind, entry: Entry) -> tuple[str, str]:
    """The name of an entry, and its words.

    Raises:
        UnusableEntry: with everything that is wrong with it.
    """
    name = entry.text("name")
    words = _COMPOSERS[kind](entry, name or "") if entry.fields else None
    if not entry.problems:
        if name is None:
            entry.add(None, "has no `name`; add one, its seed and its file are made of it")
        elif len(name) > _LONGEST_NAME:
            entry.add("name", f"has more than {_LONGEST_NAME} characters; shorten it")
        if words is None:
            entry.add(None, f"says nothing that could be painted; {_MENDS[kind]}")
        elif len(words) > _LONGEST:
            entry.add(None, f"makes a prompt of more than {_LONGEST} characters; shorten it")
    if entry.problems or name is None or words is None:
        raise UnusableEntry(entry.problems)
    return name, words


def place_of(kind: Kind, entry: Entry, name: str) -> tuple[PicturePlace, tuple[Problem, ...]]:
    """Where what an entry describes is, and what is wrong with its region.

    People and creatures have a region at most: their names are no places. A region that cannot be used costs what needs
    one, which is for the style to say.
    """
    region = entry.text("region")
    return PicturePlace(region, name if kind == "poi" else None), tuple(entry.problems)


def pictures_of(entry: Entry) -> NamedPictures:
    """The pictures that an entry's is to be made of.

    Raises:
        UnusableEntry: with everything that is wrong with it.
    """
    file, strength = entry.text("init_image"), entry.share("strength")
    if file is None and strength is not None:
        entry.add("strength", "needs an `init_image`; name the picture to start from, or leave it out")
    references = entry.texts("reference_images")
    if references and file is not None:
        entry.add("reference_images", "is another way to use a picture than `init_image`; leave out one of the two")
    if len(references) > REFERENCE_LIMIT:
        entry.add("reference_images", f"names {len(references)} pictures; give {REFERENCE_LIMIT} at most")
    if entry.problems:
        raise UnusableEntry(entry.problems)
    return NamedPictures(file, strength, references)


def _poi(entry: Entry, name: str) -> str | None:
    written, description = entry.text("visual_prompt"), entry.text("description")
    if written is not None:
        return written
    return None if description is None else f"{name}: {_flat(description)}"


def _portrait(entry: Entry, name: str) -> str | None:
    role, appearance, culture = (entry.text(field) for field in ("role", "appearance", "culture_aesthetic"))
    if role is None and appearance is None:
        return None
    who = f"Portrait of {name}, {_flat(role)}" if role else f"Portrait of {name}"
    return _sentences(who, appearance, culture)


def _creature(entry: Entry, name: str) -> str | None:
    written = entry.text("visual_prompt")
    looks, told, habitat, sort = (entry.text(field) for field in ("appearance", "description", "habitat", "type"))
    if written is not None:
        return written
    if looks is None and told is None:
        return None
    return _sentences(f"{name}, {_flat(sort)}" if sort else name, looks or told, habitat and f"Habitat: {habitat}")


def _sentences(*parts: str | None) -> str:
    """The parts one after the other, each ended as a sentence."""
    flat = [_flat(part) for part in parts if part]
    return " ".join(part if part.endswith(_ENDS) else f"{part}." for part in flat)


def _flat(text: str) -> str:
    """On one line: line breaks of YAML are the file's, not the prompt's."""
    return " ".join(text.split())


_COMPOSERS: Mapping[Kind, Callable[[Entry, str], str | None]] = {
    "poi": _poi,
    "portrait": _portrait,
    "creature": _creature,
}
_MENDS: Mapping[Kind, str] = {
    "poi": "add `visual_prompt` or `description`",
    "portrait": "add `appearance` or `role`",
    "creature": "add `visual_prompt`, `appearance` or `description`",
}
