"""Adapter files of any rank for any base, made once a run. Full-size ones are 344 MB at rank 16."""

import shutil
from pathlib import Path

from kilnmark.keymaps.names.shapes import Shapes
from kilnmark.keymaps.zoo.write import make_adapter

__all__ = ["AdapterFiles"]

STRENGTH = 2e-3
"""Root mean square of an update's numbers: a tenth of a base's own, strong enough to be seen in one step."""


class AdapterFiles:
    """Random adapters in diffusers' names, float32, each with numbers of its own.

    Args:
        folder: Where they lie; it goes with `clear`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(
        self,
        shapes: Shapes,
        rank: int,
        count: int,
        *,
        blocks: int | None = None,
        strength: float = STRENGTH,
    ) -> list[Path]:
        """So many files for a model's layers.

        Args:
            shapes: The model's layers.
            rank: Of every update.
            count: Files.
            blocks: Only the first so many blocks of each type; None means all.
            strength: Root mean square of the numbers of an update.
        """
        made = []
        for seed in range(count):
            path = self._folder / f"{len(shapes)}-r{rank}-b{blocks or 'all'}-{strength:g}-{seed}.safetensors"
            if not path.exists():
                make_adapter(path, shapes=shapes, rank=rank, seed=seed, strength=strength, blocks=blocks)
            made.append(path)
        return made

    def clear(self) -> None:
        """Give the disk back."""
        shutil.rmtree(self._folder, ignore_errors=True)
