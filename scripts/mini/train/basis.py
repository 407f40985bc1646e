"""What the latents mean: the shares of a square of eight by eight pixels in the patterns that drawings consist of most.

The patterns are principal components, so that nothing has to be learnt before the transformer's lessons can be made;
the VAE's encoder learns to give these numbers, and its decoder to make smooth pictures of them.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scripts.mini.model.sizes import ACTIVE, PATCH

__all__ = ["Basis", "basis_of"]

Pictures = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.float32]
SQUARE = 3 * PATCH * PATCH
EVEN = 0.5
"""How far all patterns are made equally loud: 1.0 wholly. What matters more stays louder, and is settled earlier."""


@dataclass(frozen=True, slots=True)
class Basis:
    """Patterns of squares.

    Args:
        mean: (192,), the mean square.
        patterns: (ACTIVE, 192), orthonormal.
        loudness: (ACTIVE,), what a share is divided by to become a latent.
    """

    mean: Numbers
    patterns: Numbers
    loudness: Numbers

    def latents(self, pictures: Pictures) -> Numbers:
        """(batch, height, width, 3) of bytes to (batch, ACTIVE, height / 8, width / 8)."""
        shares = (_squares(pictures) - self.mean) @ self.patterns.T / self.loudness
        return np.ascontiguousarray(shares.transpose(0, 3, 1, 2), np.float32)


def basis_of(pictures: Pictures, path: Path) -> Basis:
    """The patterns of these drawings, or those that lie at the path already."""
    if not path.exists():
        squares = _squares(pictures).reshape(-1, SQUARE).astype(np.float64)
        mean = squares.mean(axis=0)
        variances, vectors = np.linalg.eigh(np.cov((squares - mean).T))
        patterns = vectors[:, ::-1][:, :ACTIVE].T
        patterns *= np.sign(patterns.sum(axis=1, keepdims=True))
        loud = np.sqrt(variances[::-1][:ACTIVE])
        loud /= (loud / loud[0]) ** (1 - EVEN)
        loud *= np.sqrt((variances[::-1][:ACTIVE] / loud**2).mean())
        found = {"mean": mean, "patterns": patterns, "loudness": loud}
        draft = path.with_suffix(".draft.npz")
        np.savez(draft, allow_pickle=False, **{name: value.astype(np.float32) for name, value in found.items()})
        draft.replace(path)
    kept = np.load(path)
    return Basis(kept["mean"], kept["patterns"], kept["loudness"])


def _squares(pictures: Pictures) -> Numbers:
    """(batch, height / 8, width / 8, 192), from -1 to 1."""
    batch, height, width, _ = pictures.shape
    unit = pictures.astype(np.float32) / 127.5 - 1.0
    cut = unit.reshape(batch, height // PATCH, PATCH, width // PATCH, PATCH, 3).transpose(0, 1, 3, 2, 4, 5)
    return cut.reshape(batch, height // PATCH, width // PATCH, SQUARE)
