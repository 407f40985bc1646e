"""Whole models of small dimensions, of families by mflux's classes: what tests that are the same for all ask of one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.engine.families.standins import PROMPT, uncompiled

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first

__all__ = ["Small", "painted_by_mflux", "write_as_mflux"]


@dataclass(frozen=True)
class Small:
    """One of them.

    Attributes:
        variant, guided: The names of the variant that a directory of it counts as, and of the one that is guided.
        made: Builds mflux's object, of the guided one if it is asked for.
        as_diffusers: Writes one into a folder in diffusers' names and layouts.
        targets, around: Linear layers of its transformer, and how many of them stand around its blocks.
        layer: One that is quantized.
        lacking: Tensors of its saved folders without which it is refused, by the part's folder.
        places: Folders of parts that mflux saves elsewhere.
        apart: The guided one has other layers.
        blind: Builds mflux's object without what encodes pictures; None: pictures never start from others.
        beside: Bytes that mflux's object holds beside its weights, the same at any size: tables of angles.
    """

    variant: str
    guided: str
    made: Callable[[bool], Any]
    as_diffusers: Callable[[Any, Path], Path]
    targets: int
    around: int
    layer: str
    lacking: tuple[tuple[str, str], ...]
    places: Mapping[str, str] = field(default_factory=dict)
    apart: bool = False
    blind: Callable[[], Any] | None = None
    beside: int = 0

    def __str__(self) -> str:
        return self.variant

    def file(self, path: Path, folder: str) -> Path:
        """The file that mflux saves a part in."""
        return path / self.places.get(folder, folder) / "0.safetensors"


def write_as_mflux(made: Any, path: Path) -> Path:
    """By mflux's own saving."""
    made.save_model(str(path))
    return path


def painted_by_mflux(made: Any, **more: object) -> NDArray[np.uint8]:
    """By its `generate_image`, as `standins.picture` asks for one."""
    with uncompiled():
        image = made.generate_image(seed=1, prompt=PROMPT, num_inference_steps=2, height=32, width=32, **more)
    return np.asarray(image.image)


def without(file: Path, name: str, tensors: dict[str, mx.array]) -> None:
    """Write a file again that mflux saved, without one tensor."""
    del tensors[name]
    mx.save_safetensors(str(file), tensors, {"mflux_version": "0.24.0", "quantization_level": "None"})
