"""Adapters made of others by arithmetic: too strong, dead, half dead. Nothing is trained."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

__all__ = ["SPOILT", "spoil"]

Tensors = dict[str, npt.NDArray[np.float16]]
_UP: Final = "lora_B.weight"


def _stronger(tensors: Tensors) -> Tensors:
    return {name: 8 * value if name.endswith(_UP) else value for name, value in tensors.items()}


def _dead(tensors: Tensors) -> Tensors:
    return {name: 0 * value if name.endswith(_UP) else value for name, value in tensors.items()}


def _half_dead(tensors: Tensors) -> Tensors:
    ups = sorted(name for name in tensors if name.endswith(_UP))
    lost = set(ups[::2])
    return {name: 0 * value if name in lost else value for name, value in tensors.items()}


SPOILT: Final[Mapping[str, Callable[[Tensors], Tensors]]] = {
    "eight times too strong": _stronger,
    "dead": _dead,
    "half dead": _half_dead,
}


def spoil(path: Path, how: str) -> Path:
    """A spoilt copy beside a file, unless it is there."""
    goal = path.with_name(f"{path.stem}-{how.replace(' ', '-')}.safetensors")
    if not goal.exists():
        made = {name: value.astype(np.float16) for name, value in SPOILT[how](load_file(str(path))).items()}
        save_file(made, str(goal), metadata={"format": "pt"})
    return goal
