"""Whole changes of a weight on small layers: the rows of each target, the norm, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from kilnmark.keymaps.updates.kinds.lokr import KroneckerUpdate
from tests.keymaps.updates.test_biases import FUSED, OUTPUT, PARTS, Raw, numbers, read, refused


def test_each_target_gets_its_rows_and_alpha_does_not_count(tmp_path: Path) -> None:
    diff = numbers(12, 8)
    adapter = read(tmp_path, {f"{FUSED}.diff": diff, f"{FUSED}.alpha": np.array(7, np.float32)})
    assert (adapter.kind, adapter.matched_key_count) == ("full", 2)
    for update, rows in zip(adapter.updates, PARTS, strict=True):
        assert isinstance(update, KroneckerUpdate)
        assert (update.first.tolist(), update.multiplier) == ([[1.0]], 1.0)
        assert np.array_equal(update.second[0], diff[rows])
        assert update.norm == pytest.approx(np.linalg.norm(diff[rows].astype(float)), rel=1e-12)


def test_halves_that_change_places_are_exact(tmp_path: Path) -> None:
    diff = numbers(12, 8)
    (update,) = read(tmp_path, {f"{OUTPUT}.diff": diff}).updates
    assert isinstance(update, KroneckerUpdate)
    assert np.array_equal(update.second[0], np.concatenate([diff[6:], diff[:6]]))


def test_zeros_are_a_zero_update(tmp_path: Path) -> None:
    assert all(update.is_zero for update in read(tmp_path, {f"{FUSED}.diff": np.zeros((12, 8), np.float32)}).updates)


REFUSED: dict[str, tuple[Raw, str, str]] = {
    "a convolution": ({f"{FUSED}.diff": numbers(12, 8, 3, 1)}, f"{FUSED}.diff", r"must be a matrix.*\[12, 8, 3, 1\]"),
    "too many rows": ({f"{FUSED}.diff": numbers(13, 8)}, f"{FUSED}.diff", "has 13 rows, but the model needs 12"),
    "too wide": ({f"{FUSED}.diff": numbers(12, 9)}, f"{FUSED}.diff", "is 9 wide, but .* takes 8 inputs"),
    "not finite": ({f"{FUSED}.diff": np.full((12, 8), np.nan, np.float32)}, f"{FUSED}.diff", "not finite"),
    "too large": ({f"{FUSED}.diff": np.full((12, 8), 3e38, np.float32)}, f"{FUSED}.diff", "beyond the range"),
    "beside a pair": (
        {
            f"{FUSED}.diff": numbers(12, 8),
            f"{FUSED}.lora_A.weight": numbers(1, 8),
            f"{FUSED}.lora_B.weight": numbers(12, 1),
        },
        f"{FUSED}.lora_A.weight",
        "does not go with .*diff.*another kind",
    ),
    "with magnitudes": (
        {f"{FUSED}.diff": numbers(12, 8), f"{FUSED}.dora_scale": numbers(12, 1)},
        f"{FUSED}.dora_scale",
        "gives magnitudes to a full update",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_applied_exactly_is_refused_by_key(tmp_path: Path, name: str) -> None:
    refused(tmp_path, *REFUSED[name])
