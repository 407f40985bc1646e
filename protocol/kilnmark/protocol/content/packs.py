"""Content packs: which documents speak for a genre and a world, and how they are read as far as they go.

    PACKS/<genre>/visual_style.yaml                     may be absent
    PACKS/<genre>/tiers.yaml                            may be absent
    PACKS/<genre>/worlds/<world>/visual_style.yaml      may be absent: the world is as its genre

Every path here is relative to the folder of packs, with `/` between its parts. The disk is not touched: who loads a
pack brings the reader along. Adapter files are only named: each is looked for in the folder of the
document that names it (`ComposedStyle.folder_of`), then below every adapter root, and must lie below one of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from kilnmark.protocol.content.composed import TIERS_FILE, Pack, family_words, folder_of, mismatches, variant_of
from kilnmark.protocol.content.documents import GenreStyle, StyleFields, parse_genre_style, parse_world_style
from kilnmark.protocol.content.marked_yaml import MarkedDocument, read_marked
from kilnmark.protocol.content.parsed import Broken
from kilnmark.protocol.content.problems import Kind, Problem, UnknownName, UnusableContent
from kilnmark.protocol.content.tiers import Tier, load_tiers, parse_tiers
from kilnmark.protocol.picture.catalog import VARIANTS

__all__ = ["STYLE_FILE", "TIERS_FILE", "PackFiles", "UnknownName", "load_pack", "pack_names", "refuse_genre"]

STYLE_FILE = "visual_style.yaml"

_NEARLY = "visual_style.yml"

_PACKS = "the folder of packs"

_Style = TypeVar("_Style", bound=StyleFields)
_Parsed = TypeVar("_Parsed")


class PackFiles(Protocol):
    """How the folder of packs is read. Both raise OSError for what is there and cannot be read."""

    def read(self, path: str) -> bytes | None:
        """A file's bytes; None where nothing is."""

    def folders(self, path: str) -> Sequence[str]:
        """The names of the folders in a folder, sorted; empty where none is. `""` is the folder of packs."""


def load_pack(files: PackFiles, genre: str, world: str | None = None, variants: Iterable[str] = VARIANTS) -> Pack:
    """Read everything that speaks for a genre, and a world in it.

    Args:
        files: Reads the folder of packs.
        genre: Its folder's name.
        world: Its folder's name below `worlds`; None: the genre by itself.
        variants: What `preferred_model` may name, besides the words for families.

    Raises:
        UnknownName: There is no such genre or world.
        UnusableContent: A document cannot be used at all. What is wrong with a part of one costs what needs that:
            the pack's `problems` tell it.
    """
    if genre not in _folders(files, ""):
        refuse_genre(files)
    _check_folder(files, "", "genre", genre)
    if world is not None:
        _check_folder(files, f"{genre}/worlds", "world", world)
    if not _can_be_named(folder := folder_of(genre, world)):
        raise UnusableContent([Problem(file=folder, line=0, message="has a name that is not UTF-8; rename the folder")])
    reader = _Reader(files)
    genre_style = reader.style(folder_of(genre, None), parse_genre_style, must_be=True) or GenreStyle()
    world_style = None if world is None else reader.style(folder_of(genre, world), parse_world_style)
    tiers = reader.tiers(genre)
    if not reader.is_whole:
        raise UnusableContent(reader.problems)
    known = list(variants)
    pack = Pack(
        genre,
        world,
        _with_known_variant(genre_style, known),
        world_style and _with_known_variant(world_style, known),
        tiers,
    )
    return replace(pack, problems=tuple(dict.fromkeys([*reader.problems, *mismatches(pack)])))


def pack_names(files: PackFiles) -> list[tuple[str, str | None]]:
    """Every genre by itself, and every world of it; a folder that has neither style nor worlds is no genre.

    Raises:
        UnusableContent: A folder cannot be listed.
    """
    found: list[tuple[str, str | None]] = []
    for genre in _folders(files, ""):
        worlds = _folders(files, f"{genre}/worlds")
        if worlds or _style_in(files, f"{genre}/"):
            found += [(genre, None), *((genre, world) for world in worlds)]
    return found


def refuse_genre(files: PackFiles) -> None:
    """Where the folder of packs is a genre itself, which is easily named instead of the folder that it lies in.

    Raises:
        UnusableContent: It has a style of its own, and no genre in it; or it cannot be listed.
    """
    name = _style_in(files, "")
    if name is not None and not any(_style_in(files, f"{genre}/") for genre in _folders(files, "")):
        message = "lies in the folder of packs itself: this is a genre; give the folder that it lies in"
        raise UnusableContent([Problem(file=name, line=0, message=message)])


def _style_in(files: PackFiles, folder: str) -> str | None:
    """The name of the style in a folder, as it is written or nearly so; None where there is none."""
    return next((name for name in (STYLE_FILE, _NEARLY) if _is_there(files, f"{folder}{name}")), None)


class _Reader:
    """Reads one document after another.

    Attributes:
        problems: All that is wrong with them.
        is_whole: None of them was unusable altogether.
    """

    def __init__(self, files: PackFiles) -> None:
        self._files = files
        self.problems: list[Problem] = []
        self.is_whole = True

    def style(self, folder: str, parse: Callable[[MarkedDocument], _Style], *, must_be: bool = False) -> _Style | None:
        """None where there is none, or none that is usable."""
        path, nearly = f"{folder}/{STYLE_FILE}", f"{folder}/{_NEARLY}"
        data = self._read(path)
        style = None if data is None else self._parsed(lambda: parse(read_marked(data, path)))
        if style is not None:
            self.problems += style.problems
        elif data is None and self._read(nearly) is not None:
            self._add(nearly, f"is not read; rename it to {STYLE_FILE}")
        elif must_be and self.is_whole:
            self._add(path, "is not there; write one, if only `loras: []`")
        return style

    def tiers(self, genre: str) -> Mapping[str, Tier | Broken]:
        """Those that every genre has where the genre has none of its own, or none that are usable."""
        path = f"{genre}/{TIERS_FILE}"
        data = self._read(path)
        tiers = None if data is None else self._parsed(lambda: parse_tiers(read_marked(data, path), load_tiers()))
        broken = [tier for tier in (tiers or {}).values() if isinstance(tier, Broken)]
        self.problems += (problem for tier in broken for problem in tier.problems)
        return load_tiers() if tiers is None else tiers

    def _parsed(self, parse: Callable[[], _Parsed]) -> _Parsed | None:
        try:
            return parse()
        except UnusableContent as error:
            self._refuse(error.problems)
            return None

    def _read(self, path: str) -> bytes | None:
        try:
            return self._files.read(path)
        except OSError as error:
            self._add(path, f"cannot be read ({error.strerror or error}); make it a file that this user may read")
            return None

    def _add(self, file: str, message: str) -> None:
        self._refuse([Problem(file=file, line=0, message=message)])

    def _refuse(self, problems: Iterable[Problem]) -> None:
        self.problems += problems
        self.is_whole = False


def _check_folder(files: PackFiles, path: str, kind: Kind, name: str) -> None:
    there = _folders(files, path)
    if name not in there:
        raise UnknownName(kind, name, there, path or _PACKS)


def _can_be_named(folder: str) -> bool:
    """Whether a request can: the wire and the documents are UTF-8, and names of folders may be any bytes."""
    try:
        folder.encode()
    except UnicodeEncodeError:
        return False
    return True


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


def _with_known_variant(style: _Style, variants: Sequence[str]) -> _Style:
    """The style with its preference broken where it is for a variant that there is not."""
    preferred = style.preferred_model
    if isinstance(preferred, Broken) or (variant_of(preferred) or variants[0]) in variants:
        return style
    known = ", ".join([*family_words(), *variants])
    problem = style.problem(("preferred_model",), f"{preferred!r} is no variant; use one of {known}")
    return style.model_copy(update={"preferred_model": Broken((problem,), preferred)})
