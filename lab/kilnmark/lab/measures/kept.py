"""Whether an adapter still lets prompts be told apart: its pictures held to those of the same prompts without it.

A style may change every pixel and be healthy, and an adapter that is far too strong paints pictures whose numbers may
all be usual. What tells them apart is whether each picture is still rather that of its own prompt than of another.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from kilnmark.lab.measures.measure import Picture
from kilnmark.lab.measures.perceptual import apart, layout, seen

__all__ = ["Kept", "kept"]


class Kept(msgspec.Struct, frozen=True):
    """How much of their prompts some pictures kept. 0, more or less, is nothing: they could be any prompt's.

    Attributes:
        layout: How much better each is laid out like its own prompt's picture without adapter than like others' (mean
            difference of `perceptual.layout`).
        nearness: How much nearer it is to it (mean difference of `perceptual.distance`). For pictures without adapter
            both are what the base itself makes of the prompts.
    """

    layout: float
    nearness: float


def kept(painted: Sequence[Picture], bare: Sequence[Picture]) -> Kept:
    """How much of their prompts pictures kept.

    Args:
        painted: One for each of several prompts, with one seed and one size.
        bare: The same without the adapter.

    Raises:
        ValueError: Fewer than two, or not as many.
    """
    if len(painted) != len(bare) or len(bare) < 2:  # noqa: PLR2004 - one has no others
        raise ValueError(f"{len(painted)} pictures cannot be held to {len(bare)}; give two of each, or more")
    seen_here, seen_bare = [seen(each) for each in painted], [seen(each) for each in bare]
    return Kept(
        layout=_own_above_others([[layout(one, other) for other in bare] for one in painted]),
        nearness=-_own_above_others([[apart(one, other) for other in seen_bare] for one in seen_here]),
    )


def _own_above_others(found: Sequence[Sequence[float]]) -> float:
    """Of a square of numbers, the mean of its diagonal above that of the rest."""
    square, own = np.array(found), np.eye(len(found), dtype=bool)
    return float(square[own].mean() - square[~own].mean())
