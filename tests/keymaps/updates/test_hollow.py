"""Layers whose matrices were lost while a bias or magnitudes beside them live on: told, and healthy ones are not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.engagement import evidence
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.updates.filled import FILLED
from kilnmark.keymaps.zoo.write import write_tensors
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.picture.verdict import Judged, judge

Raw = dict[str, NDArray[np.float32]]

ROWS = {"q": 6, "k": 4, "v": 2}
SHAPES = {f"transformer_blocks.0.attn.to_{letter}": (rows, 8) for letter, rows in ROWS.items()}
FUSED = "lora_unet_double_blocks_0_img_attn_qkv"
K = slice(6, 10)


def drawn(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(5).standard_normal(shape, np.float32)


def lora(dead: slice, live: float = 1.0) -> Raw:
    up = drawn(12, 2) * live
    up[dead] = 0
    return {"lora_down.weight": drawn(2, 8), "lora_up.weight": up, "alpha": np.array(2, np.float32)}


def loha(dead: slice, live: float = 1.0) -> Raw:
    first = drawn(12, 2) * live
    first[dead] = 0
    beside = {"hada_w1_b": drawn(2, 8), "hada_w2_a": drawn(12, 2), "hada_w2_b": drawn(2, 8)}
    return {"hada_w1_a": first, **beside, "alpha": np.array(2, np.float32)}


def full(dead: slice, live: float = 1.0) -> Raw:
    whole = drawn(12, 8) * live
    whole[dead] = 0
    return {"diff": whole}


def oft(dead: slice, live: float = 1.0) -> Raw:
    """Blocks of two rows, of which K has the fourth and the fifth."""
    blocks = drawn(6, 2, 2) * live
    blocks[slice(3, 5) if dead == K else dead] = 0
    return {"oft_blocks": blocks}


def judged(folder: Path, tensors: Raw, *, on_a_base: bool = True, metadata: dict[str, str] | None = None) -> Judged:
    """As on a base where all of it changes something, or as without one."""
    named = {f"{FUSED}.{name}": tensor for name, tensor in tensors.items()}
    adapter = read_adapter(write_tensors(folder / "a.safetensors", named, metadata=metadata or {}), SHAPES)
    return judge(evidence(adapter, 1.0, delta_ratio=0.05 if on_a_base else None))


@pytest.mark.parametrize("kind", [lora, loha, full, oft])
def test_matrices_lost_beside_a_bias_are_told(tmp_path: Path, kind: Callable[..., Raw]) -> None:
    found = judged(tmp_path, {**kind(K), "diff_b": drawn(12)})
    assert found.verdict is Verdict.PARTIAL
    assert "matrices of 1 layer are zero" in found.reason
    assert "'transformer_blocks.0.attn.to_k'" in found.reason
    every = judged(tmp_path, {**kind(slice(None)), "diff_b": drawn(12)})
    assert every.verdict is Verdict.PARTIAL
    assert "matrices of 3 layers are zero" in every.reason


@pytest.mark.parametrize("kind", [lora, loha, full, oft])
def test_a_faint_product_beside_a_large_bias_is_no_lost_one(tmp_path: Path, kind: Callable[..., Raw]) -> None:
    found = judged(tmp_path, {**kind(slice(0)), "diff_b": drawn(12)})
    assert found.verdict is Verdict.ENGAGED
    assert judged(tmp_path, {**kind(slice(0), 1e-5), "diff_b": drawn(12)}).verdict is Verdict.ENGAGED


def test_a_bias_of_zeros_leaves_a_layer_zero(tmp_path: Path) -> None:
    bias = drawn(12)
    bias[K] = 0
    assert "1 of 3 updates are zero" in judged(tmp_path, {**lora(K), "diff_b": bias}).reason


def test_matrices_lost_beside_trained_magnitudes_are_told_on_a_base_too(tmp_path: Path) -> None:
    """Whatever the magnitudes change there: where they are the base's own, it is told as zero."""
    trained = np.abs(drawn(12)) + 1
    assert judged(tmp_path, {**lora(slice(0)), "dora_scale": trained}).verdict is Verdict.ENGAGED
    assert "matrices of 1 layer are zero" in judged(tmp_path, {**lora(K), "dora_scale": trained}).reason
    assert judged(tmp_path, {**lora(slice(None)), "dora_scale": trained}).verdict is Verdict.PARTIAL


def test_rows_that_a_converter_says_it_filled_are_no_lost_ones(tmp_path: Path) -> None:
    said = {FILLED: '["transformer_blocks.0.attn.to_k"]'}
    assert judged(tmp_path, {**lora(K), "diff_b": drawn(12)}, metadata=said).verdict is Verdict.ENGAGED


@pytest.mark.parametrize("shape", [(12,), (12, 1), (1, 8)])
def test_magnitudes_that_were_lost_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(UnfitAdapter, match=r"is zero in . of the . magnitudes of one layer"):
        judged(tmp_path, {**lora(slice(0)), "dora_scale": np.zeros(shape, np.float32)})


def test_the_magnitudes_of_one_lost_layer_are_refused_and_a_few_zeros_are_not(tmp_path: Path) -> None:
    few, lost = np.ones(12, np.float32), np.ones(12, np.float32)
    few[6], lost[K] = 0, 0
    assert judged(tmp_path, {**lora(slice(0)), "dora_scale": few}).verdict is Verdict.ENGAGED
    with pytest.raises(UnfitAdapter, match="is zero in 4 of the 4 magnitudes"):
        judged(tmp_path, {**lora(slice(0)), "dora_scale": lost})
