"""Rows of fused modules, and the two ways in which files store more rank than was trained."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.engagement import evidence
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.names.schema import Rows
from kilnmark.keymaps.updates.fused import is_block_diagonal, is_tiled, split_rows
from kilnmark.keymaps.zoo.write import write_tensors
from kilnmark.protocol.picture.verdict import judge
from tests.pairs import pairs_of

Matrix = NDArray[np.float32]

SHAPES = {f"transformer_blocks.0.attn.to_{letter}": (4, 8) for letter in "qkv"} | {"norm_out.linear": (6, 8)}
FUSED = "lora_unet_double_blocks_0_img_attn_qkv"


def numbers(*shape: int, seed: int = 0) -> Matrix:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def diagonal(rank: int) -> Matrix:
    """(12, 3 * rank): one block of 4 rows a target."""
    up = np.zeros((12, 3 * rank), np.float32)
    for place in range(3):
        up[4 * place : 4 * place + 4, rank * place : rank * (place + 1)] = numbers(4, rank, seed=place)
    return up


def parts(up: Matrix) -> list[Matrix]:
    return list(split_rows(up, Rows(targets=tuple(SHAPES)[:3]), SHAPES))


def read(folder: Path, tensors: Mapping[str, Matrix]) -> Adapter:
    return read_adapter(write_tensors(folder / "a.safetensors", tensors), SHAPES)


def stored(up: Matrix, down: Matrix, **others: Matrix) -> dict[str, Matrix]:
    return {f"{FUSED}.lora_up.weight": up, f"{FUSED}.lora_down.weight": down} | {
        f"{FUSED}.{name}": tensor for name, tensor in others.items()
    }


def test_rows_that_keep_their_places_are_not_copied() -> None:
    up = numbers(12, 2)
    assert all(np.shares_memory(part, up) for part in parts(up))
    assert np.array_equal(np.concatenate(parts(up)), up)


def test_the_second_half_of_swapped_rows_comes_first(tmp_path: Path) -> None:
    up = numbers(6, 1)
    tensors = {"final_layer.adaLN_modulation.1.lora_A.weight": numbers(1, 8)}
    tensors["final_layer.adaLN_modulation.1.lora_B.weight"] = up
    (update,) = pairs_of(read(tmp_path, tensors))
    assert update.target == "norm_out.linear"
    assert np.array_equal(update.up, up[[3, 4, 5, 0, 1, 2]])


def test_a_matrix_over_and_over_is_tiled_and_any_other_is_not() -> None:
    once = numbers(2, 8)
    whole = np.concatenate([once, once, once])
    assert is_tiled(whole, 2, 3)
    assert not is_tiled(once, 2, 1)
    assert not is_tiled(whole[:4], 2, 3)
    whole[5, 7] += 1
    assert not is_tiled(whole, 2, 3)


def test_a_tiled_file_is_refused_with_the_keymap_that_made_it(tmp_path: Path) -> None:
    down = numbers(2, 8)
    with pytest.raises(UnfitAdapter, match=r"is tiled 3 times, to rank 6 where .* has rank 2") as caught:
        read(tmp_path, stored(numbers(12, 2), np.concatenate([down, down, down])))
    assert "a keymap writes it for mflux 0.13.0 to 0.18.1" in caught.value.mend
    assert "remap the original" in caught.value.mend
    assert caught.value.key == f"{FUSED}.lora_down.weight"


@pytest.mark.parametrize("rank", [1, 2])
def test_one_block_a_target_is_block_diagonal(rank: int) -> None:
    assert is_block_diagonal(parts(diagonal(rank)))


@pytest.mark.parametrize("row", [0, 3, 11])
def test_one_number_outside_the_blocks_is_enough_to_be_whole(row: int) -> None:
    up = diagonal(2)
    up[row, (row // 4 * 2 + 2) % 6] = 1e-30
    assert not is_block_diagonal(parts(up))


def test_zeros_and_single_targets_are_no_blocks() -> None:
    assert not is_block_diagonal(parts(np.zeros((12, 3), np.float32)))
    assert not is_block_diagonal([numbers(12, 3)])
    assert not is_block_diagonal(parts(numbers(12, 4)))


def test_block_diagonal_files_take_alpha_over_the_stored_rank_and_the_report_says_so(tmp_path: Path) -> None:
    adapter = read(tmp_path, stored(diagonal(1), numbers(3, 8), alpha=np.float32(1.0)))  # type: ignore[arg-type]
    assert {update.multiplier for update in pairs_of(adapter)} == {1 / 3}
    reason = judge(evidence(adapter, 1.0)).reason
    assert "keys changed 3 layers; 1 fused module is block-diagonal: alpha is divided by the whole" in reason
    assert "as sd-scripts does when it loads such a file" in reason


def test_nothing_is_said_where_trainer_and_file_agree(tmp_path: Path) -> None:
    assert not read(tmp_path, stored(diagonal(1), numbers(3, 8), alpha=np.float32(3.0))).notes  # type: ignore[arg-type]
    assert not read(tmp_path, stored(diagonal(1), numbers(3, 8))).notes
    assert not read(tmp_path, stored(numbers(12, 3), numbers(3, 8), alpha=np.float32(1.0))).notes  # type: ignore[arg-type]
