"""Adapter files for a Pinhole, the small family of `tests/acceptance/installed`, and for what is made of it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.zoo.write import write_tensors

__all__ = ["LAYERS", "pairs_for_pinhole", "write_for_pinhole"]

LAYERS = {"aperture": (16, 3), "film": (3, 16)} | {f"blocks.{block}.mix": (16, 16) for block in range(3)}
"""Its linear layers by their paths: `(out, in)`."""


def pairs_for_pinhole(
    prefix: str, *, strength: float = 0.1, layers: dict[str, tuple[int, int]] | None = None, seed: int = 3
) -> dict[str, Any]:
    """Pairs of rank 2 for every layer, or for those that are given, by its own module paths."""
    numbers = np.random.default_rng(seed)
    made: dict[str, NDArray[np.float32]] = {}
    for path, (out, into) in (layers or LAYERS).items():
        made[f"{prefix}{path}.lora_A.weight"] = numbers.standard_normal((2, into)).astype(np.float32)
        up = numbers.standard_normal((out, 2)).astype(np.float32)
        made[f"{prefix}{path}.lora_B.weight"] = np.float32(strength) * up
    return made


def write_for_pinhole(path: Path, *, dead: bool = False, seed: int = 3) -> Path:
    """Write a file of such pairs in diffusers' names, healthy or dead."""
    return write_tensors(path, pairs_for_pinhole("transformer.", strength=0.0 if dead else 0.1, seed=seed))
