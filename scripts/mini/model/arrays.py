"""Arrays by their names, in memory and in files, with types that mlx's own functions leave open."""

from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten

__all__ = ["loaded", "named"]


def named(tree: Any) -> dict[str, mx.array]:
    """The arrays of a tree of parameters or of an optimizer's state, by dotted name."""
    flat: list[tuple[str, mx.array]] = tree_flatten(tree)  # type: ignore[assignment]
    return dict(flat)


def loaded(path: Path) -> tuple[dict[str, mx.array], dict[str, str]]:
    """The arrays of a safetensors file, read to the end, and what it says of itself."""
    found: Any = mx.load(str(path), return_metadata=True)
    arrays, said = found
    mx.eval(arrays)
    return arrays, said
