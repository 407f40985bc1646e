"""LoKr: every target's rows of the Kronecker product, against the dense product in float64."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.updates.kinds.lokr import KroneckerUpdate
from kilnmark.keymaps.zoo.write import write_tensors
from tests.keymaps.lycoris import Raw, Share, diffusers_shares, in_blocks, kohya_shares, lokr_file, some_rows
from tests.keymaps.test_adapter import DEV

Matrix64 = NDArray[np.float64]

FUSED = "lora_unet_double_blocks_0_img_attn_qkv"


def factors(raw: Raw, module: str, alpha: float) -> tuple[Matrix64, Matrix64, float]:
    """As LyCORIS has it: alpha / rank counts where a factor is a product, and for nothing where both are whole."""
    found, scale = [], 1.0
    for name in ("lokr_w2", "lokr_w1"):
        if f"{module}.{name}" in raw:
            found.append(raw[f"{module}.{name}"].astype(float))
        else:
            low = raw[f"{module}.{name}_b"].astype(float)
            found.append(raw[f"{module}.{name}_a"].astype(float) @ low)
            scale = alpha / low.shape[0]
    return found[1], found[0], scale


def kron_rows(first: Matrix64, second: Matrix64, rows: NDArray[np.int64]) -> Matrix64:
    return np.stack([np.kron(first[row // len(second)], second[row % len(second)]) for row in rows])


def dense(update: KroneckerUpdate) -> Matrix64:
    second = update.second[0].astype(float)
    for matrix in update.second[1:]:
        second = second @ matrix
    whole = np.kron(update.first.astype(float), second)
    return update.multiplier * np.concatenate([whole[begin:end] for begin, end in update.ranges])


FULL = {
    "kohya_lokr_bfl": ("kohya", in_blocks(kohya_shares()), {}),
    "ai_toolkit_lokr": ("diffusers", in_blocks(diffusers_shares()), {"alpha": 1e10}),
    "ai_toolkit_lokr_old": ("lycoris", in_blocks(diffusers_shares("lycoris_", "_")), {"alpha": 1e10}),
    "simpletuner_lokr_lowrank": ("lycoris", in_blocks(diffusers_shares("lycoris_", "_")), {"rank": 2}),
    "kohya, both decomposed": ("kohya", in_blocks(kohya_shares()), {"rank": 2, "both": True, "alpha": 3.0}),
}


@pytest.mark.parametrize("name", FULL)
def test_every_layer_of_a_file_gets_its_rows_of_the_product(tmp_path: Path, name: str) -> None:
    convention, shares, options = FULL[name]
    raw = lokr_file(shares, **options)  # type: ignore[arg-type]
    adapter = read_adapter(write_tensors(tmp_path / "a.safetensors", raw), DEV)
    assert (adapter.convention, adapter.kind) == (convention, "lokr")
    assert (adapter.matched_key_count, adapter.total_key_count) == (len(raw), len(raw))
    updates = {update.target: update for update in adapter.updates}
    assert updates.keys() == {share.target for share in shares}
    for share in shares:
        update = updates[share.target]
        assert isinstance(update, KroneckerUpdate)
        assert sum(end - begin for begin, end in update.ranges) == share.end - share.begin
        check_rows(share, update, *factors(raw, share.module, raw[f"{share.module}.alpha"].item()))


def check_rows(share: Share, update: KroneckerUpdate, first: Matrix64, second: Matrix64, scale: float) -> None:
    """Some rows of the target, and the norm of all of them."""
    rows = some_rows(share)
    expected = scale * kron_rows(first, second, rows)
    ours = np.concatenate([np.arange(begin, end) for begin, end in update.ranges])[rows - share.begin]
    product = update.second[0].astype(float) @ update.second[1] if len(update.second) > 1 else update.second[0]
    got = update.multiplier * kron_rows(update.first.astype(float), product.astype(float), ours)
    assert np.linalg.norm(got - expected) <= 1e-6 * np.linalg.norm(expected)
    every = np.arange(share.begin, share.end)
    squares = np.square(np.linalg.norm(first, axis=1))[every // len(second)]
    squares = squares * np.square(np.linalg.norm(second, axis=1))[every % len(second)]
    assert update.norm == pytest.approx(abs(scale) * squares.sum() ** 0.5, rel=1e-6)


def small(**changes: NDArray[np.float32] | None) -> Raw:
    """Rows of 5 in the second factor, so that no target ends where one of its rows does: 6 + 4 + 3."""
    numbers = np.random.default_rng(1)
    shapes = {"lokr_w1": (3, 4), "lokr_w2": (5, 2)}
    tensors = {name: numbers.standard_normal(shape, np.float32) for name, shape in shapes.items()} | changes
    return {f"{FUSED}.{name}": tensor for name, tensor in tensors.items() if tensor is not None}


UNEVEN = {f"transformer_blocks.0.attn.to_{letter}": (rows, 8) for letter, rows in zip("qkv", (6, 4, 5), strict=True)}


def read(folder: Path, tensors: Raw) -> Adapter:
    return read_adapter(write_tensors(folder / "a.safetensors", tensors), UNEVEN)


def test_rows_that_part_within_the_second_factor_are_exact(tmp_path: Path) -> None:
    raw = small()
    whole = np.kron(raw[f"{FUSED}.lokr_w1"].astype(float), raw[f"{FUSED}.lokr_w2"].astype(float))
    for update, rows in zip(read(tmp_path, raw).updates, (slice(0, 6), slice(6, 10), slice(10, 15)), strict=True):
        assert isinstance(update, KroneckerUpdate)
        assert np.allclose(dense(update), whole[rows], rtol=1e-12, atol=0)
        assert update.norm == pytest.approx(np.linalg.norm(whole[rows]), rel=1e-9)


def test_a_first_factor_keeps_only_the_rows_that_a_target_needs(tmp_path: Path) -> None:
    updates = read(tmp_path, small()).updates
    heights = [update.first.shape[0] for update in updates if isinstance(update, KroneckerUpdate)]
    assert heights == [2, 1, 1]


def test_halves_that_change_places_are_exact(tmp_path: Path) -> None:
    module = "lora_unet_final_layer_adaLN_modulation_1"
    numbers = np.random.default_rng(2)
    raw = {f"{module}.lokr_w1": numbers.random((3, 4), np.float32), f"{module}.lokr_w2": numbers.random((4, 2), "f4")}
    path = write_tensors(tmp_path / "a.safetensors", raw)
    (update,) = read_adapter(path, {"norm_out.linear": (12, 8)}).updates
    assert isinstance(update, KroneckerUpdate)
    whole = np.kron(raw[f"{module}.lokr_w1"].astype(float), raw[f"{module}.lokr_w2"].astype(float))
    assert np.allclose(dense(update), np.concatenate([whole[6:], whole[:6]]), rtol=1e-12, atol=0)


def test_alpha_means_nothing_where_both_factors_are_whole(tmp_path: Path) -> None:
    updates = read(tmp_path, small(alpha=np.array(7, np.float32))).updates
    assert {update.multiplier for update in updates if isinstance(update, KroneckerUpdate)} == {1.0}


@pytest.mark.parametrize("name", ["lokr_w1", "lokr_w2"])
def test_a_factor_of_zeros_makes_zero_updates(tmp_path: Path, name: str) -> None:
    zeros = np.zeros((3, 4) if name == "lokr_w1" else (5, 2), np.float32)
    assert all(update.is_zero for update in read(tmp_path, small(**{name: zeros})).updates)


REFUSED: dict[str, tuple[Raw, str, str]] = {
    "a factor is missing": (small(lokr_w2=None), "lokr_w1", "the lokr_w2_a matrix that belongs to it is missing"),
    "half a product": (small(lokr_w2=None, lokr_w2_a=np.ones((5, 1), np.float32)), "lokr_w1", "the lokr_w2_b matrix"),
    "a factor twice": (small(lokr_w2_a=np.ones((5, 1), np.float32)), "lokr_w2_a", "another kind of update"),
    "two kinds": (small(**{"lora_up.weight": np.ones((15, 1), np.float32)}), "lora_up.weight", "another kind"),
    "ranks differ": (
        small(lokr_w2=None, lokr_w2_a=np.ones((5, 1), np.float32), lokr_w2_b=np.ones((2, 2), np.float32)),
        "lokr_w2_a",
        "has rank 1, but .* has rank 2",
    ),
    "another width": (small(lokr_w2=np.ones((5, 3), np.float32)), "lokr_w2", "makes an update 12 wide, but .* takes 8"),
    "another height": (small(lokr_w2=np.ones((6, 2), np.float32)), "lokr_w2", "an update of 18 rows, .* needs 15"),
    "not finite": (small(lokr_w1=np.full((3, 4), np.inf, np.float32)), "lokr_w1", "not finite"),
    "too large": (
        small(lokr_w1=np.full((3, 4), 3e38, np.float32), lokr_w2=np.full((5, 2), 3e38, np.float32)),
        "lokr_w2",
        "beyond the range",
    ),
    "not a matrix": (small(lokr_w2=np.ones((5, 2, 2, 1), np.float32)), "lokr_w2", "must be a matrix"),
    "a Tucker tensor": (small(lokr_t2=np.ones((1, 1, 3, 3), np.float32)), "lokr_t2", "Tucker LoKr"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_applied_exactly_is_refused_by_key(tmp_path: Path, name: str) -> None:
    tensors, ending, words = REFUSED[name]
    with pytest.raises(UnfitAdapter, match=words) as caught:
        read(tmp_path, tensors)
    assert caught.value.key == f"{FUSED}.{ending}"
    assert caught.value.mend
