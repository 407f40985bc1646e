"""Where a number about an adapter becomes a word about it: every threshold of the engine, and where it comes from.

They are kept far from what trained adapters do, whose delta ratio is 1e-3 to 0.2: a healthy one is never accused. All
were measured on FLUX.1's own topology in float32, in which adapters are applied on every base. Those of delta ratios
hold without a base too, and stand with their origins in `keymaps/proportion.py`.
"""

from kilnmark.keymaps.proportion import LOST_RATIO, OVERWHELMING_RATIO, USUAL_RATIO, VANISHING_RATIO
from kilnmark.protocol.picture.evidence import Thresholds

__all__ = [
    "CANCELLING_SHARE",
    "DROWNED_SHARE",
    "INVISIBLE_DIVERGENCE",
    "LOST_RATIO",
    "OVERWHELMING_RATIO",
    "THRESHOLDS",
    "UNCHANGED_DIVERGENCE",
    "USUAL_RATIO",
    "VANISHING_RATIO",
]

CANCELLING_SHARE = 1e-3
"""Adapters of which less than this share of the sum of their single norms is left cancel each other.

One file at scales 1 and -1 leaves 1.7e-4, because the norms come from float32 inner products. On a single layer, two
files of other form that do the same are held to it by products of float64, and leave less than 1e-6.
"""

DROWNED_SHARE = 1e-3
"""On one layer, of an adapter's change to that of all others of its stack: below it, nobody sees it beside them.

Trained adapters have delta ratios of 1e-3 to 0.2, so that the faintest beside the strongest is five times as much. A
pass moves by 1.8 times the delta ratio: what drowns so moves it by less than `INVISIBLE_DIVERGENCE` of all that the
stack does.
"""

UNCHANGED_DIVERGENCE = 1e-6
"""Probe divergence below which nothing happened: what the order of sums makes of two equal passes stays below it."""

INVISIBLE_DIVERGENCE = 1e-3
"""Probe divergence below which nobody sees a difference between two pictures of one seed; no reason to refuse."""

THRESHOLDS = Thresholds(
    vanishing_ratio=VANISHING_RATIO,
    unchanged_divergence=UNCHANGED_DIVERGENCE,
    invisible_divergence=INVISIBLE_DIVERGENCE,
    overwhelming_ratio=OVERWHELMING_RATIO,
    usual_ratio=USUAL_RATIO,
)
"""Those that one adapter is judged by."""
