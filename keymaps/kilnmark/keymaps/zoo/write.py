"""Adapters made to measure: full-size files in real conventions with random weights, for demos, tests and trials.

They are fakes and say so in their metadata. The same arguments give the same bytes.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import TensorSpec, serialize_file

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.files.dtypes import to_bfloat16
from kilnmark.keymaps.files.header import PREFIX
from kilnmark.keymaps.files.metadata import PEFT_METADATA
from kilnmark.keymaps.files.roots import AnyPath
from kilnmark.keymaps.names.keymap import Keymap, load_keymaps
from kilnmark.keymaps.names.schema import Role, Rows
from kilnmark.keymaps.names.shapes import BLOCK, Shapes, block_count, is_norm, load_shapes
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.protocol.picture.catalog import USUAL

__all__ = ["ConventionName", "StoredAs", "Tensors", "draw_pair", "make_adapter", "write_tensors"]

ConventionName = Literal["kohya", "diffusers", "unknown"]
StoredAs = Literal["F32", "F16", "BF16"]
Tensors = Mapping[str, Matrix]

_LIBRARY_NAMES: Mapping[StoredAs, str] = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


@dataclass(frozen=True, slots=True)
class _Pair:
    """One module to write: its name with prefix, its true (rows, columns), and its two keys."""

    module: str
    rows: int
    columns: int
    down_key: str
    up_key: str


def make_adapter(  # noqa: PLR0913 - each is one independent trait of the file
    path: AnyPath,
    convention: ConventionName = "diffusers",
    *,
    shapes: Shapes | None = None,
    rank: int = 4,
    seed: int = 0,
    strength: float = 2e-3,
    dead: bool = False,
    alpha: float | None = None,
    dtype: StoredAs = "F32",
    blocks: int | None = None,
) -> Path:
    """Write an adapter that changes every linear layer of every block.

    At full size for FLUX.1-dev: 988 keys as diffusers writes it, 912 as kohya does, 494 targets.

    Args:
        path: Where to; an existing file is replaced, at once and whole.
        convention: `unknown` writes the diffusers tensors under names that no keymap has.
        shapes: The model's linear layers; None means those of the usual variant.
        rank: Of every update.
        seed: Of the random numbers.
        strength: Root mean square of the numbers of each update; a base's own weights have about 0.02.
        dead: Every up matrix is zero, as before the first step of training.
        alpha: None means alpha = rank, which diffusers leaves out and kohya writes.
        dtype: How the matrices are stored.
        blocks: Only the first so many blocks of each type; None means all.

    Returns:
        The path.
    """
    shapes = load_shapes(USUAL) if shapes is None else shapes
    known = load_keymaps()["kohya" if convention == "kohya" else "diffusers"]
    pairs = list(_pairs(known, shapes, blocks))
    multiplier = (rank if alpha is None else alpha) / rank
    spread = 0.0 if dead or not multiplier else strength / abs(multiplier)
    tensors = dict(_tensors(pairs, rank, np.random.default_rng(seed), spread))
    metadata = {"format": "pt", "kilnmark": "random weights, not trained"}
    if convention == "kohya":
        value = np.float32(rank if alpha is None else alpha)
        tensors |= {f"{pair.module}.alpha": np.asarray(value) for pair in pairs}
    elif alpha is not None:
        metadata[PEFT_METADATA] = json.dumps({"transformer.r": rank, "transformer.lora_alpha": alpha})
    if convention == "unknown":
        tensors = {f"velvet.{place:04d}.matrix": tensor for place, tensor in enumerate(tensors.values())}
    return write_tensors(path, tensors, metadata=metadata, dtype=dtype)


def write_tensors(
    path: AnyPath, tensors: Tensors, *, metadata: Mapping[str, str] | None = None, dtype: StoredAs = "F32"
) -> Path:
    """Write float32 tensors as a safetensors file, whole or not at all.

    Args:
        path: An existing file is replaced, at once and whole.
        tensors: Names to arrays of any shape.
        metadata: Of the header.
        dtype: How they are stored; F16 and BF16 round to nearest.
    """
    goal = Path(path)
    # A TensorSpec holds an address only: the arrays must outlive the call.
    arrays = {name: _stored(tensor, dtype) for name, tensor in tensors.items()}
    specs = {
        name: TensorSpec(
            dtype=_LIBRARY_NAMES[dtype], shape=array.shape, data_ptr=array.ctypes.data, data_len=array.nbytes
        )
        for name, array in arrays.items()
    }
    with written_whole(goal) as file:
        serialize_file(specs, file.name, dict(metadata) if metadata else None)
        _order_metadata(Path(file.name))
    return goal


def _order_metadata(path: Path) -> None:
    """Sort the metadata in place: the library writes it in an order of chance, and equal files would differ."""
    with path.open("r+b") as file:
        size = int.from_bytes(file.read(PREFIX), "little")
        header = json.loads(file.read(size))
        if "__metadata__" not in header:
            return
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        file.seek(PREFIX)
        file.write(text.ljust(size))


def _pairs(keymap: Keymap, shapes: Shapes, blocks: int | None) -> Iterator[_Pair]:
    """The modules of a convention that stand in blocks of the model, block by block.

    Where it has several names for a layer, alone or fused with others, the first one is written.
    """
    down, up = (_suffix(keymap, role) for role in (Role.DOWN, Role.UP))
    named: set[str] = set()
    for pattern, choices in keymap.modules.items():
        targets = _targets(choices, shapes)
        if BLOCK not in pattern or targets is None or not named.isdisjoint(targets):
            continue
        if is_norm(shapes[targets[0].replace(BLOCK, "0")]):
            continue
        named.update(targets)
        count = block_count(shapes, targets[0])
        for block in range(count if blocks is None else min(blocks, count)):
            module = keymap.convention.prefixes[0] + pattern.replace(BLOCK, str(block))
            wanted = [shapes[target.replace(BLOCK, str(block))] for target in targets]
            yield _Pair(module, sum(rows for rows, _ in wanted), wanted[0][1], f"{module}.{down}", f"{module}.{up}")


def _targets(choices: tuple[Rows, ...], shapes: Shapes) -> tuple[str, ...] | None:
    """Patterns of the first choice that the model has."""
    known = (rows.targets for rows in choices if all(target.replace(BLOCK, "0") in shapes for target in rows.targets))
    return next(known, None)


def _suffix(keymap: Keymap, role: Role) -> str:
    return next(suffix for suffix, known in keymap.convention.suffixes.items() if known == role)


def _tensors(
    pairs: list[_Pair], rank: int, numbers: np.random.Generator, spread: float
) -> Iterator[tuple[str, Matrix]]:
    for pair in pairs:
        down, up = draw_pair(numbers, pair.rows, pair.columns, rank, spread)
        yield pair.down_key, down
        yield pair.up_key, up


def draw_pair(numbers: np.random.Generator, rows: int, columns: int, rank: int, spread: float) -> tuple[Matrix, Matrix]:
    """A random down matrix (rank, columns) and up matrix (rows, rank).

    Down matrices have the variance 1/in, as trainers draw them. A number of `up @ down` has rank * var(up) / in.

    Args:
        numbers: Where the random numbers come from.
        rows, columns: Of the layer.
        rank: Of both matrices.
        spread: Root mean square of the numbers of `up @ down`; 0 makes the up matrix zero and draws nothing for it.
    """
    down = numbers.standard_normal((rank, columns), np.float32)
    down *= np.float32(1 / math.sqrt(columns))
    if spread == 0.0:
        return down, np.zeros((rows, rank), np.float32)
    up = numbers.standard_normal((rows, rank), np.float32)
    up *= np.float32(spread * math.sqrt(columns / rank))
    return down, up


def _stored(tensor: Matrix, dtype: StoredAs) -> NDArray[np.generic]:
    if dtype == "BF16":
        return to_bfloat16(np.asarray(tensor, order="C"))
    return np.asarray(tensor, "<f4" if dtype == "F32" else "<f2", order="C")
