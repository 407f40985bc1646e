"""Names that differ in numbers alone, as one with its numbers, and all of them again, exactly.

A number is a run of digits as programs write them; others, and names with the mark in them, stay as they are.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kilnmark.keymaps.filereport.document import TensorGroup, UnusableReport

__all__ = ["NameGroup", "named_groups", "names_in", "names_of"]

MARK = "#"
_COLUMNS = ("norms", "low", "high", "zeros", "nans", "infinite", "values", "runs", "copies")
_NUMBER = re.compile(r"(?<![0-9])(?:0|[1-9][0-9]{0,8})(?![0-9])", re.ASCII)


class NameGroup(NamedTuple):
    """Names of one pattern; `numbers` has a row a name, `places` says where each stands among all."""

    pattern: str
    numbers: tuple[tuple[int, ...], ...]
    places: tuple[int, ...]


def named_groups(names: Sequence[str], likeness: Mapping[str, object]) -> Iterator[NameGroup]:
    """Groups of names, by the first of each.

    Args:
        names: All of them, in order; none twice.
        likeness: Whatever names of one group must have in common.
    """
    found: dict[tuple[bool, str, object], list[int]] = {}
    for place, name in enumerate(names):
        found.setdefault((MARK in name, _pattern(name), likeness[name]), []).append(place)
    for places in found.values():
        yield _group([names[place] for place in places], tuple(places))


def _pattern(name: str) -> str:
    return name if MARK in name else _NUMBER.sub(MARK, name)


def _group(names: Sequence[str], places: tuple[int, ...]) -> NameGroup:
    """Numbers that all names have in common go back into the pattern."""
    if len(names) == 1:
        return NameGroup(names[0], (), places)
    rows = [[int(number) for number in _NUMBER.findall(name)] for name in names]
    same = [len(set(column)) == 1 for column in zip(*rows, strict=True)]
    pieces = _NUMBER.split(names[0])
    pattern = pieces[0]
    for number, fixed, piece in zip(rows[0], same, pieces[1:], strict=True):
        pattern += (str(number) if fixed else MARK) + piece
    varying = tuple(tuple(number for number, fixed in zip(row, same, strict=True) if not fixed) for row in rows)
    return NameGroup(pattern, varying, places)


def names_in(group: TensorGroup) -> list[str]:
    """The names of one group, in its order.

    Raises:
        UnusableReport: Its numbers do not go with its name, or its lists with each other.
    """
    if not group.numbers:
        names = [group.name]
    else:
        pieces = group.name.split(MARK)
        if any(len(row) != len(pieces) - 1 for row in group.numbers):
            raise UnusableReport(f"$.tensors: {group.name!r} has other numbers than marks")
        names = ["".join(_woven(pieces, row)) for row in group.numbers]
    lengths = {len(getattr(group, column)) for column in _COLUMNS}
    if not lengths <= {0, len(names)} or len(group.places) != len(names):
        raise UnusableReport(f"$.tensors: the lists of {group.name!r} are not of one length")
    return names


def _woven(pieces: Sequence[str], numbers: Sequence[int]) -> Iterator[str]:
    yield pieces[0]
    for number, piece in zip(numbers, pieces[1:], strict=True):
        yield f"{number}{piece}"


def names_of(groups: Sequence[TensorGroup]) -> list[str]:
    """All names, in the order of the header.

    Raises:
        UnusableReport: Places are missing or taken twice, or a name stands twice.
    """
    placed = {place: name for group in groups for place, name in zip(group.places, names_in(group), strict=True)}
    count = sum(len(group.places) for group in groups)
    if sorted(placed) != list(range(count)) or len(set(placed.values())) != count:
        raise UnusableReport("$.tensors: places or names are missing, or stand there twice")
    return [placed[place] for place in range(count)]
