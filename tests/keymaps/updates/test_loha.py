"""LoHa: every target's rows of the factors, against the Hadamard product in float64."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.updates.kinds.loha import HadamardUpdate
from kilnmark.keymaps.zoo.write import write_tensors
from tests.keymaps.lycoris import Raw, Share, diffusers_shares, in_blocks, kohya_shares, loha_file, some_rows
from tests.keymaps.test_adapter import DEV

SHAPES = {f"transformer_blocks.0.attn.to_{letter}": (rows, 8) for letter, rows in zip("qkv", (6, 4, 2), strict=True)}
FUSED = "lora_unet_double_blocks_0_img_attn_qkv"


def hadamard(raw: Raw, module: str, rows: NDArray[np.int64] | slice, alpha: float) -> NDArray[np.float64]:
    """As LyCORIS has it: alpha / rank * (w1_a @ w1_b) * (w2_a @ w2_b), some rows of it."""
    w1_a, w1_b, w2_a, w2_b = (
        raw[f"{module}.{name}"].astype(float) for name in ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
    )
    product: NDArray[np.float64] = alpha / w1_b.shape[0] * (w1_a[rows] @ w1_b) * (w2_a[rows] @ w2_b)
    return product


def rows_of(update: HadamardUpdate, rows: NDArray[np.int64] | slice) -> NDArray[np.float64]:
    (up_1, down_1), (up_2, down_2) = update.first, update.second
    left, right = up_1[rows].astype(float) @ down_1.astype(float), up_2[rows].astype(float) @ down_2.astype(float)
    product: NDArray[np.float64] = update.multiplier * left * right
    return product


@pytest.mark.parametrize(
    ("convention", "shares"),
    [
        ("kohya", in_blocks(kohya_shares())),
        ("diffusers", in_blocks(diffusers_shares())),
        ("lycoris", in_blocks(diffusers_shares("lycoris_", "_"))),
    ],
)
def test_every_layer_of_a_file_gets_its_rows_of_the_product(
    tmp_path: Path, convention: str, shares: list[Share]
) -> None:
    raw = loha_file(shares, rank=2, alpha=0.5)
    adapter = read_adapter(write_tensors(tmp_path / "a.safetensors", raw), DEV)
    assert (adapter.convention, adapter.kind, adapter.rank) == (convention, "loha", 4)
    assert (adapter.matched_key_count, adapter.total_key_count) == (len(raw), len(raw))
    updates = {update.target: update for update in adapter.updates}
    assert updates.keys() == {share.target for share in shares}
    for share in shares:
        update, rows = updates[share.target], some_rows(share)
        assert isinstance(update, HadamardUpdate)
        got = rows_of(update, rows - share.begin)
        expected = hadamard(raw, share.module, rows, 0.5)
        assert got.shape == (len(rows), DEV[share.target][1])
        assert np.linalg.norm(got - expected) <= 1e-6 * np.linalg.norm(expected)


def small(**changes: NDArray[np.float32] | None) -> Raw:
    numbers = np.random.default_rng(1)
    shapes = {"hada_w1_a": (12, 3), "hada_w1_b": (3, 8), "hada_w2_a": (12, 2), "hada_w2_b": (2, 8)}
    tensors = {name: numbers.standard_normal(shape, np.float32) for name, shape in shapes.items()} | changes
    return {f"{FUSED}.{name}": tensor for name, tensor in tensors.items() if tensor is not None}


def read(folder: Path, tensors: Raw) -> Adapter:
    return read_adapter(write_tensors(folder / "a.safetensors", tensors), SHAPES)


@pytest.mark.parametrize("rank", [3, 40])
def test_ranks_that_differ_between_the_products_multiply(tmp_path: Path, rank: int) -> None:
    numbers = np.random.default_rng(2)
    first = {"hada_w1_a": numbers.standard_normal((12, rank), "f4"), "hada_w1_b": numbers.random((rank, 8), "f4")}
    raw = small(alpha=np.array(6, np.float32), **first)
    adapter = read(tmp_path, raw)
    assert adapter.rank == rank * 2
    whole = hadamard(raw, FUSED, slice(None), 6)
    for update, rows in zip(adapter.updates, (slice(0, 6), slice(6, 10), slice(10, 12)), strict=True):
        assert isinstance(update, HadamardUpdate)
        assert np.allclose(rows_of(update, slice(None)), whole[rows], rtol=1e-12, atol=0)
        assert update.norm == pytest.approx(np.linalg.norm(whole[rows]), rel=1e-6)


REFUSED: dict[str, tuple[Raw, str, str]] = {
    "a factor is missing": (small(hada_w2_b=None), "hada_w1_a", "the hada_w2_b matrix that belongs to it is missing"),
    "ranks differ": (small(hada_w2_b=np.ones((3, 8), np.float32)), "hada_w2_a", "has rank 2, but .* has rank 3"),
    "heights differ": (small(hada_w2_a=np.ones((11, 2), np.float32)), "hada_w2_a", "has 11 rows, but .* has 12"),
    "widths differ": (small(hada_w2_b=np.ones((2, 7), np.float32)), "hada_w2_b", "has 7 columns, but .* has 8"),
    "another model": (
        small(hada_w1_a=np.ones((13, 3), np.float32)),
        "hada_w1_a",
        "has 13 rows, but the model needs 12",
    ),
    "not finite": (small(hada_w2_a=np.full((12, 2), np.nan, np.float32)), "hada_w2_a", "not finite"),
    "too large": (
        small(hada_w1_a=np.full((12, 3), 3e38, np.float32), hada_w2_a=np.full((12, 2), 3e38, np.float32)),
        "hada_w1_a",
        "beyond the range",
    ),
    "two kinds": (
        small(**{"lora_down.weight": np.ones((2, 8), np.float32)}),
        "lora_down.weight",
        "makes another kind of update",
    ),
    "a Tucker tensor": (small(hada_t1=np.ones((3, 3), np.float32)), "hada_t1", "Tucker LoHa"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_applied_exactly_is_refused_by_key(tmp_path: Path, name: str) -> None:
    tensors, ending, words = REFUSED[name]
    with pytest.raises(UnfitAdapter, match=words) as caught:
        read(tmp_path, tensors)
    assert caught.value.key == f"{FUSED}.{ending}"
    assert caught.value.mend
