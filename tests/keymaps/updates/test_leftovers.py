"""Zeros that tools leave beside a live adapter, and zeros that say that something was lost."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.engagement import evidence
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.updates.leftovers import ENCODER, VECTORS
from kilnmark.keymaps.zoo.write import write_tensors
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.picture.verdict import judge

Raw = dict[str, NDArray[np.float32]]

DEV = load_shapes("dev")
LIVE = "transformer.transformer_blocks.0.attn.to_q"
NORM = "transformer.transformer_blocks.0.attn.norm_q"
CLIP = "text_encoder.text_model.encoder.layers.0"


def drawn(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def zeros(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, np.float32)


def pair(name: str, width: int, up: Callable[..., NDArray[np.float32]] = drawn) -> Raw:
    return {f"{name}.lora_A.weight": drawn(1, width), f"{name}.lora_B.weight": up(width, 1)}


def clip(letter: str, up: Callable[..., NDArray[np.float32]] = zeros) -> Raw:
    return pair(f"{CLIP}.self_attn.{letter}_proj", 768, up)


def read(folder: Path, tensors: Raw) -> tuple[Adapter, Verdict, str]:
    adapter = read_adapter(write_tensors(folder / "a.safetensors", tensors), DEV)
    found = evidence(adapter, 1.0)
    judged = judge(found)
    assert found.matched_key_count + found.ignored_key_count + found.unmatched_key_count == len(tensors)
    return adapter, judged.verdict, judged.reason


POSITIONS = "text_encoder.text_model.embeddings.position_embedding"
LEFT: dict[str, tuple[Raw, dict[str, int], str]] = {
    "a norm": ({f"{NORM}.diff": zeros(128)}, {VECTORS: 1}, "1 key of norms and biases hold"),
    "norms of which one changes": (
        {f"{NORM}.diff": zeros(128), f"{NORM.replace('_q', '_k')}.diff": drawn(128)},
        {VECTORS: 1},
        "norms and biases",
    ),
    "a bias": ({f"{LIVE.replace('_q', '_k')}.diff_b": zeros(3072)}, {VECTORS: 1}, "norms and biases"),
    "an encoder": (clip("q") | clip("k"), {ENCODER: 4}, "4 keys of a text encoder would change nothing"),
    "parts of an encoder that nothing changes": (
        {f"{CLIP}.layer_norm1.diff": zeros(768), f"{CLIP}.layer_norm1.diff_b": zeros(768)},
        {ENCODER: 2},
        "2 keys of a text encoder",
    ),
    "an untrained pair on such a part": (pair(POSITIONS, 768, zeros), {ENCODER: 2}, "2 keys of a text encoder"),
}


@pytest.mark.parametrize("name", LEFT)
def test_zeros_that_tools_leave_are_left_out_and_told(tmp_path: Path, name: str) -> None:
    more, counts, words = LEFT[name]
    adapter, verdict, reason = read(tmp_path, pair(LIVE, 3072) | more)
    assert verdict is Verdict.ENGAGED
    assert words in reason
    assert adapter.ignored_keys == counts
    assert not any(update.is_zero for update in adapter.updates)


LOST: dict[str, tuple[Raw, str]] = {
    "a pair among trained ones": (pair(LIVE.replace("_q", "_k"), 3072, zeros), "1 of 2 updates are zero"),
    "half an encoder": (clip("q") | clip("k", drawn), "1 of 3 updates are zero"),
    "a whole change of a matrix": ({f"{LIVE.replace('_q', '_k')}.diff": zeros(3072, 3072)}, "1 of 2 updates are zero"),
    "a part of an encoder that changes": ({f"{CLIP}.layer_norm9.diff": drawn(768)}, "1 of 3 keys are unknown"),
    "a trained pair on such a part": (pair(POSITIONS, 768), "2 of 4 keys are unknown"),
    "half a pair on such a part": ({f"{POSITIONS}.alpha": np.array(0, np.float32)}, "1 of 3 keys are unknown"),
    "a norm that has no scales": (
        {f"{LIVE.replace('attn.to_q', 'norm2')}.diff": drawn(3072)},
        "1 of 3 keys are unknown",
    ),
    "a name of nobody's": ({"velvet.diff": zeros(8)}, "1 of 3 keys are unknown"),
}


@pytest.mark.parametrize("name", LOST)
def test_other_zeros_stay_an_accusation(tmp_path: Path, name: str) -> None:
    more, words = LOST[name]
    _, verdict, reason = read(tmp_path, pair(LIVE, 3072) | more)
    assert (verdict, words in reason) == (Verdict.PARTIAL, True)


def test_zeros_alone_are_no_leftovers(tmp_path: Path) -> None:
    vectors = {f"{NORM}.diff": zeros(128), f"{LIVE.replace('_q', '_k')}.diff_b": zeros(3072)}
    adapter, verdict, reason = read(tmp_path, pair(LIVE, 3072, zeros) | vectors | clip("q"))
    assert (verdict, adapter.ignored_keys) == (Verdict.NOOP, {})
    assert "all 4 updates are exactly zero" in reason


def test_a_dead_transformer_beside_a_live_encoder_is_accused(tmp_path: Path) -> None:
    _, verdict, reason = read(tmp_path, pair(LIVE, 3072, zeros) | clip("q", drawn))
    assert (verdict, "1 of 2 updates are zero" in reason) == (Verdict.PARTIAL, True)


def test_each_encoder_is_weighed_by_itself(tmp_path: Path) -> None:
    tensors: Raw = {}
    for name, width in (
        ("unet_double_blocks_0_img_attn_proj", 3072),
        ("te3_encoder_block_0_layer_0_SelfAttention_q", 4096),
    ):
        tensors |= {f"lora_{name}.lora_down.weight": drawn(1, width), f"lora_{name}.lora_up.weight": drawn(width, 1)}
    idle = "lora_te1_text_model_encoder_layers_0_mlp_fc1"
    tensors |= {f"{idle}.lora_down.weight": drawn(1, 768), f"{idle}.lora_up.weight": zeros(3072, 1)}
    adapter, verdict, _ = read(tmp_path, tensors)
    assert (verdict, adapter.ignored_keys, adapter.target_count) == (Verdict.ENGAGED, {ENCODER: 2}, 2)


SMALL = {f"transformer_blocks.0.attn.to_{letter}": (4, 4) for letter in "qkv"}
SMALL |= {"transformer_blocks.0.attn.norm_q": (4, 1), "transformer_blocks.0.attn.norm_k": (4, 1)}
SMALL |= {f"clip_text_encoder.text_model.encoder.layers.0.self_attn.{letter}_proj": (4, 4) for letter in "qkv"}
MODULES = (
    *(f"transformer.transformer_blocks.0.attn.to_{letter}" for letter in "qkv"),
    *(f"transformer.transformer_blocks.0.attn.norm_{letter}" for letter in "qk"),
    *(f"{CLIP}.self_attn.{letter}_proj" for letter in "qkv"),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(MODULES), st.booleans(), min_size=1))
def test_dead_among_live_is_accused_unless_tools_are_known_to_leave_it(tmp_path: Path, live: dict[str, bool]) -> None:
    tensors: Raw = {}
    for name, is_live in live.items():
        numbers = drawn if is_live else zeros
        tensors |= {f"{name}.diff": numbers(4)} if ".norm_" in name else pair(name, 4, numbers)
    adapter = read_adapter(write_tensors(tmp_path / "a.safetensors", tensors), SMALL)
    painter, encoder = (
        [is_live for name, is_live in live.items() if name.startswith(start) and ".norm_" not in name]
        for start in ("transformer.", "text_encoder.")
    )
    lost = not all(painter) or (any(encoder) and not all(encoder))
    expected = Verdict.NOOP if not any(live.values()) else Verdict.PARTIAL if lost else Verdict.ENGAGED
    assert judge(evidence(adapter, 1.0)).verdict is expected
