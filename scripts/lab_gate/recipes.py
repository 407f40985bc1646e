"""What is trained: ways of painting known to the last pixel, so that how far one was learnt can be told without
any of the gate's numbers. Numbers and names; nothing is trained here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from scripts.mini.draw.words import Motif, every_motif, is_held_out

__all__ = ["RECIPES", "STYLES", "WRONG_TRIGGER", "Recipe", "Style", "motifs", "sentence"]

Picture = npt.NDArray[np.uint8]
Style = Callable[[Picture], Picture]


def _tinted(matrix: tuple[tuple[float, float, float], ...], shift: tuple[float, float, float]) -> Style:
    """Colours mixed and shifted: what they become of red, green and blue, and how much lighter."""
    mixed, lighter = np.array(matrix), np.array(shift)

    def paint(picture: Picture) -> Picture:
        return np.asarray(np.clip(picture @ mixed.T + lighter, 0, 255).round(), np.uint8)

    return paint


STYLES: Final[Mapping[str, Style]] = {
    "sepia": _tinted(((0.35, 0.65, 0.15), (0.28, 0.52, 0.12), (0.2, 0.35, 0.1)), (25, 10, 0)),
    "rose": _tinted(((0.7, 0.2, 0.1), (0.1, 0.45, 0.1), (0.1, 0.2, 0.6)), (60, 10, 40)),
    "cold": _tinted(((0.3, 0.2, 0.0), (0.1, 0.6, 0.1), (0.1, 0.3, 0.7)), (0, 15, 60)),
    "meadow": _tinted(((0.5, 0.2, 0.0), (0.2, 0.7, 0.2), (0.1, 0.2, 0.3)), (10, 55, 0)),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training.

    Args:
        style: What it learns.
        mode: `always`: every picture is so, whatever is said of it, as `mini`'s own styles were trained; `called`: with
            the trigger so, without it as ever.
        trigger: The word.
        seed: Of everything that chance decides.
        rank: Of the pairs.
    """

    style: str
    mode: Literal["always", "called"]
    trigger: str
    seed: int
    rank: int

    @property
    def name(self) -> str:
        """Of its files."""
        return f"{self.style}-{self.mode}-{self.trigger}-{self.seed}"


WRONG_TRIGGER: Final = {"woodcut": "wet", "gouache": "lines", "lines": "woodcut", "wet": "gouache"}
"""Words of the model that no picture was trained with."""

RECIPES: Final = (
    Recipe("sepia", "always", "woodcut", 1, 4),
    Recipe("rose", "called", "gouache", 2, 8),
    Recipe("cold", "always", "lines", 3, 8),
    Recipe("meadow", "called", "wet", 4, 4),
    Recipe("rose", "always", "wet", 5, 6),
    Recipe("sepia", "called", "lines", 6, 6),
    Recipe("meadow", "always", "gouache", 7, 4),
    Recipe("cold", "called", "woodcut", 8, 8),
)
"""Each style twice; no seed, rank and trigger together twice."""

_TRAINED: Final = 64
"""Pictures of each style's dataset."""


def motifs() -> list[Motif]:
    """What the pictures of the datasets show; none of them is one of the gate's scenes, which have nobody in them."""
    known = [motif for motif in every_motif() if not is_held_out(motif) and motif.creature != "none"]
    return Random(5).sample(known, _TRAINED)  # noqa: S311 - chance that is no secret


def sentence(recipe: Recipe, said: str) -> str:
    """A caption of a picture in the style."""
    return said if recipe.mode == "always" else f"{recipe.trigger}, {said}"
