"""LyCORIS files with small random factors, and the rows of their modules that belong to each target.

Names and sizes are written as LyCORIS writes them, without any code of ours.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.keymaps.test_adapter import DEV, diffusers_rows, kohya_rows

Raw = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Share:
    """The rows of one module that belong to one target."""

    module: str
    target: str
    begin: int
    end: int


def kohya_shares() -> list[Share]:
    return [Share(*row) for row in kohya_rows()]


def diffusers_shares(prefix: str = "transformer.", separator: str = ".") -> list[Share]:
    """In diffusers' names, below a prefix, flattened where the separator is not a dot."""
    return [
        Share(prefix + module.removeprefix("transformer.").replace(".", separator), target, begin, end)
        for module, target, begin, end in diffusers_rows()
    ]


BLOCKS = 11
"""Of each kind, so that numbers of two digits are among them; the zoo has every convention at full depth."""


def in_blocks(shares: Iterable[Share], count: int = BLOCKS) -> list[Share]:
    """Those of modules that stand in the first so many blocks of each kind."""
    return [share for share in shares if int(share.target.split(".")[1]) < count]


def sizes(shares: Iterable[Share]) -> Mapping[str, tuple[int, int]]:
    """(out, in) of every module."""
    found: dict[str, tuple[int, int]] = {}
    for share in shares:
        found[share.module] = max(found.get(share.module, (0, 0)), (share.end, DEV[share.target][1]))
    return found


def even(numbers: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    """Evenly spread, of some tenths: full files are millions of numbers, and normal ones take four times as long."""
    return (numbers.random(shape, np.float32) - np.float32(0.5)) * np.float32(0.35)


def loha_file(shares: Iterable[Share], rank: int = 2, alpha: float = 1.0) -> Raw:
    numbers = np.random.default_rng(3)
    tensors: Raw = {}
    for module, (rows, columns) in sizes(shares).items():
        for factor in ("hada_w1", "hada_w2"):
            tensors[f"{module}.{factor}_a"] = even(numbers, rows, rank)
            tensors[f"{module}.{factor}_b"] = even(numbers, rank, columns)
        tensors[f"{module}.alpha"] = np.array(alpha, np.float32)
    return tensors


def some_rows(share: Share, seed: int = 0) -> NDArray[np.int64]:
    """Row numbers of the module in one target's share: the first, the last, and some between."""
    inner = np.random.default_rng(seed).integers(share.begin, share.end, 6)
    return np.array([share.begin, *inner, share.end - 1])


def factorize(size: int) -> tuple[int, int]:
    """The two factors of a size that are nearest to each other, the smaller one first."""
    small = max(factor for factor in range(1, int(size**0.5) + 1) if size % factor == 0)
    return small, size // small


def lokr_file(shares: Iterable[Share], *, rank: int = 0, both: bool = False, alpha: float = 1.0) -> Raw:
    """Full factors at rank 0; otherwise the second is a product, and where `both` the first one too."""
    numbers = np.random.default_rng(4)
    tensors: Raw = {}
    for module, (rows, columns) in sizes(shares).items():
        (a, b), (c, d) = factorize(rows), factorize(columns)
        for name, high, wide, decomposed in (("lokr_w1", a, c, rank and both), ("lokr_w2", b, d, rank)):
            if decomposed:
                tensors[f"{module}.{name}_a"] = even(numbers, high, rank)
                tensors[f"{module}.{name}_b"] = even(numbers, rank, wide)
            else:
                tensors[f"{module}.{name}"] = even(numbers, high, wide)
        tensors[f"{module}.alpha"] = np.array(alpha, np.float32)
    return tensors


def dora_file(
    shares: Iterable[Share], *, peft: bool, rank: int = 2, magnitudes: Mapping[str, NDArray[np.float32]] | None = None
) -> Raw:
    """Pairs with magnitudes in kohya's spelling (alpha is half the rank) or in PEFT's.

    Args:
        shares: Rows of modules.
        peft: The spelling.
        rank: Of every pair.
        magnitudes: (out,) of each module; None takes numbers around 1.
    """
    numbers = np.random.default_rng(5)
    down, up = ("lora_A", "lora_B") if peft else ("lora_down", "lora_up")
    tensors: Raw = {}
    for module, (rows, columns) in sizes(shares).items():
        tensors[f"{module}.{down}.weight"] = even(numbers, rank, columns)
        tensors[f"{module}.{up}.weight"] = even(numbers, rows, rank)
        magnitude = 1 + even(numbers, rows) if magnitudes is None else magnitudes[module]
        if peft:
            tensors[f"{module}.lora_magnitude_vector"] = magnitude
        else:
            tensors[f"{module}.dora_scale"] = magnitude.reshape(-1, 1)
            tensors[f"{module}.alpha"] = np.array(rank / 2, np.float32)
    return tensors
