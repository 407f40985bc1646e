"""How the tensors of an adapter file are made up: whose names, which matrices, and what else trainers put beside them.

Names come from the tables of `layers/`; prefixes and suffixes are written out, so that files of a convention do not
follow a mistake in its own document.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import isqrt, sqrt

import numpy as np

from kilnmark.keymaps.names.keymap import load_keymaps
from kilnmark.keymaps.names.schema import Rows
from kilnmark.keymaps.names.shapes import BLOCK, Shapes, block_count, is_norm
from kilnmark.keymaps.names.tables import load_tables
from kilnmark.keymaps.updates.fused import Matrix

__all__ = ["Form", "Recipe", "TrainedEncoder", "tensors_of"]

_STRENGTH = 2e-3
_TURN = 5e-3
_BLOCK = 8
"""Rows or inputs that a rotation turns together; trainers have 32 and more, for files a few times as large."""
_SPREAD = 0.05
"""How far biases lie from 0, and whole scales of norms from 1."""


class Form(StrEnum):
    """What stands for one module."""

    PAIR = "pair"
    BLOCKS = "blocks"
    DORA = "dora"
    DORA_OF_INPUTS = "dora, a magnitude an input"
    LOKR = "lokr"
    LOKR_FACTORED = "lokr, factored"
    LOHA = "loha"
    BIAS = "lora, biased"
    DIFF_B = "lora, change of the bias"
    FULL = "full"
    OFT = "oft"
    OFT_PARTS = "oft, a tensor a target"
    OFT_PACKED = "oft of inputs, packed"
    BOFT = "boft"


_BIASES = {Form.BIAS: "lora_B.bias", Form.DIFF_B: "diff_b", Form.FULL: "diff_b"}


class TrainedEncoder(StrEnum):
    """Modules of a text encoder, in the names of one trainer; the last character parts their words."""

    CLIP_KOHYA = "lora_te1_text_model_encoder_layers_{block}_"
    CLIP_PEFT = "text_encoder.text_model.encoder.layers.{block}."
    CLIP_COMFYUI = "text_encoders.clip_l.transformer.text_model.encoder.layers.{block}."
    T5_KOHYA = "lora_te3_encoder_block_{block}_"
    T5_ONETRAINER = "lora_te2_encoder_block_{block}_"
    T5_COMFYUI = "text_encoders.t5xxl.transformer.encoder.block.{block}."
    QWEN3_KOHYA = "lora_te_layers_{block}_"
    QWEN3_KOHYA_HEADED = "lora_te_model_layers_{block}_"
    QWEN3_PEFT = "text_encoder.layers.{block}."
    QWEN3_PEFT_HEADED = "text_encoder.model.layers.{block}."
    QWEN3_4B_COMFYUI = "text_encoders.qwen3_4b.transformer.model.layers.{block}."
    QWEN3_8B_COMFYUI = "text_encoders.qwen3_8b.transformer.model.layers.{block}."


@dataclass(frozen=True, slots=True)
class Recipe:
    """One set of tensors.

    Attributes:
        table: Of `layers/`, or the convention whose own modules are meant.
        prefix: Before the module's name.
        down, up: Suffixes of the two matrices.
        separator: In place of the dots of the table.
        only: Expression that the module's pattern must hold.
        alpha: Stored alpha; None stores none, 0 stores the stored rank.
        form: What stands for a module.
        transposed: Matrices are stored as (in, rank) and (rank, out).
        norms: Suffix of the scales of norms in blocks: `w_norm` and `diff` for changes, others for whole ones; empty
            stores none.
        encoders: Text encoders that were trained too.
    """

    table: str
    prefix: str = ""
    down: str = "lora_A.weight"
    up: str = "lora_B.weight"
    separator: str = "."
    only: str = "block"
    alpha: float | None = None
    form: Form = Form.PAIR
    transposed: bool = False
    norms: str = ""
    encoders: tuple[TrainedEncoder, ...] = ()


def tensors_of(
    recipe: Recipe, shapes: Shapes, rank: int, blocks: int | None, numbers: np.random.Generator
) -> Iterator[tuple[str, Matrix]]:
    """Names and matrices of a whole file.

    Args:
        recipe: What to make.
        shapes: The model's linear layers.
        rank: Of every update; of every block of a block-diagonal one.
        blocks: Only the first so many blocks of each type; None means all.
        numbers: Where the random numbers come from.
    """
    for name, rows in _modules(recipe, shapes, blocks):
        heights, columns = [shapes[target][0] for target in rows.targets], shapes[rows.targets[0]][1]
        for suffix, matrix in _module(recipe, heights, columns, rank, numbers):
            yield f"{name}.{suffix}", matrix
    for name, width in _norms(recipe, shapes, blocks) if recipe.norms else ():
        spread = _drawn(numbers, (width,), _SPREAD)
        yield f"{name}.{recipe.norms}", spread if recipe.norms in ("w_norm", "diff") else 1 + spread
    for encoder in recipe.encoders:
        for name, height, columns in _encoder_modules(encoder, blocks):
            for suffix, matrix in _module(recipe, [height], columns, rank, numbers):
                yield f"{name}.{suffix}", matrix


def _modules(recipe: Recipe, shapes: Shapes, blocks: int | None) -> Iterator[tuple[str, Rows]]:
    tables = load_tables()
    own = recipe.table not in tables
    modules = load_keymaps()[recipe.table].convention.modules if own else tables[recipe.table].modules
    named: set[tuple[str, ...]] = set()
    for pattern, rows in modules.items():
        if not re.search(recipe.only, pattern) or rows.targets in named or is_norm(shapes[rows.at("0").targets[0]]):
            continue
        named.add(rows.targets)
        name = recipe.prefix + pattern.replace(".", recipe.separator)
        count = block_count(shapes, rows.targets[0]) if BLOCK in pattern else 1
        for block in range(count if blocks is None else min(blocks, count)):
            yield name.replace(BLOCK, str(block)), rows.at(str(block))


def _module(
    recipe: Recipe, heights: list[int], columns: int, rank: int, numbers: np.random.Generator
) -> Iterator[tuple[str, Matrix]]:
    """The tensors of one module whose targets have these heights."""
    height = sum(heights)
    match recipe.form:
        case Form.LOKR | Form.LOKR_FACTORED:
            yield from _kronecker(height, columns, rank, numbers, factored=recipe.form is Form.LOKR_FACTORED)
        case Form.LOHA:
            for place in (1, 2):
                down, up = _pair(numbers, height, columns, rank, _STRENGTH)
                yield f"hada_w{place}_a", up
                yield f"hada_w{place}_b", down
        case Form.OFT | Form.OFT_PARTS | Form.OFT_PACKED | Form.BOFT:
            yield from _rotations(recipe.form, heights, columns, numbers)
        case Form.FULL:
            yield "diff", _drawn(numbers, (height, columns), _STRENGTH)
        case Form.BLOCKS if len(heights) > 1:
            rank *= len(heights)
            yield from _block_diagonal(recipe, heights, columns, rank, numbers)
        case _:
            down, up = _pair(numbers, height, columns, rank, _STRENGTH)
            yield recipe.down, down.T if recipe.transposed else down
            yield recipe.up, up.T if recipe.transposed else up
    if recipe.form is Form.DORA_OF_INPUTS:
        yield "dora_scale", np.ones((1, columns), np.float32)
    if recipe.form is Form.DORA:
        peft = recipe.down == "lora_A.weight"
        yield "lora_magnitude_vector" if peft else "dora_scale", np.ones((height,) if peft else (height, 1), np.float32)
    if recipe.form in _BIASES:
        yield _BIASES[recipe.form], _drawn(numbers, (height,), _SPREAD)
    if recipe.alpha is not None:
        yield "alpha", np.asarray(np.float32(recipe.alpha or rank))


def _block_diagonal(
    recipe: Recipe, heights: list[int], columns: int, rank: int, numbers: np.random.Generator
) -> Iterator[tuple[str, Matrix]]:
    """One small pair a target, side by side in one of `rank`: all down matrices, up matrices on the diagonal."""
    each = rank // len(heights)
    pairs = [_pair(numbers, height, columns, each, _STRENGTH) for height in heights]
    up = np.zeros((sum(heights), rank), np.float32)
    reached = 0
    for place, (_, part) in enumerate(pairs):
        up[reached : reached + len(part), place * each : (place + 1) * each] = part
        reached += len(part)
    yield recipe.down, np.concatenate([down for down, _ in pairs])
    yield recipe.up, up


def _kronecker(
    height: int, columns: int, rank: int, numbers: np.random.Generator, *, factored: bool
) -> Iterator[tuple[str, Matrix]]:
    """Two factors of nearly the same size, as LyCORIS cuts them; the second one as a pair of matrices if factored."""
    rows, width = _nearest_divisor(height), _nearest_divisor(columns)
    yield "lokr_w1", _drawn(numbers, (rows, width), 1.0)
    down, up = _pair(numbers, height // rows, columns // width, rank, _STRENGTH)
    if factored:
        yield "lokr_w2_a", up
        yield "lokr_w2_b", down
    else:
        yield "lokr_w2", up @ down


def _rotations(
    form: Form, heights: list[int], columns: int, numbers: np.random.Generator
) -> Iterator[tuple[str, Matrix]]:
    """Blocks of 8 rows or inputs; of one stage for BOFT, the smallest that a butterfly over all rows has."""
    height = sum(heights)
    match form:
        case Form.OFT_PACKED:
            yield "oft_R.weight", _turning(numbers, columns // _BLOCK, _BLOCK * (_BLOCK - 1) // 2)
        case Form.OFT_PARTS:
            for place, rows in enumerate(heights):
                yield f"oft_blocks.{place}", _turning(numbers, rows // _BLOCK, _BLOCK, _BLOCK)
        case Form.BOFT:
            count = (height & -height) // 2
            yield "oft_blocks", _turning(numbers, count.bit_length(), count, height // count, height // count)
        case _:
            yield "oft_blocks", _turning(numbers, height // _BLOCK, _BLOCK, _BLOCK)
            yield "rescale", 1 + _turning(numbers, height, 1)


def _turning(numbers: np.random.Generator, *shape: int) -> Matrix:
    return _drawn(numbers, shape, _TURN)


def _pair(numbers: np.random.Generator, rows: int, columns: int, rank: int, spread: float) -> tuple[Matrix, Matrix]:
    """A down matrix (rank, columns) of variance 1/in, and an up matrix (rows, rank) that gives products this spread."""
    return _drawn(numbers, (rank, columns), columns**-0.5), _drawn(numbers, (rows, rank), spread * sqrt(columns / rank))


def _drawn(numbers: np.random.Generator, shape: tuple[int, ...], deviation: float) -> Matrix:
    """Evenly spread around 0: making a file is mostly drawing, and normal numbers take four times as long."""
    drawn = numbers.random(shape, np.float32)
    drawn -= np.float32(0.5)
    drawn *= np.float32(deviation * sqrt(12))
    return drawn


def _nearest_divisor(size: int) -> int:
    return next(divisor for divisor in range(isqrt(size), 0, -1) if size % divisor == 0)


def _norms(recipe: Recipe, shapes: Shapes, blocks: int | None) -> Iterator[tuple[str, int]]:
    """Name and width of the norms that blocks have; of Black Forest Labs', those of double blocks."""
    for pattern, rows in load_tables()[recipe.table].modules.items():
        target = rows.targets[0]
        count = block_count(shapes, target) if BLOCK in pattern else 0
        if not count or not is_norm(shapes[rows.at("0").targets[0]]) or pattern.startswith("single_blocks"):
            continue
        name = recipe.prefix + pattern.replace(".", recipe.separator)
        for block in range(count if blocks is None else min(blocks, count)):
            yield name.replace(BLOCK, str(block)), shapes[target.replace(BLOCK, str(block))][0]


def _encoder_modules(encoder: TrainedEncoder, blocks: int | None) -> Iterator[tuple[str, int, int]]:
    """Name, rows and columns of every module of CLIP-L (12 layers of 768), T5-XXL (24 of 4096) or Qwen3 (36)."""
    layers, modules = (
        (12, _CLIP) if encoder in _CLIPS else (36, _qwen3(encoder)) if "QWEN3" in encoder.name else (24, _T5)
    )
    if encoder is TrainedEncoder.CLIP_PEFT:
        modules = {name: size for name, size in modules.items() if name.startswith("self_attn")}
    separator = encoder[-1]
    for layer in range(layers if blocks is None else min(blocks, layers)):
        for name, (height, columns) in modules.items():
            yield encoder.replace(BLOCK, str(layer)) + name.replace(".", separator), height, columns


def _qwen3(encoder: TrainedEncoder) -> dict[str, tuple[int, int]]:
    """Rows and columns of the modules of a layer of Qwen3-4B or 8B; both have 32 heads of 128 over 8 of keys."""
    width, wide = (4096, 12288) if encoder is TrainedEncoder.QWEN3_8B_COMFYUI else (2560, 9728)
    return {
        "self_attn.q_proj": (4096, width),
        "self_attn.k_proj": (1024, width),
        "self_attn.v_proj": (1024, width),
        "self_attn.o_proj": (width, 4096),
        "mlp.gate_proj": (wide, width),
        "mlp.up_proj": (wide, width),
        "mlp.down_proj": (width, wide),
    }


_CLIPS = (TrainedEncoder.CLIP_KOHYA, TrainedEncoder.CLIP_PEFT, TrainedEncoder.CLIP_COMFYUI)
_CLIP = {f"self_attn.{letter}_proj": (768, 768) for letter in ("k", "v", "q", "out")} | {
    "mlp.fc1": (3072, 768),
    "mlp.fc2": (768, 3072),
}
_T5 = (
    {f"layer.0.SelfAttention.{letter}": (4096, 4096) for letter in "qkvo"}
    | {f"layer.1.DenseReluDense.{name}": (10240, 4096) for name in ("wi_0", "wi_1")}
    | {"layer.1.DenseReluDense.wo": (4096, 10240)}
)
