"""Scales of norms on small ones: whole and changed, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from kilnmark.keymaps.engagement import evidence
from kilnmark.keymaps.updates.kinds.norm import NormUpdate
from tests.keymaps.updates.test_biases import Raw, numbers, read, refused

BFL = "double_blocks.0.img_attn.norm.query_norm"
DIFFUSERS = "transformer.transformer_blocks.0.attn.norm_q"
TARGET = "transformer_blocks.0.attn.norm_q"


@pytest.mark.parametrize("key", [f"{BFL}.scale", f"{DIFFUSERS}.weight", f"transformer.{DIFFUSERS}.weight"])
def test_whole_scales_are_measured_on_the_base_only(tmp_path: Path, key: str) -> None:
    scales = numbers(4)
    adapter = read(tmp_path, {key: scales})
    assert (adapter.kind, adapter.rank, adapter.matched_key_count) == ("norm", 0, 1)
    (update,) = adapter.updates
    assert isinstance(update, NormUpdate)
    assert (update.target, update.replaces, update.norm, update.is_zero) == (TARGET, True, None, False)
    assert np.array_equal(update.scales, scales)


def test_changes_of_scales_are_measured_without_a_base(tmp_path: Path) -> None:
    scales = numbers(4)
    (update,) = read(tmp_path, {f"{BFL}.w_norm": scales}).updates
    assert isinstance(update, NormUpdate)
    assert (update.target, update.replaces, update.is_zero) == (TARGET, False, False)
    assert update.norm == pytest.approx(np.linalg.norm(scales))
    (silent,) = read(tmp_path, {f"{BFL}.w_norm": np.zeros(4, np.float32)}).updates
    assert silent.is_zero


@pytest.mark.parametrize("name", [BFL, DIFFUSERS])
def test_a_diff_of_a_norm_is_a_change_of_its_scales(tmp_path: Path, name: str) -> None:
    scales = numbers(4)
    adapter = read(tmp_path, {f"{name}.diff": scales})
    assert (adapter.kind, adapter.matched_key_count) == ("norm", 1)
    (update,) = adapter.updates
    assert isinstance(update, NormUpdate)
    assert (update.target, update.replaces) == (TARGET, False)
    assert np.array_equal(update.scales, scales)
    assert update.norm == pytest.approx(np.linalg.norm(scales.astype(float)), rel=1e-12)


def test_scales_that_the_base_has_already_count_as_zero(tmp_path: Path) -> None:
    adapter = read(tmp_path, {f"{BFL}.scale": numbers(4)})
    found = evidence(adapter, 1.0, same=[TARGET])
    assert (found.applied_target_count, found.zero_target_count, found.first_zero_target) == (1, 1, TARGET)


LINEAR = "double_blocks.0.img_attn.qkv"
REFUSED: dict[str, tuple[Raw, str, str]] = {
    "too many": ({f"{BFL}.scale": numbers(5)}, f"{BFL}.scale", r"must hold 4 scales.*norm_q, but has shape \[5\]"),
    "a column": ({f"{BFL}.w_norm": numbers(4, 1)}, f"{BFL}.w_norm", r"must hold 4 scales.*shape \[4, 1\]"),
    "not finite": ({f"{BFL}.scale": np.full(4, np.nan, np.float32)}, f"{BFL}.scale", "not finite"),
    "a change that is not finite": ({f"{BFL}.w_norm": np.full(4, np.inf, np.float32)}, f"{BFL}.w_norm", "not finite"),
    "whole and changed": (
        {f"{BFL}.scale": numbers(4), f"{BFL}.w_norm": numbers(4)},
        f"{BFL}.w_norm",
        "does not go with",
    ),
    "changed twice": ({f"{BFL}.diff": numbers(4), f"{BFL}.w_norm": numbers(4)}, f"{BFL}.w_norm", "names the same"),
    "a diff of another width": ({f"{BFL}.diff": numbers(5)}, f"{BFL}.diff", r"must hold 4 scales.*shape \[5\]"),
    "a diff of two dimensions": ({f"{BFL}.diff": numbers(4, 1)}, f"{BFL}.diff", r"must hold 4 scales.*shape \[4, 1\]"),
    "a pair on a norm": (
        {f"{BFL}.lora_A.weight": numbers(1, 1), f"{BFL}.lora_B.weight": numbers(4, 1)},
        f"{BFL}.lora_A.weight",
        "is part of a lora update, but .*norm_q is a norm",
    ),
    "a bias on a norm": ({f"{BFL}.diff_b": numbers(4)}, f"{BFL}.diff_b", "is part of a bias update, but .* is a norm"),
    "a change of a norm's bias": ({f"{BFL}.b_norm": numbers(4)}, f"{BFL}.b_norm", "norm bias update"),
    "scales of a linear layer": ({f"{LINEAR}.w_norm": numbers(12)}, f"{LINEAR}.w_norm", "to_q is a linear layer"),
    "a whole weight": (
        {"transformer.transformer_blocks.0.attn.to_q.weight": numbers(6, 8)},
        "transformer.transformer_blocks.0.attn.to_q.weight",
        "a whole weight, but .* is a linear layer; give an adapter",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_applied_exactly_is_refused_by_key(tmp_path: Path, name: str) -> None:
    refused(tmp_path, *REFUSED[name])
