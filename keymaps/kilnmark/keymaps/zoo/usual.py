"""Recipes of the names that most trainers write, so that an exhibit says only what it has of its own."""

import re
from collections.abc import Callable

import numpy as np

from kilnmark.keymaps.zoo.recipes import Form, Recipe, TrainedEncoder
from kilnmark.keymaps.zoo.write import Tensors

__all__ = ["CORE", "KOHYA", "as_convolutions", "diffusers", "down_up", "kohya", "renamed", "with_embeddings"]

KOHYA = ("lora_down.weight", "lora_up.weight")
"""kohya's suffixes of the two matrices."""
CORE = r"attn\.|\.ff"
"""The modules that most trainers on diffusers' names change: attention and feed-forward of blocks."""


def kohya(
    table: str = "flux1-bfl",
    *,
    prefix: str = "lora_unet_",
    only: str = "block",
    alpha: float | None = 1.0,
    form: Form = Form.PAIR,
    encoders: tuple[TrainedEncoder, ...] = (),
) -> Recipe:
    """Flattened names with an alpha tensor."""
    return Recipe(table, prefix, *KOHYA, separator="_", only=only, alpha=alpha, form=form, encoders=encoders)


def diffusers(
    table: str = "flux1-diffusers",
    prefix: str = "transformer.",
    only: str = "block",
    form: Form = Form.PAIR,
    alpha: float | None = None,
    encoders: tuple[TrainedEncoder, ...] = (),
) -> Recipe:
    """Names with dots, and PEFT's matrices."""
    return Recipe(table, prefix, only=only, form=form, alpha=alpha, encoders=encoders)


def down_up(
    table: str,
    prefix: str,
    *,
    only: str = "block",
    alpha: float | None = None,
    encoders: tuple[TrainedEncoder, ...] = (),
) -> Recipe:
    """Names with dots, and kohya's matrices."""
    return Recipe(table, prefix, *KOHYA, only=only, alpha=alpha, encoders=encoders)


def renamed(*replaced: tuple[str, str]) -> Callable[[Tensors], Tensors]:
    """Other names: every expression and what stands in its place, one after the other."""

    def name(text: str) -> str:
        for expression, words in replaced:
            text = re.sub(expression, words, text)
        return text

    return lambda tensors: {name(key): matrix for key, matrix in tensors.items()}


def as_convolutions(tensors: Tensors) -> Tensors:
    """Every matrix as a convolution of one by one: [rows, columns, 1, 1]."""
    return {
        key: matrix.reshape(*matrix.shape, 1, 1) if matrix.ndim == np.ndim([[0]]) else matrix
        for key, matrix in tensors.items()
    }


def with_embeddings(tensors: Tensors) -> Tensors:
    """Beside them what was learnt for a word: two vectors of CLIP and of T5 each."""
    widths = {"clip_l": 768, "t5": 4096}
    return {**tensors, **{f"bundle_emb.velvet.{end}": np.ones((2, width), np.float32) for end, width in widths.items()}}
