"""Files for models that are not here and of kinds that are not applied: `strangers.yaml`, made into tensors.

They are known by their names and sizes alone, for there is no model here that could tell more.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from importlib.resources import files
from typing import Literal

import numpy as np
from pydantic import Field

from kilnmark.keymaps.documents import Document, parse_document
from kilnmark.keymaps.names.shapes import BLOCK
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.zoo.write import Tensors
from kilnmark.protocol.picture.catalog import USUAL

__all__ = ["Stranger", "load_strangers", "tensors_of_stranger"]

_STRENGTH = 2e-3


class Stranger(Document):
    """One file.

    Attributes:
        what: It is, a few words without full stop.
        ends: Endings of its tensors; the first is a down matrix, the second an up matrix, and more follow the first.
        tried_on: The model that it is tried on.
        verdict: What a right reader says of it.
        modules: Name to rows, inputs and, for a name with blocks, how many.
    """

    what: str
    ends: tuple[str, ...] = Field(min_length=1)
    tried_on: str = USUAL
    verdict: Literal["noop", "refused"] = "noop"
    modules: dict[str, tuple[int, ...]] = Field(min_length=1)


class _Strangers(Document):
    files: dict[str, Stranger]


@cache
def load_strangers() -> Mapping[str, Stranger]:
    """Every one by its name."""
    text = (files("kilnmark.keymaps.zoo") / "strangers.yaml").read_text(encoding="utf-8")
    return parse_document(_Strangers, text).files


def tensors_of_stranger(name: str) -> Callable[[Tensors], Tensors]:
    """What makes any tensors those of the file of that name."""
    return partial(_tensors, name)


def _tensors(name: str, _: Tensors) -> Tensors:
    return dict(_named(load_strangers()[name], np.random.default_rng(len(name))))


def _named(stranger: Stranger, numbers: np.random.Generator) -> Iterator[tuple[str, Matrix]]:
    for module, (rows, columns, *blocks) in stranger.modules.items():
        for block in range(blocks[0] if blocks else 1):
            for place, end in enumerate(stranger.ends):
                shape = (rows, 1) if place == 1 else (1, columns) if len(stranger.ends) > 1 else (rows, columns)
                matrix = numbers.standard_normal(shape, np.float32) * np.float32(_STRENGTH)
                yield f"{module.replace(BLOCK, str(block))}{end}", matrix
