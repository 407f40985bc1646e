"""What a remapped file is for: the convention it is written in, and the reader whose habits it must suit.

The table of readers stands here and nowhere else. Nothing here opens a file, and numpy is not needed.
"""

import re
from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["FAMILY", "GOALS", "PAIRS_ALONE", "GoalName", "Reader", "parse_reader"]

GoalName = Literal["kohya", "diffusers", "mlx-examples"]
GOALS: tuple[GoalName, ...] = get_args(GoalName)
"""Conventions that files can be written in."""
PAIRS_ALONE = frozenset({"mlx-examples"})
"""Those whose readers know nothing but pairs of matrices, and no model but `FAMILY`'s."""

FAMILY = "flux1"
"""Whose files the readers below were read in; what they make of others is not known."""

_PINNED = re.compile(r"mflux==([0-9]{1,6})\.([0-9]{1,6})(?:\.([0-9]{1,6}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reader:
    """A version of mflux, and how it reads kohya names.

    Attributes:
        name: As it was asked for, `mflux==0.15.0`.
        tiled: It cuts the down matrix of a fused module into one share a target, so the matrix must be there once a
            target. Its alpha is divided by the rank of one share.
        needs_alpha: A module without alpha makes it fail.
    """

    name: str
    tiled: bool = False
    needs_alpha: bool = False


_HABITS: tuple[tuple[tuple[int, int, int], bool, bool], ...] = (
    ((0, 19, 0), False, False),
    ((0, 13, 0), True, False),
    ((0, 3, 0), False, True),
)
"""First version, tiled, needs_alpha; newest first. Read in the wheels of 0.3.0, 0.12.1, 0.13.0, 0.18.1 and 0.24.0:
`weights/lora_converter.py`, later `models/common/lora/mapping/lora_transforms.py`."""


def parse_reader(text: str) -> Reader:
    """Read `mflux==X`.

    Raises:
        ValueError: It is no version of mflux that reads kohya names.
    """
    found = _PINNED.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no reader; give one as mflux==0.24.0")
    major, minor, patch = (int(number or 0) for number in found.groups())
    for first, tiled, needs_alpha in _HABITS:
        if (major, minor, patch) >= first:
            return Reader(text, tiled, needs_alpha)
    raise ValueError(f"{text} reads no LoRA in kohya names; mflux does since 0.3.0")
