"""Content packs: which documents speak for a genre, a world and a tier, and all that follows from them.

    PACKS/<genre>/visual_style.yaml                     may be absent
    PACKS/<genre>/tiers.yaml                            may be absent
    PACKS/<genre>/worlds/<world>/visual_style.yaml      may be absent: the world is as its genre

Every path here is relative to the folder of packs, with `/` between its parts. The disk is not touched: who loads a
pack brings the reader along. Adapter files are only named: each is looked for in the folder of the
document that names it (`ComposedStyle.folder_of`), then below every adapter root, and must lie below one of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from kilnmark.protocol.content.documents import (
    GenreStyle,
    LoraEntry,
    StyleFields,
    WorldStyle,
    parse_genre_style,
    parse_world_style,
)
from kilnmark.protocol.content.marked_yaml import MarkedDocument, read_marked
from kilnmark.protocol.content.places import PicturePlace, tag_of
from kilnmark.protocol.content.problems import Key, Kind, Problem, UnknownName, UnusableContent, near_miss
from kilnmark.protocol.content.prompt import final_prompt
from kilnmark.protocol.content.style import ComposedStack, StackEntry, compose_lora_stack, overlay
from kilnmark.protocol.content.tiers import Tier, load_tiers, parse_tiers
from kilnmark.protocol.picture.catalog import FAMILIES, VARIANTS

__all__ = ["STYLE_FILE", "TIERS_FILE", "ComposedStyle", "Pack", "PackFiles", "UnknownName", "load_pack", "pack_names"]

STYLE_FILE = "visual_style.yaml"
TIERS_FILE = "tiers.yaml"

_NEARLY = "visual_style.yml"

NOWHERE = PicturePlace()
"""The place of a picture that names none."""

_PACKS = "the folder of packs"

_Style = TypeVar("_Style", bound=StyleFields)
_Parsed = TypeVar("_Parsed")


class PackFiles(Protocol):
    """How the folder of packs is read. Both raise OSError for what is there and cannot be read."""

    def read(self, path: str) -> bytes | None:
        """A file's bytes; None where nothing is."""

    def folders(self, path: str) -> Sequence[str]:
        """The names of the folders in a folder, sorted; empty where none is. `""` is the folder of packs."""


@dataclass(frozen=True, slots=True)
class Pack:
    """One genre with one of its worlds, or with none, read whole.

    Attributes:
        world: None: the genre by itself.
        world_style: None: the world has none of its own.
        tiers: The shipped ones and the genre's own.
    """

    genre: str
    world: str | None
    genre_style: GenreStyle
    world_style: WorldStyle | None
    tiers: Mapping[str, Tier]

    def compose(self, tier: str, place: PicturePlace = NOWHERE) -> "ComposedStyle":
        """What a tier gets, for a picture of a place.

        Raises:
            UnknownName: There is no such tier.
            UnusableContent: What the two documents say does not go together.
        """
        if tier not in self.tiers:
            raise UnknownName("tier", tier, self.tiers, self.genre)
        stack = compose_lora_stack(self.genre_style, self.world_style, tier)
        fields = overlay(self.genre_style, self.world_style)
        return ComposedStyle(self, self.tiers[tier], stack, fields).at(place)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is odd, but harms nothing."""
        return tuple(str(problem) for problem in self._unknown_tiers() if problem is not None)

    def _unknown_tiers(self) -> Iterator[Problem]:
        for style, path, entry in _entries(self.genre_style, self.world_style):
            for i, tier in enumerate(entry.applies_to):
                if tier not in self.tiers:
                    message = f"{tier!r} is no tier of this genre; add it to {self.genre}/{TIERS_FILE}, or remove it"
                    yield style.problem((*path, "applies_to", i), message)


@dataclass(frozen=True, slots=True)
class ComposedStyle:
    """Everything that a genre, a world and a tier say about a picture, and one of their tags about its place.

    Attributes:
        tier: With the genre's own numbers.
        fields: The world's over the genre's.
        tag: Of `visual_tag_overrides`, the one that its place gets; None where none is meant for it.
    """

    pack: Pack
    tier: Tier
    stack: ComposedStack
    fields: StyleFields
    tag: str | None = None

    def at(self, place: PicturePlace) -> "ComposedStyle":
        """The same for a picture of another place."""
        return replace(self, tag=tag_of(place, self.fields.visual_tag_overrides or ()))

    @property
    def variant(self) -> str:
        """The base to paint on: the preferred one, else the tier's."""
        return _preferred(self.fields) or self.tier.variant

    def prompt(self, prompt: str) -> str:
        """The caller's prompt as it is sent to the model: with triggers, the words of its place, and the suffix."""
        place = None if self.tag is None else (self.fields.visual_tag_overrides or {})[self.tag]
        return final_prompt(prompt, self.stack.triggers, place, self.fields.positive_suffix)

    def folder_of(self, adapter: StackEntry) -> str:
        """The folder that an adapter's `file` is looked for in first: that of the document that names it."""
        return _folder(self.pack.genre, self.pack.world if adapter.level == "world" else None)

    def file_problem(self, adapter: StackEntry, message: str) -> Problem:
        """A problem with an adapter's `file`, where it is named."""
        style = self.pack.world_style if adapter.level == "world" else self.pack.genre_style
        assert style is not None  # noqa: S101 - an entry of the world comes from its style
        return style.problem(adapter.file_path, message)


def load_pack(files: PackFiles, genre: str, world: str | None = None, variants: Iterable[str] = VARIANTS) -> Pack:
    """Read everything that speaks for a genre, and a world in it.

    Args:
        files: Reads the folder of packs.
        genre: Its folder's name.
        world: Its folder's name below `worlds`; None: the genre by itself.
        variants: What `preferred_model` may name, besides the words for families.

    Raises:
        UnknownName: There is no such genre or world.
        UnusableContent: Every problem of every document that was read, with file, line, entry and mend.
    """
    _check_folder(files, "", "genre", genre)
    if world is not None:
        _check_folder(files, f"{genre}/worlds", "world", world)
    gathered = _Documents()
    genre_style = gathered.style(files, _folder(genre, None), parse_genre_style, must_be=True)
    world_style = None if world is None else gathered.style(files, _folder(genre, world), parse_world_style)
    tiers = gathered.tiers(files, genre)
    pack = Pack(genre, world, genre_style or GenreStyle(), world_style, tiers)
    gathered.problems += _wrong_names(pack, list(variants))
    if not gathered.problems:
        compose_lora_stack(pack.genre_style, world_style, "")  # what does not go together, does so for no tier
    if gathered.problems:
        raise UnusableContent(gathered.problems)
    return pack


def pack_names(files: PackFiles) -> list[tuple[str, str | None]]:
    """Every genre by itself, and every world of it; a folder that has neither style nor worlds is no genre.

    Raises:
        UnusableContent: A folder cannot be listed.
    """
    found: list[tuple[str, str | None]] = []
    for genre in _folders(files, ""):
        worlds = _folders(files, f"{genre}/worlds")
        if worlds or any(_is_there(files, f"{genre}/{name}") for name in (STYLE_FILE, _NEARLY)):
            found += [(genre, None), *((genre, world) for world in worlds)]
    return found


class _Documents:
    """Parses one document after another, and keeps what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def style(
        self, files: PackFiles, folder: str, parse: Callable[[MarkedDocument], _Style], *, must_be: bool = False
    ) -> _Style | None:
        """None where there is none, or none that is usable."""
        path, nearly = f"{folder}/{STYLE_FILE}", f"{folder}/{_NEARLY}"
        data = self._read(files, path)
        if data is not None:
            return self._parsed(lambda: parse(read_marked(data, path)))
        if self._read(files, nearly) is not None:
            self._add(nearly, f"is not read; rename it to {STYLE_FILE}")
        elif must_be and not self.problems:
            self._add(path, "is not there; write one, if only `loras: []`")
        return None

    def tiers(self, files: PackFiles, genre: str) -> Mapping[str, Tier]:
        """Those that every genre has where the genre has none of its own, or none that are usable."""
        path = f"{genre}/{TIERS_FILE}"
        data = self._read(files, path)
        if data is None:
            return load_tiers()
        return self._parsed(lambda: parse_tiers(read_marked(data, path), load_tiers())) or load_tiers()

    def _parsed(self, parse: Callable[[], _Parsed]) -> _Parsed | None:
        try:
            return parse()
        except UnusableContent as error:
            self.problems += error.problems
            return None

    def _read(self, files: PackFiles, path: str) -> bytes | None:
        try:
            return files.read(path)
        except OSError as error:
            self._add(path, f"cannot be read ({error.strerror or error}); make it a file that this user may read")
            return None

    def _add(self, file: str, message: str) -> None:
        self.problems.append(Problem(file=file, line=0, message=message))


def _check_folder(files: PackFiles, path: str, kind: Kind, name: str) -> None:
    there = _folders(files, path)
    if name not in there:
        raise UnknownName(kind, name, there, path or _PACKS)


def _folders(files: PackFiles, path: str) -> Sequence[str]:
    try:
        return files.folders(path)
    except OSError as error:
        message = f"cannot be listed ({error.strerror or error}); make it a folder that this user may read"
        raise UnusableContent([Problem(file=path or _PACKS, line=0, message=message)]) from error


def _is_there(files: PackFiles, path: str) -> bool:
    """What cannot be read is there all the same."""
    try:
        return files.read(path) is not None
    except OSError:
        return True


def _folder(genre: str, world: str | None) -> str:
    return genre if world is None else f"{genre}/worlds/{world}"


def _preferred(fields: StyleFields) -> str | None:
    """The variant that a style names, with its family's word before it or without; None leaves it to the tier."""
    named, words = fields.preferred_model, _words()
    if named is None or named in words:
        return None
    if named in VARIANTS:
        return named
    return next((named.removeprefix(f"{word}-") for word in words if named.startswith(f"{word}-")), named)


def _words() -> list[str]:
    """What styles call families."""
    return [family.word for family in FAMILIES.values() if family.word]


def _entries(genre: GenreStyle, world: WorldStyle | None) -> Iterator[tuple[StyleFields, tuple[Key, ...], LoraEntry]]:
    """Every entry of both documents, and where it stands."""
    for i, entry in enumerate(genre.loras or ()):
        yield genre, ("loras", i), entry
    if world is not None and world.loras is not None:
        for i, entry in enumerate(world.loras.add):
            yield world, ("loras", "add", i), entry


def _wrong_names(pack: Pack, variants: Sequence[str]) -> Iterator[Problem]:
    """Names of variants that there are not, and of tiers that look like another's."""
    for style in (pack.genre_style, pack.world_style):
        if style is not None and (_preferred(style) or variants[0]) not in variants:
            known = ", ".join([*_words(), *variants])
            yield style.problem(("preferred_model",), f"{style.preferred_model!r} is no variant; use one of {known}")
    for origin, path, entry in _entries(pack.genre_style, pack.world_style):
        for i, tier in enumerate(entry.applies_to):
            if meant := near_miss(tier, pack.tiers):
                message = f"{tier!r} is no tier; write {meant!r}, or add it to {pack.genre}/{TIERS_FILE}"
                yield origin.problem((*path, "applies_to", i), message)
