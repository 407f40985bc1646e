"""Strength by blocks: scales for some blocks of a model beside the one for all its other layers, as they are written.

What can be told of the patterns by themselves is told here. Which blocks a model has, and which layers are of them, is
`keymaps.names.blocks`'s part.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import NamedTuple

import msgspec

__all__ = [
    "REST",
    "BlockPattern",
    "BlockScale",
    "StackBlocks",
    "block_scales_problem",
    "block_words",
    "scale_words",
    "stack_blocks",
    "unmet",
]

REST = "rest"
"""What a report calls the layers that no pattern matches."""

FORMS = "NAME, NAME.3 or NAME.3-7"

_FORM = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_]*)(?:\.(?P<first>\d{1,4})(?:-(?P<last>\d{1,4}))?)?", re.ASCII)

StackBlocks = tuple[tuple[tuple[str, float], ...], ...]
"""Patterns and scales of every adapter of a stack, sorted; empty where no adapter has any."""


class BlockScale(msgspec.Struct, frozen=True):
    """What one scale of an adapter reached.

    Attributes:
        blocks: The pattern as it was asked for; `rest` for the layers that none matches.
        scale: Theirs.
        target_count: Layers of the adapter that are of them.
    """

    blocks: str
    scale: float
    target_count: int = 0


class BlockPattern(NamedTuple):
    """Some blocks of one run.

    Attributes:
        name: Of the run.
        first, last: Their numbers, both included; None: all of the run.
    """

    name: str
    first: int | None = None
    last: int | None = None

    @classmethod
    def read(cls, text: str) -> "BlockPattern | None":
        """A pattern as it is written; None where it is none."""
        found = _FORM.fullmatch(text)
        if found is None:
            return None
        first, last = (None if number is None else int(number) for number in (found["first"], found["last"]))
        pattern = cls(found["name"], first, first if last is None else last)
        return pattern if pattern.first is None or pattern.last is None or pattern.first <= pattern.last else None

    def has(self, name: str, number: int | None) -> bool:
        """Whether it claims a block; a run's layers outside its blocks have no number."""
        if name != self.name:
            return False
        return self.first is None or (number is not None and self.first <= number <= (self.last or 0))

    def meets(self, other: "BlockPattern") -> bool:
        """Whether both claim some block, in a model that is large enough."""
        if self.name != other.name:
            return False
        if self.first is None or other.first is None:
            return True
        return max(self.first, other.first) <= min(self.last or 0, other.last or 0)


def block_scales_problem(scales: Mapping[str, float]) -> tuple[str, str] | None:
    """What is wrong with a mapping of patterns to scales, whatever the model is.

    Returns:
        The entry at fault, and a sentence with the mend; None where nothing is wrong.
    """
    read = {text: BlockPattern.read(text) for text in scales}
    for text, pattern in read.items():
        if pattern is None:
            return text, f"{text[:100]!r} is no pattern of blocks; write {FORMS}, as in single.20-37"
        if pattern.name == REST:
            return text, f"{text!r} is no run of blocks; what no pattern matches has the adapter's one scale"
    known = [(text, pattern) for text, pattern in read.items() if pattern is not None]
    for (one, first), (other, second) in combinations(known, 2):
        if scales[one] != scales[other] and first.meets(second):
            said = f"{other!r} and {one!r} claim the same blocks at {scales[other]:g} and {scales[one]:g}"
            return other, f"{said}; let each block have one scale"
    return None


def scale_words(scale: float, blocks: Iterable[tuple[str, float]]) -> str:
    """For people: `0.8`, or `0.8, double 0.3, single.20-37 1`."""
    return ", ".join(filter(None, (f"{scale:g}", block_words(dict(blocks)))))


def block_words(blocks: Mapping[str, float]) -> str:
    """For people: `double 0.3, single.20-37 1`."""
    return ", ".join(f"{pattern} {scale:g}" for pattern, scale in blocks.items())


def unmet(scales: Mapping[str, float]) -> tuple[BlockScale, ...]:
    """Scales of an adapter that is not applied, which reach no layer of it."""
    return tuple(BlockScale(pattern, scale) for pattern, scale in scales.items())


def stack_blocks(scales: Iterable[Mapping[str, float]]) -> StackBlocks:
    """The mappings of a stack's adapters as what decides a picture has them: in one order, or not at all."""
    found = tuple(tuple(sorted((pattern, float(scale)) for pattern, scale in each.items())) for each in scales)
    return found if any(found) else ()
