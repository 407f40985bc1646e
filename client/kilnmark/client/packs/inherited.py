"""What a genre or a world comes to, and which line of which document each part of it comes from.

Documents are read and composed by `protocol.content`; here is only told who said what. No adapter file is looked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import msgspec

from kilnmark.protocol.content.composed import TIERS_FILE, ComposedStyle, Pack
from kilnmark.protocol.content.documents import LoraEntry, StyleFields, WorldLoras
from kilnmark.protocol.content.marked_yaml import MarkedDocument, read_marked
from kilnmark.protocol.content.packs import PackFiles, load_pack
from kilnmark.protocol.content.parsed import Broken
from kilnmark.protocol.content.problems import Key, Problem, UnusableContent
from kilnmark.protocol.picture.block_scales import scale_words

__all__ = ["EVERY_GENRE", "PackShown", "ShownAdapter", "ShownField", "ShownTier", "Whence", "shown_pack"]

EVERY_GENRE = "every genre"
"""Whose those tiers are that come with kilnmark."""

_Path = tuple[Key, ...]


class Whence(msgspec.Struct, frozen=True, kw_only=True):
    """Where something was said.

    Attributes:
        file: From the folder of packs; empty where no document says it.
        line: Counted from 1; 0 where there is none.
        level: `genre`, `world`, or `every genre` for what comes with kilnmark; empty where nobody says it.
    """

    file: str = ""
    line: int = 0
    level: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.file else self.level or "-"

    @property
    def short(self) -> str:
        """The same without the folder, which the level tells."""
        return f"{self.level} {PurePosixPath(self.file).name}:{self.line}" if self.file else str(self)


class ShownField(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a style.

    Attributes:
        value: As it holds; None where nobody says it, or a world takes it away.
        whence: Who says it.
        instead_of: Who else says it, and is not heard.
        problem: Why it cannot be used; empty where it can.
    """

    name: str
    value: Any
    whence: Whence
    instead_of: Whence | None = None
    problem: str = ""


class ShownAdapter(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter, in the order of the stack.

    Attributes:
        scale: With those of some blocks, in words.
        trigger: None: it has none.
        tiers: Whose pictures get it; empty where none does.
        excluded: Who leaves it out, if the world does.
    """

    name: str
    file: str
    scale: str
    trigger: str | None
    tiers: list[str]
    whence: Whence
    excluded: Whence | None = None


class ShownTier(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of picture.

    Attributes:
        size: `1024x768`; empty where it cannot be used.
        steps: 0 where it cannot be used.
        variant: Of the tier; a style's `preferred_model` goes before it.
        adapters: Their names, in stack order.
        problem: Why no picture of it can be had; empty where they can.
    """

    name: str
    size: str
    steps: int
    variant: str
    whence: Whence
    adapters: list[str]
    problem: str = ""


class PackShown(msgspec.Struct, frozen=True, kw_only=True):
    """A genre, or a world in it.

    Attributes:
        world: None: the genre by itself.
        worlds: Those that the genre has.
        problems: What is wrong with its documents.
    """

    genre: str
    world: str | None
    worlds: list[str]
    fields: list[ShownField]
    adapters: list[ShownAdapter]
    tiers: list[ShownTier]
    problems: list[Problem]


def shown_pack(files: PackFiles, genre: str, world: str | None = None) -> PackShown:
    """All that is said of a genre, or of a world in it.

    Raises:
        UnknownName: There is none of that name.
        UnusableContent: A document cannot be used at all.
    """
    pack = load_pack(files, genre, world)
    composed = _composed(pack)
    return PackShown(
        genre=genre,
        world=world,
        worlds=list(files.folders(f"{genre}/worlds")),
        fields=[_field(pack, name) for name in StyleFields.model_fields],
        adapters=list(_adapters(pack, composed)),
        tiers=list(_tiers(pack, _tiers_document(files, genre), composed)),
        problems=list(pack.problems),
    )


def _levels(pack: Pack) -> Sequence[tuple[str, StyleFields]]:
    """Who is heard first comes first."""
    world = [] if pack.world_style is None else [("world", pack.world_style)]
    return [*world, ("genre", pack.genre_style)]


def _whence(style: StyleFields, level: str, path: _Path) -> Whence:
    place = style.problem(path, "")
    return Whence(file=place.file, line=place.line, level=level)


def _field(pack: Pack, name: str) -> ShownField:
    said = [(level, style) for level, style in _levels(pack) if name in style.model_fields_set]
    if not said:
        return ShownField(name=name, value=None, whence=Whence())
    places = [_whence(style, level, (name,)) for level, style in said]
    value = getattr(said[0][1], name)
    problem = value.problems[0].message if isinstance(value, Broken) else ""
    return ShownField(
        name=name,
        value=None if problem else _plain(value),
        whence=places[0],
        instead_of=places[1] if len(places) > 1 else None,
        problem=problem,
    )


def _plain(value: Any) -> Any:
    """As a document has it, with what is wrong with a part of it in its place."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return f"(cannot be used: {value.problems[0].message})" if isinstance(value, Broken) else value


def _composed(pack: Pack) -> Mapping[str, ComposedStyle | Problem]:
    """What each tier comes to, or the first reason why it comes to nothing."""
    found: dict[str, ComposedStyle | Problem] = {}
    for tier in pack.tiers:
        try:
            found[tier] = pack.compose(tier)
        except UnusableContent as error:
            found[tier] = error.problems[0]
    return found


def _adapters(pack: Pack, composed: Mapping[str, ComposedStyle | Problem]) -> Iterator[ShownAdapter]:
    """Every one that can be used, in the order of the documents, the genre's before the world's."""
    excluded = dict(_excluded(pack))
    for level, path, entry in _named(pack):
        tiers = [
            tier
            for tier, style in composed.items()
            if isinstance(style, ComposedStyle) and (level, path) in _places(style)
        ]
        yield ShownAdapter(
            name=entry.name,
            file=entry.file,
            scale=scale_words(entry.scale, entry.scales.items()),
            trigger=entry.trigger,
            tiers=tiers,
            whence=_whence(dict(_levels(pack))[level], level, path),
            excluded=excluded.get(entry.name) if level == "genre" else None,
        )


def _places(style: ComposedStyle) -> set[tuple[str, _Path]]:
    return {(adapter.level, adapter.path) for adapter in style.stack.adapters}


def _named(pack: Pack) -> Iterator[tuple[str, _Path, LoraEntry]]:
    """The lists of both documents; a stack of one, said the old way, is a field."""
    genre, world = pack.genre_style.loras, None if pack.world_style is None else pack.world_style.loras
    for i, entry in enumerate(genre if isinstance(genre, tuple) else ()):
        if isinstance(entry, LoraEntry):
            yield "genre", ("loras", i), entry
    for i, entry in enumerate(world.add if isinstance(world, WorldLoras) else ()):
        if isinstance(entry, LoraEntry):
            yield "world", ("loras", "add", i), entry


def _excluded(pack: Pack) -> Iterator[tuple[str, Whence]]:
    style = pack.world_style
    if style is None or not isinstance(style.loras, WorldLoras) or isinstance(style.loras.exclude, Broken):
        return
    for i, name in enumerate(style.loras.exclude):
        yield name, _whence(style, "world", ("loras", "exclude", i))


def _tiers(
    pack: Pack, document: MarkedDocument | None, composed: Mapping[str, ComposedStyle | Problem]
) -> Iterator[ShownTier]:
    """Those that every genre has, as this one changes them, and its own."""
    for name, style in composed.items():
        if document is not None and name in document.value:
            whence = Whence(file=document.file, line=document.line((name,)), level="genre")
        else:
            whence = Whence(level=EVERY_GENRE)
        tier = pack.tiers[name]
        numbers = None if isinstance(tier, Broken) else tier
        yield ShownTier(
            name=name,
            size="" if numbers is None else f"{numbers.width}x{numbers.height}",
            steps=0 if numbers is None else numbers.steps,
            variant="" if numbers is None else numbers.variant,
            whence=whence,
            adapters=list(style.stack.names) if isinstance(style, ComposedStyle) else [],
            problem=str(style) if isinstance(style, Problem) else "",
        )


def _tiers_document(files: PackFiles, genre: str) -> MarkedDocument | None:
    data = files.read(path := f"{genre}/{TIERS_FILE}")
    return None if data is None else read_marked(data, path)
