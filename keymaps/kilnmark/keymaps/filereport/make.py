"""A path in, a `FileReport` out, for a file of any state: whole, refused, cut off, or something else altogether."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.filereport.document import FileReport, TensorGroup
from kilnmark.keymaps.filereport.grouping import named_groups
from kilnmark.keymaps.filereport.redaction import FILE, PART, Redaction, file_name, told_name
from kilnmark.keymaps.filereport.repeats import equal_places, part_places
from kilnmark.keymaps.filereport.statistics import Statistics, statistics_of
from kilnmark.keymaps.files.beside import CONFIG, located
from kilnmark.keymaps.files.claims import read_claims
from kilnmark.keymaps.files.header import TensorInfo
from kilnmark.keymaps.files.mistaken import kind_of
from kilnmark.keymaps.files.roots import AnyPath
from kilnmark.keymaps.files.safefile import AdapterFile, read_config, read_file
from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.meaning import Ignored, Meaning, Named, OfEncoder, Refused
from kilnmark.keymaps.names.recognition import recognise
from kilnmark.keymaps.names.shapes import load_shapes

__all__ = ["report_file"]

_version = cache(version)
_UNKNOWN = "unknown"
_PARTS = 100
"""Files that a sentence may name, of a file that is one of several; it names the first three."""


def report_file(path: AnyPath, variant: str) -> FileReport:
    """Describe one file so that the description can be given away.

    Args:
        path: Absolute, or relative to the current directory.
        variant: The base that it is meant for, a name that `load_shapes` takes.

    Raises:
        RefusedFile: There is no such file, or it cannot be read at all.
    """
    place = located(Path(path).absolute())
    claims = read_claims(place)
    tensors: Mapping[str, TensorInfo] = claims.header.tensors if claims.header else {}
    inspection = inspect_file(str(place), load_shapes(variant)).inspection
    mistaken = "" if claims.header else kind_of(claims.head)
    redaction = Redaction(tensors, _private(place))
    file = _whole(place)
    known = {name: statistics_of(file, name) for name in tensors} if file else {}
    return FileReport(
        kilnmark=_version("kilnmark"),
        variant=variant,
        named=told_name(place.name),
        size=claims.size,
        header_size=claims.header_size,
        mistaken=mistaken,
        verdict=inspection.verdict,
        reason=f"{FILE}: {mistaken}" if mistaken else redaction.sentence(inspection.reason),
        convention=inspection.convention,
        kind=inspection.kind,
        rank=inspection.rank,
        total_key_count=inspection.total_key_count,
        matched_key_count=inspection.matched_key_count,
        ignored_keys=inspection.ignored_keys,
        unmatched_key_count=inspection.unmatched_keys.count,
        target_count=inspection.target_count,
        applied_target_count=inspection.applied_target_count,
        nearest=inspection.nearest,
        metadata=redaction.metadata(claims.header.metadata) if claims.header else (),
        beside=dict(_beside(place, redaction)),
        names_sha256=hashlib.sha256("\0".join(tensors).encode()).hexdigest(),
        tensors=tuple(_groups(tensors, known)),
        equal=equal_places(file, known) if file else (),
        parts=part_places(file, known) if file else (),
    )


def _private(place: Path) -> Iterator[str]:
    """How the file and its folders may be called in a sentence."""
    for each in dict.fromkeys((place, Path(os.path.realpath(place)))):
        yield str(each)
        yield str(each.parent)
        if not file_name(each.name):
            yield each.name
            yield from _other_parts(each.name)


def _other_parts(name: str) -> Iterator[str]:
    """How the other files are called, of a file that is one of several."""
    if found := PART.fullmatch(name):
        stem, _, count = found.groups()
        yield from (f"{stem}-{number:05}-of-{count}.safetensors" for number in range(1, min(int(count), _PARTS) + 1))


def _whole(place: Path) -> AdapterFile | None:
    try:
        return read_file(place)
    except RefusedFile:
        return None


def _beside(place: Path, redaction: Redaction) -> Iterator[tuple[str, str]]:
    """The config that goes with the file, without what may be private."""
    try:
        config = read_config(place)
    except RefusedFile:
        return
    if config and (told := redaction.document(config.data.decode("utf-8", "replace"))):
        yield CONFIG, told


class _Likeness(NamedTuple):
    """What the tensors of a group have in common besides the words of their names."""

    dtype: str
    shape: tuple[int, ...]
    taken: str


def _groups(tensors: Mapping[str, TensorInfo], known: Mapping[str, Statistics]) -> Iterator[TensorGroup]:
    names = tuple(tensors)
    taken = _taken(names)
    likeness = {name: _Likeness(info.dtype, info.shape, taken[name]) for name, info in tensors.items()}
    for group in named_groups(names, likeness):
        members = [names[place] for place in group.places]
        bare = TensorGroup(
            name=group.pattern, numbers=group.numbers, places=group.places, **likeness[members[0]]._asdict()
        )
        columns = _columns([known[name] for name in members]) if known else {}
        yield msgspec.structs.replace(bare, **columns)


def _columns(statistics: list[Statistics]) -> dict[str, Any]:
    """Of a group, without the lists in which nothing is remarkable."""
    columns = dict(zip(Statistics._fields, zip(*statistics, strict=True), strict=True))
    columns["norms"] = columns.pop("norm")
    columns["values"] = columns.pop("value")
    usual = {"values": None, "zeros": 0, "nans": 0, "infinite": 0, "runs": (), "copies": 1}
    return {
        name: column
        for name, column in columns.items()
        if name not in usual or any(item != usual[name] for item in column)
    }


def _taken(names: tuple[str, ...]) -> dict[str, str]:
    """What the reader takes each tensor for, by the convention that explains most of them first."""
    ranking = recognise(names) if names else ()
    found: dict[str, str] = {}
    for recognition in ranking:
        for name, meaning in recognition.explained.items():
            found.setdefault(name, _words(meaning, recognition.convention.name))
    return {name: found.get(name, _UNKNOWN) for name in names}


def _words(meaning: Meaning, convention: str) -> str:
    match meaning:
        case Named():
            return f"{meaning.role} ({convention})"
        case Ignored(reason):
            return f"left out: {reason}"
        case Refused(kind):
            return f"refused: {kind}"
        case OfEncoder():
            return "text encoder"
