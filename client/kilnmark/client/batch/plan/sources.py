"""What is to be painted, from the YAML that people write: the entries of `history.yaml`, `portrait_manifest.yaml` and
`creatures.yaml`, of a genre and of each of its worlds.

Every entry becomes a subject or a problem with file and line; one that is unusable costs no other. How its words become
a picture's prompt is for the style to say, and how an entry's fields become words, for `subjects`.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from kilnmark.client.batch.plan.subjects import Kind, PackName, Subject, WrittenEntry, subject_of
from kilnmark.protocol.content.entries import meant_by
from kilnmark.protocol.content.marked_yaml import MarkedDocument, read_marked
from kilnmark.protocol.content.packs import PackFiles, UnknownName, refuse_genre
from kilnmark.protocol.content.problems import Key, Problem, UnusableContent, near_miss

__all__ = ["SOURCES", "SourcesRead", "places", "read_sources"]

SOURCES: Mapping[Kind, tuple[str, tuple[str, ...]]] = {
    "poi": ("history.yaml", ("chapters", "points_of_interest")),
    "portrait": ("portrait_manifest.yaml", ("characters",)),
    "creature": ("creatures.yaml", ("creatures",)),
}
"""Where the entries of each kind stand: the file, and the lists that lead to them."""

_PACKS = "the folder of packs"


@dataclass(slots=True)
class SourcesRead:
    """Everything that some sources hold.

    Attributes:
        packs: The genres and worlds that have a source.
        subjects: Their usable entries.
        problems: Each costs a picture at least.
        warnings: These cost none.
    """

    packs: list[PackName] = field(default_factory=list)
    subjects: list[Subject] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def places(files: PackFiles, genre: str | None, world: str | None) -> list[PackName]:
    """The genres and worlds that are meant, in order of their names, each genre before its worlds.

    Args:
        files: Reads the folder of packs.
        genre: Only this one; None: all.
        world: Only worlds of this name, and not the genre itself; None: all, and the genre.

    Raises:
        UnknownName: There is none of that name.
        UnusableContent: A folder cannot be listed.
    """
    refuse_genre(files)
    genres = _listed(files, "")
    if genre is not None and genre not in genres:
        raise UnknownName("genre", genre, genres, _PACKS)
    chosen = [genre] if genre is not None else genres
    worlds = [(each, name) for each in chosen for name in _worlds(files, each)]
    if world is None:
        return sorted([*((each, None) for each in chosen), *worlds], key=lambda place: (place[0], place[1] or ""))
    if world not in (name for _, name in worlds):
        raise UnknownName("world", world, sorted({name for _, name in worlds}), "/".join([genre or "*", "worlds"]))
    return [place for place in worlds if place[1] == world]


def _worlds(files: PackFiles, genre: str) -> Sequence[str]:
    """Those of a genre; where they cannot be listed, `strange` tells of it, and they cost no other."""
    try:
        return files.folders(f"{genre}/worlds")
    except OSError:
        return []


def _listed(files: PackFiles, path: str) -> Sequence[str]:
    try:
        return files.folders(path)
    except OSError as error:
        message = f"cannot be listed ({error.strerror or error}); make it a folder that this user may read"
        raise UnusableContent([Problem(file=path or _PACKS, line=0, message=message)]) from error


def read_sources(files: PackFiles, kind: Kind, where: Iterable[PackName]) -> SourcesRead:
    """Every entry of a kind in these places."""
    found = SourcesRead()
    for place in where:
        _read_source(files, kind, place, found)
    return found


def _read_source(files: PackFiles, kind: Kind, place: PackName, found: SourcesRead) -> None:
    genre, world = place
    folder = genre if world is None else f"{genre}/worlds/{world}"
    name, keys = SOURCES[kind]
    path = f"{folder}/{name}"
    data = _read(files, path, found)
    if data is None:
        nearly = path.removesuffix(".yaml") + ".yml"
        if _read(files, nearly, found) is not None:
            found.problems.append(Problem(file=nearly, line=0, message=f"is not read; rename it to {name}"))
        return
    document = read_marked(data, path)
    found.packs.append(place)
    found.problems += document.problems
    if not document.value:
        return
    seen: dict[str, Subject] = {}
    for entry in _entries(document, (), document.value, keys, found):
        subject = _subject(document, entry, kind, place, found)
        if subject is not None and _is_new(document, entry, subject, seen, found):
            found.subjects.append(subject)


def _read(files: PackFiles, path: str, found: SourcesRead) -> bytes | None:
    try:
        return files.read(path)
    except OSError as error:
        message = f"cannot be read ({error.strerror or error}); make it a file that this user may read"
        found.problems.append(Problem(file=path, line=0, message=message))
        return None


def _entries(
    document: MarkedDocument, path: tuple[Key, ...], fields: Any, keys: Sequence[str], found: SourcesRead
) -> Iterator[tuple[Key, ...]]:
    """The places of the entries that a path of lists leads to; what is no list, or not there, is a problem."""
    key, *deeper = keys
    if not isinstance(fields, dict):
        found.problems.append(document.problem(path, f"must be a mapping; write `{key}:` and a list below it"))
        return
    children = fields.get(key)
    here = (*path, key)
    if key not in fields:
        _note_missing(document, path, fields, key, found)
        return
    if not isinstance(children, list):
        if children is not None:
            found.problems.append(document.problem(here, "must be a list; write one `- name: ...` an entry"))
        return
    for i, child in enumerate(children):
        if deeper:
            yield from _entries(document, (*here, i), child, deeper, found)
        else:
            yield (*here, i)


def _note_missing(
    document: MarkedDocument, path: tuple[Key, ...], fields: Mapping[str, Any], key: str, found: SourcesRead
) -> None:
    """The document as a whole must have its list; a chapter may do without, if it does not misspell it."""
    meant = next((name for name in fields if _near_miss(name, frozenset({key}))), None)
    if meant is not None:
        found.problems.append(document.problem((*path, meant), f"is no field; write `{key}`"))
    elif not path:
        found.problems.append(document.problem(path, f"has no `{key}`; add `{key}:` and a list below it"))


def _subject(
    document: MarkedDocument, path: tuple[Key, ...], kind: Kind, pack: PackName, found: SourcesRead
) -> Subject | None:
    written = WrittenEntry(document, path)
    try:
        subject = subject_of(kind, written, pack)
    except UnusableContent as error:
        found.problems += [problem for problem in error.problems if problem not in document.problems]
        return None
    for field_name in _fields(document, path):
        if meant := meant_by(field_name, kind):
            found.warnings.append(written.problem((field_name,), f"is no field; is `{meant}` meant?"))
    return subject


def _fields(document: MarkedDocument, path: tuple[Key, ...]) -> Iterable[str]:
    """The names of what an entry has, whoever reads it."""
    value: Any = document.value
    for key in path:
        value = value[key]
    return list(value)


def _is_new(
    document: MarkedDocument, path: tuple[Key, ...], subject: Subject, seen: dict[str, Subject], found: SourcesRead
) -> bool:
    """A place can be spoken of in two chapters; two places of one name, however it is spelled, cannot be told apart."""
    earlier = seen.setdefault(unicodedata.normalize("NFC", subject.name), subject)
    if earlier is subject:
        return True
    if earlier.decided != subject.decided:
        message = f"{subject.name!r} is the name of line {earlier.line} too; rename one, or say the same of both"
        found.problems.append(document.problem((*path, "name"), message))
    return False


@cache
def _near_miss(word: str, known: frozenset[str]) -> str | None:
    return near_miss(word, known)
