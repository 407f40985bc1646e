"""What the transformer learns from, as it lies on disk: latents of drawings, and what the encoder makes of captions.

Numbers only: mlx writes the captions, PyTorch the latents, and neither is imported here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt

from scripts.mini.draw.captions import caption
from scripts.mini.pool import PoolSpec, motifs

__all__ = [
    "CAPTIONS",
    "LONGEST",
    "NOTHING",
    "PADDING",
    "WORDS",
    "Lessons",
    "captions",
    "joined",
    "lessons",
    "weights_of",
]

Halves = npt.NDArray[np.float16]
WORDS = 28
"""Tokens of a caption at most, in training."""
PADDING = 2
"""Padding tokens behind them, which stand for all."""
LONGEST = 512
"""Tokens that mflux pads a prompt to."""
CAPTIONS = 2
"""Sentences for each drawing."""
NOTHING = " "
"""What stands for no prompt, as mflux says it."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """Drawings and what is said of them.

    Args:
        latents: (count, tokens, 64), normalized and packed as the transformer sees them, without what carries nothing.
        states: (count, CAPTIONS, WORDS + PADDING, 3 x width of the encoder).
        lengths: (count, CAPTIONS): words of each caption.
    """

    latents: Halves
    states: Halves
    lengths: npt.NDArray[np.int32]

    @property
    def side(self) -> int:
        """Tokens along one side."""
        return int(self.latents.shape[1] ** 0.5)

    def only(self, kept: Sequence[bool]) -> "Lessons":
        """Those that a row of truths picks."""
        rows = np.array(kept)
        return Lessons(self.latents[rows], self.states[rows], self.lengths[rows])


def joined(*several: Lessons) -> Lessons:
    """All of them, one after the other."""
    return Lessons(*(np.concatenate([getattr(some, part.name) for some in several]) for part in fields(Lessons)))


def captions(spec: PoolSpec) -> list[str]:
    """What is said of every drawing of a pool, `CAPTIONS` sentences each."""
    said = []
    for motif, seed, _ in motifs(spec):
        chance = Random(f"caption {seed}")  # noqa: S311 - no secret
        said += [caption(motif, chance) for _ in range(CAPTIONS)]
    return said


def lessons(folder: Path, name: str) -> Lessons:
    """What was made of a pool of that name."""
    told = np.load(folder / f"{name}.said.npz")
    return Lessons(np.load(folder / f"{name}.seen.npy"), told["states"], told["lengths"])


def weights_of(lengths: npt.NDArray[np.int32], total: int = LONGEST) -> npt.NDArray[np.float32]:
    """How many tokens each stands for where a prompt is padded to `total`: a word is one, padding is what is left."""
    numbers = np.arange(WORDS + PADDING)[None]
    weights = (numbers < lengths[:, None]).astype(np.float32)
    weights[:, WORDS:] = ((total - lengths) / PADDING)[:, None]
    return weights
