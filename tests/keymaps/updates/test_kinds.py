"""Matrices to updates: what is refused, and what the norm is."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.zoo.write import write_tensors
from tests.pairs import pairs_of

SHAPES = {f"transformer_blocks.0.attn.to_{letter}": (rows, 8) for letter, rows in zip("qkv", (6, 4, 2), strict=True)}
FUSED = "lora_unet_double_blocks_0_img_attn_qkv"
DOWN, UP, ALPHA = (f"{FUSED}.{suffix}" for suffix in ("lora_down.weight", "lora_up.weight", "alpha"))

Tensors = Mapping[str, NDArray[np.float32]]


def numbers(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def read(folder: Path, tensors: Tensors) -> Adapter:
    return read_adapter(write_tensors(folder / "a.safetensors", tensors), SHAPES)


def whole(**changes: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    return {DOWN: numbers(3, 8), UP: numbers(12, 3, seed=1)} | {
        {"down": DOWN, "up": UP, "alpha": ALPHA}[role]: tensor for role, tensor in changes.items()
    }


def test_fused_rows_are_split_by_the_targets_own_heights(tmp_path: Path) -> None:
    tensors = whole()
    updates = {update.target: update for update in pairs_of(read(tmp_path, tensors))}
    for letter, rows in {"q": slice(0, 6), "k": slice(6, 10), "v": slice(10, 12)}.items():
        update = updates[f"transformer_blocks.0.attn.to_{letter}"]
        assert np.array_equal(update.up, tensors[UP][rows])
        assert np.array_equal(update.down, tensors[DOWN])


def test_the_targets_of_a_fused_module_share_one_down_matrix(tmp_path: Path) -> None:
    first, second, third = pairs_of(read(tmp_path, whole()))
    assert first.down is second.down is third.down


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([-2.0, 0.5, 1.0, 12.0]))
def test_the_norm_is_that_of_the_product(tmp_path_factory: pytest.TempPathFactory, seed: int, alpha: float) -> None:
    tensors = whole(down=numbers(3, 8, seed=seed), up=numbers(12, 3, seed=seed + 1), alpha=np.float32(alpha))  # type: ignore[arg-type]
    for update in pairs_of(read(tmp_path_factory.mktemp("a"), tensors)):
        product = alpha / 3 * update.up.astype(float) @ update.down.astype(float)
        assert update.norm == pytest.approx(np.linalg.norm(product), rel=1e-9)


@pytest.mark.parametrize("role", ["down", "up"])
def test_a_matrix_of_zeros_makes_zero_updates(tmp_path: Path, role: str) -> None:
    zeros = np.zeros((3, 8) if role == "down" else (12, 3), np.float32)
    assert all(update.is_zero for update in pairs_of(read(tmp_path, whole(**{role: zeros}))))


def test_factors_that_never_meet_make_a_zero_update(tmp_path: Path) -> None:
    down, up = whole().values()
    down[1:], up[:, 0] = 0, 0
    assert all(update.is_zero for update in pairs_of(read(tmp_path, whole(down=down, up=up))))


def test_the_smallest_update_is_not_zero(tmp_path: Path) -> None:
    tiny = np.full((12, 3), 1e-38, np.float32)
    assert not any(update.is_zero for update in pairs_of(read(tmp_path, whole(up=tiny))))


REFUSED: dict[str, tuple[Tensors, str, str]] = {
    "down alone": ({DOWN: numbers(3, 8)}, DOWN, "the up matrix that belongs to it is missing"),
    "up alone": ({UP: numbers(12, 3), ALPHA: np.array(1, np.float32)}, UP, "the down matrix .* is missing"),
    "other ranks": (whole(up=numbers(12, 4)), UP, f"has rank 4, but '{DOWN}' has rank 3; .* share one rank"),
    "tiled down": (whole(down=numbers(9, 8)), UP, "has rank 3, but .* has rank 9"),
    "one row": (whole(up=numbers(1, 3)), UP, "has 1 rows, but the model needs 12 .*to_q 6 .*to_k 4"),
    "rows too many": (whole(up=numbers(13, 3)), UP, "has 13 rows, but the model needs 12"),
    "another width": (whole(down=numbers(3, 7)), DOWN, "is 7 wide, but transformer_blocks.0.attn.to_q takes 8"),
    "no rank": (whole(down=numbers(0, 8), up=numbers(12, 0)), DOWN, r"must be a matrix.*shape \[0, 8\]"),
    "four dimensions": (whole(down=numbers(3, 8, 1, 3)), DOWN, r"must be a matrix.*\[3, 8, 1, 3\]"),
    "a bare number": (whole(up=np.array(1, np.float32)), UP, r"must be a matrix.*\[\]"),
    "two alphas": (whole(alpha=numbers(2)), ALPHA, "must be one number"),
    "beyond float32": (
        whole(down=np.full((3, 8), 3e38, np.float32), up=np.full((12, 3), 3e38, np.float32)),
        UP,
        "beyond the range of float32",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_applied_exactly_is_refused_by_key(tmp_path: Path, name: str) -> None:
    tensors, key, words = REFUSED[name]
    with pytest.raises(UnfitAdapter, match=words) as caught:
        read(tmp_path, tensors)
    assert caught.value.key == key
    assert caught.value.mend


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("key", "place"), [(DOWN, (2, 7)), (UP, (11, 0)), (UP, (0, 2))])
def test_one_number_that_is_not_finite_is_found_anywhere(
    tmp_path: Path, value: float, key: str, place: tuple[int, int]
) -> None:
    tensors = whole()
    tensors[key][place] = value
    with pytest.raises(UnfitAdapter, match="not finite") as caught:
        read(tmp_path, tensors)
    assert caught.value.key == key


def test_one_number_that_is_not_finite_is_found_in_bfloat16_too(tmp_path: Path) -> None:
    tensors = whole()
    path = write_tensors(tmp_path / "a.safetensors", tensors, dtype="BF16")
    raw = bytearray(path.read_bytes())
    raw[-2:] = b"\xc0\x7f"
    path.write_bytes(raw)
    with pytest.raises(UnfitAdapter, match="not finite"):
        read_adapter(path, SHAPES)
