"""How far an adapter really came, by what it was trained for: each picture in its style is known to the last pixel.

The gate knows no style, and none of its numbers are used here.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kilnmark.lab.measures.measure import fitted, read_picture
from scripts.lab_gate.recipes import Style

__all__ = ["way"]

_SIDE = 16
"""Fields that are compared along each side; what is finer is not the style's."""


def way(pairs: Iterable[tuple[Path, Path]], style: Style) -> float:
    """The mean part of the way from pictures without the adapter to the same in the style; below 0 it leads elsewhere.

    Args:
        pairs: Pictures without and with the adapter, of one prompt and seed.
        style: What it was trained for.
    """
    return float(np.mean([_part(read_picture(bare), read_picture(painted), style) for bare, painted in pairs]))


def _part(bare: npt.NDArray[np.uint8], painted: npt.NDArray[np.uint8], style: Style) -> float:
    start, end, here = (fitted(each, _SIDE).astype(np.float64) for each in (bare, style(bare), painted))
    return 1 - float(np.abs(here - end).mean() / np.abs(start - end).mean())
