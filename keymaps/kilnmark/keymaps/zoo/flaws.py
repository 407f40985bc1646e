"""Defects, one function each: what goes wrong with adapter files between a trainer and a render.

A flaw takes the tensors of a whole file and gives those of the broken one, or breaks the bytes of a finished file.
"""

import re
from collections.abc import Mapping

import numpy as np

from kilnmark.keymaps.updates.fused import Matrix

__all__ = [
    "Tensors",
    "at_rest",
    "copied_in_part",
    "cut_off",
    "dead",
    "half_the_blocks",
    "half_unknown",
    "infinite",
    "missing_half",
    "not_a_number",
    "not_a_turn",
    "of_other_rank",
    "one_dead",
    "pickled",
    "said_twice",
    "tiled",
    "unknown",
    "unread_layers_alone",
    "without_alpha_value",
    "zero_alpha",
]

Tensors = Mapping[str, Matrix]

_UPS = (".lora_B.weight", ".lora_up.weight")
_DOWNS = (".lora_A.weight", ".lora_down.weight")
_TURNS = (".oft_R.weight",)


def dead(tensors: Tensors) -> Tensors:
    """Every up matrix is zero, as before the first step of training."""
    return {name: np.zeros_like(matrix) if name.endswith(_UPS) else matrix for name, matrix in tensors.items()}


def one_dead(tensors: Tensors) -> Tensors:
    """One up matrix is zero."""
    name = _first(tensors, _UPS)
    return {**tensors, name: np.zeros_like(tensors[name])}


def unknown(tensors: Tensors) -> Tensors:
    """No name means anything to anybody."""
    return {f"velvet.{place:04d}.matrix": matrix for place, matrix in enumerate(tensors.values())}


def half_unknown(tensors: Tensors) -> Tensors:
    """Single blocks go by names of nobody's."""
    return {name.replace("single_transformer_blocks", "velvet_blocks"): matrix for name, matrix in tensors.items()}


def not_a_number(tensors: Tensors) -> Tensors:
    """One number of one matrix is NaN."""
    return _with_number(tensors, np.nan)


def infinite(tensors: Tensors) -> Tensors:
    """One number of one matrix is infinite."""
    return _with_number(tensors, np.inf)


def without_alpha_value(tensors: Tensors) -> Tensors:
    """One alpha is NaN."""
    return {**tensors, _first(tensors, (".alpha",)): np.asarray(np.float32(np.nan))}


def zero_alpha(tensors: Tensors) -> Tensors:
    """Every alpha is zero."""
    zero = np.asarray(np.float32(0))
    return {name: zero if name.endswith(".alpha") else matrix for name, matrix in tensors.items()}


def missing_half(tensors: Tensors) -> Tensors:
    """One up matrix is not there."""
    missing = _first(tensors, _UPS)
    return {name: matrix for name, matrix in tensors.items() if name != missing}


def of_other_rank(tensors: Tensors) -> Tensors:
    """One up matrix has a rank of its own."""
    name = _first(tensors, _UPS)
    return {**tensors, name: np.concatenate([tensors[name], tensors[name]], axis=1)}


def tiled(tensors: Tensors) -> Tensors:
    """Down matrices of fused modules are repeated once a target, as keymaps did for mflux 0.13.0 to 0.18.1."""
    copies = {"attn_qkv": 3, "linear1": 4}
    return {
        name: np.tile(matrix, (next((n for part, n in copies.items() if f"{part}.lora_down" in name), 1), 1))
        if name.endswith(_DOWNS)
        else matrix
        for name, matrix in tensors.items()
    }


def said_twice(tensors: Tensors) -> Tensors:
    """One matrix stands in the file under two spellings of its name."""
    name = _first(tensors, _DOWNS)
    return {**tensors, name.removesuffix(".weight"): tensors[name]}


def copied_in_part(tensors: Tensors) -> Tensors:
    """One fused module stands beside only one of the layers that it is made of."""
    name = "lora_unet_double_blocks_0_img_attn_qkv"
    others = tuple(f"transformer.transformer_blocks.0.attn.to_{letter}." for letter in "kv")
    fused = {
        f"{name}.lora_down.weight": np.ones((1, 3072), np.float32),
        f"{name}.lora_up.weight": np.ones((9216, 1), np.float32),
    }
    return {key: matrix for key, matrix in tensors.items() if not key.startswith(others)} | fused


def at_rest(tensors: Tensors) -> Tensors:
    """Every rotation turns nothing, as before the first step of training."""
    return {name: np.zeros_like(blocks) if name.endswith(_TURNS) else blocks for name, blocks in tensors.items()}


def not_a_turn(tensors: Tensors) -> Tensors:
    """One number of one rotation is NaN."""
    return _with_number(tensors, np.nan, _TURNS)


def half_the_blocks(tensors: Tensors) -> Tensors:
    """One rotation has half its blocks."""
    name = _first(tensors, _TURNS)
    return {**tensors, name: tensors[name][::2]}


def cut_off(content: bytes) -> bytes:
    """The last bytes are missing, as after a broken download."""
    return content[:-1000]


def pickled(content: bytes) -> bytes:
    """A pickle under the name of a safetensors file."""
    return b"\x80\x04\x95" + content[:100]


def _first(tensors: Tensors, endings: tuple[str, ...]) -> str:
    return next(name for name in tensors if name.endswith(endings))


def _with_number(tensors: Tensors, number: float, endings: tuple[str, ...] = _DOWNS) -> Tensors:
    name = _first(tensors, endings)
    matrix = tensors[name].copy()
    matrix[0, 0] = number
    return {**tensors, name: matrix}


def unread_layers_alone(tensors: Tensors) -> Tensors:
    """Of Qwen3 the last nine layers, of which FLUX.2-klein reads nothing."""
    return {key: matrix for key, matrix in tensors.items() if re.search(r"layers[._](2[7-9]|3[0-5])[._]", key)}
