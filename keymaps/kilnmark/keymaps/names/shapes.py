"""The true linear layers and norms of the models adapters are made for, as data: no model is built to know them.

The files are written by `scripts/make_shapes.py` from mflux's own classes, and a contract test holds them to it.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

__all__ = [
    "BLOCK",
    "ENCODERS",
    "PAINTERS",
    "PAINTER_NAMES",
    "SHAPE_NAMES",
    "Shapes",
    "block_count",
    "encoder_of",
    "is_norm",
    "load_shapes",
]

Shapes = Mapping[str, tuple[int, int]]
"""Module path in mflux to (out, in), the shape of the layer's weight; the scales of a norm are (width, 1).

Layers of the transformer go by their path below it, those of a text encoder by their path below the whole model.
"""

BLOCK = "{block}"
"""Stands for the block's number in a pattern of paths."""

_FILES: Mapping[str, str] = {
    "dev": "dev",
    "krea-dev": "dev",
    "standin": "dev",
    "schnell": "schnell",
    "flux2-klein-4b": "flux2_klein_4b",
    "z-image-turbo": "z_image_turbo",
    "clip_l": "clip_l",
    "t5_xxl": "t5_xxl",
}

SHAPE_NAMES = tuple(_FILES)
"""Variants of FLUX.1, FLUX.2 and Z-Image, and the two text encoders of FLUX.1."""

ENCODERS: Mapping[str, str] = {"clip_text_encoder": "clip_l", "t5_text_encoder": "t5_xxl"}
"""What mflux calls the text encoders of FLUX.1 that adapters are made for, with the names of their shapes."""
_ENCODED = frozenset({"dev", "krea-dev", "standin", "schnell"})
"""Variants that have both; FLUX.2 and Z-Image have a language model, which no known trainer touches."""

PAINTERS = ("dev", "schnell", "flux2-klein-4b", "z-image-turbo")
"""One name for every different set of layers of a model that paints."""

PAINTER_NAMES = tuple(name for name in SHAPE_NAMES if name not in ("clip_l", "t5_xxl"))
"""Every name of a model that paints; several have the same layers."""


@cache
def load_shapes(name: str) -> Shapes:
    """Every layer of a model that adapters change: linear ones, text encoders included, and norms of queries and keys.

    Args:
        name: One of `SHAPE_NAMES`.

    Raises:
        ValueError: Nothing is known under this name.
    """
    if name not in _FILES:
        raise ValueError(f"no shapes are known for {name!r}; known are {', '.join(SHAPE_NAMES)}")
    text = (files("kilnmark.keymaps.names") / "model_shapes" / f"{_FILES[name]}.json").read_text()
    layers = dict(_expanded(json.loads(text)["layers"]))
    for encoder, its_shapes in ENCODERS.items() if name in _ENCODED else ():
        layers |= {f"{encoder}.{path}": shape for path, shape in load_shapes(its_shapes).items()}
    return MappingProxyType(layers)


def encoder_of(target: str) -> str:
    """Which text encoder a target is a layer of; empty for the transformer's own."""
    root = target.partition(".")[0]
    return root if root in ENCODERS else ""


def is_norm(shape: tuple[int, int]) -> bool:
    """The shape is that of a norm's scales; no linear layer has a single input."""
    return shape[1] == 1


def block_count(shapes: Shapes, pattern: str) -> int:
    """How many blocks of a model have the layer that `pattern` names, `{block}` counting from 0."""
    count = 0
    while pattern.replace(BLOCK, str(count)) in shapes:
        count += 1
    return count


def _expanded(layers: dict[str, list[int]]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Lines of `pattern: [out, in]` or `pattern: [out, in, blocks]`, one layer at a time."""
    for pattern, (rows, columns, *blocks) in layers.items():
        for block in range(blocks[0] if blocks else 1):
            yield pattern.replace(BLOCK, str(block)), (rows, columns)
