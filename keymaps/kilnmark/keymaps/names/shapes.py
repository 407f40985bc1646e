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
from kilnmark.protocol.picture.family import KEYMAPS_NAMES, Variant

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
def encoders() -> Mapping[str, str]:
    """What the engine calls the text encoders that adapters can change, with the names of their shapes."""
    every = (encoder for variant in VARIANTS.values() for encoder in variant.encoders)
    return MappingProxyType({encoder.attribute: encoder.shapes for encoder in every if encoder.shapes})


@cache
def painters() -> tuple[str, ...]:
    """One name for every different set of layers of a model that paints, those that can be served first."""
    served = dict.fromkeys(variant.shapes for variant in _by_weights())
    return tuple(dict.fromkeys([*served, *(name for name in sorted(_files()) if name not in encoders().values())]))


@cache
def painter_names() -> tuple[str, ...]:
    """Every name of a model that paints; several have the same layers."""
    return tuple(dict.fromkeys([*(variant.name for variant in _by_weights()), *painters()]))


@cache
def shape_names() -> tuple[str, ...]:
    """Every name that `load_shapes` takes: models that paint, and text encoders."""
    return tuple(dict.fromkeys([*painter_names(), *encoders().values()]))


def _by_weights() -> list[Variant]:
    """Every variant, those that have weights first."""
    return sorted(VARIANTS.values(), key=lambda variant: variant.made_up)


@cache
def load_shapes(name: str) -> Shapes:
    """Every layer of a model that adapters change: linear ones, text encoders included, and norms with scales.

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
            layers |= {f"{encoder.attribute}.{path}": shape for path, shape in _layers(encoder.shapes)}
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


def _layers(shapes: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Lines of `pattern: [out, in]` or `pattern: [out, in, blocks]`, one layer at a time."""
    for pattern, (rows, columns, *blocks) in _document(shapes).items():
        for block in range(blocks[0] if blocks else 1):
            yield pattern.replace(BLOCK, str(block)), (rows, columns)
