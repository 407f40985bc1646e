"""The true linear layers and norms of the models adapters are made for, as data: no model is built to know them.

Which shapes a variant has, and which text encoders, its row in the catalog says; the files are in the `model_shapes`
folder of its family's package. Those of the product are written by `scripts/make_shapes.py` from mflux's own classes,
and a contract test holds them to it.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

from kilnmark.protocol.picture.catalog import FAMILIES, VARIANTS, UnusableFamily
from kilnmark.protocol.picture.family import KEYMAPS_NAMES, Encoder, Variant

__all__ = [
    "BLOCK",
    "Shapes",
    "block_count",
    "data_packages",
    "encoder_of",
    "encoders",
    "is_norm",
    "load_shapes",
    "painter_names",
    "painters",
    "patterns_of",
    "shape_names",
    "unread_layers",
]

Shapes = Mapping[str, tuple[int, int]]
"""Module path in the engine to (out, in), the shape of the layer's weight; the scales of a norm are (width, 1).

Layers of the transformer go by their path below it, those of a text encoder by their path below the whole model.
"""

BLOCK = "{block}"
"""Stands for the block's number in a pattern of paths."""


@cache
def data_packages() -> tuple[str, ...]:
    """The packages with shapes and tables of names: the product's own, and those of families that bring theirs."""
    return tuple(dict.fromkeys([KEYMAPS_NAMES, *(family.data for family in FAMILIES.values())]))


@cache
def encoders() -> Mapping[str, tuple[str, ...]]:
    """What the engine calls the text encoders that adapters can change, with the names of the shapes each can have."""
    found: dict[str, dict[str, None]] = {}
    for encoder, shapes in _changeable():
        found.setdefault(encoder.attribute, {})[shapes] = None
    return MappingProxyType({attribute: tuple(shapes) for attribute, shapes in found.items()})


@cache
def unread_layers() -> frozenset[str]:
    """Layers of text encoders of which a model may read the first blocks alone, by paths below the whole model.

    One that such a model does not have among its layers is there, and changes nothing.
    """
    partly = {(encoder.attribute, shapes) for encoder, shapes in _changeable() if encoder.read is not None}
    return frozenset(f"{attribute}.{path}" for attribute, shapes in partly for path, _ in _layers(shapes))


def _changeable() -> Iterator[tuple[Encoder, str]]:
    """Every text encoder that adapters can change, with the name of its shapes."""
    every = (encoder for variant in VARIANTS.values() for encoder in variant.encoders)
    return ((encoder, encoder.shapes) for encoder in every if encoder.shapes)


@cache
def painters() -> tuple[str, ...]:
    """One name for every different set of layers of a model that paints, those that can be served first."""
    served = dict.fromkeys(variant.shapes for variant in _by_weights())
    return tuple(dict.fromkeys([*served, *(name for name in sorted(_files()) if name not in _of_encoders())]))


@cache
def painter_names() -> tuple[str, ...]:
    """Every name of a model that paints; several have the same layers."""
    return tuple(dict.fromkeys([*(variant.name for variant in _by_weights()), *painters()]))


@cache
def shape_names() -> tuple[str, ...]:
    """Every name that `load_shapes` takes: models that paint, and text encoders."""
    return tuple(dict.fromkeys([*painter_names(), *_of_encoders()]))


def _of_encoders() -> list[str]:
    """The names of shapes that are those of text encoders."""
    return [shapes for names in encoders().values() for shapes in names]


def _by_weights() -> list[Variant]:
    """Every variant, those that have weights first."""
    return sorted(VARIANTS.values(), key=lambda variant: variant.made_up)


@cache
def load_shapes(name: str) -> Shapes:
    """Every layer of a model that adapters change: linear ones, text encoders included, and norms with scales.

    Blocks of a text encoder that the model does not read are not among them.

    Args:
        name: One of `shape_names()`.

    Raises:
        ValueError: Nothing is known under this name.
        UnusableFamily: An installed family's shapes are not there, or cannot be told from those of an encoder.
    """
    if name not in shape_names():
        raise ValueError(f"no shapes are known for {name!r}; known are {', '.join(shape_names())}")
    variant = VARIANTS.get(name)
    if variant is None:
        return MappingProxyType(dict(_layers(name)))
    layers = dict(_layers(variant.shapes))
    if mistaken := next(filter(encoder_of, layers), None):
        raise UnusableFamily(f"{name}: {mistaken} begins like a text encoder's layer; call one of them otherwise")
    for encoder in variant.encoders:
        if encoder.shapes:
            every = _layers(encoder.shapes, encoder.read)
            layers |= {f"{encoder.attribute}.{path}": shape for path, shape in every}
    return MappingProxyType(layers)


def patterns_of(shapes: str) -> tuple[str, ...]:
    """The paths of one file of shapes, with `{block}` in place of blocks' numbers."""
    return tuple(_document(shapes))


def encoder_of(target: str) -> str:
    """Which text encoder a target is a layer of; empty for the transformer's own."""
    root = target.partition(".")[0]
    return root if root in encoders() else ""


def is_norm(shape: tuple[int, int]) -> bool:
    """The shape is that of a norm's scales; no linear layer has a single input."""
    return shape[1] == 1


def block_count(shapes: Shapes, pattern: str) -> int:
    """How many blocks of a model have the layer that `pattern` names, `{block}` counting from 0."""
    count = 0
    while pattern.replace(BLOCK, str(count)) in shapes:
        count += 1
    return count


@cache
def _files() -> Mapping[str, Traversable]:
    """Every file of shapes, by its name without suffix."""
    found: dict[str, Traversable] = {}
    for package in data_packages():
        folder = files(package) / "model_shapes"
        for file in folder.iterdir() if folder.is_dir() else ():
            name, _, suffix = file.name.rpartition(".")
            if suffix == "json" and found.setdefault(name, file) is not file:
                raise UnusableFamily(f"{package} has shapes called {name!r}, and so has another family; rename one")
    return MappingProxyType(found)


def _document(shapes: str) -> Mapping[str, list[int]]:
    if shapes not in _files():
        raise UnusableFamily(f"no package has a file of shapes called {shapes}.json; install the whole family")
    layers: Mapping[str, list[int]] = json.loads(_files()[shapes].read_text(encoding="utf-8"))["layers"]
    return layers


def _layers(shapes: str, most: int | None = None) -> Iterator[tuple[str, tuple[int, int]]]:
    """Lines of `pattern: [out, in]` or `pattern: [out, in, blocks]`, one layer at a time.

    Args:
        shapes: The file's name.
        most: Blocks of each pattern; None means all.
    """
    for pattern, (rows, columns, *blocks) in _document(shapes).items():
        count = blocks[0] if blocks else 1
        for block in range(count if most is None else min(count, most)):
            yield pattern.replace(BLOCK, str(block)), (rows, columns)
