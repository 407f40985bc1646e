"""Changes of biases on small layers: what they add up to, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.updates.kinds.bias import BiasUpdate
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.keymaps.updates.update import WeightUpdate
from kilnmark.keymaps.zoo.write import write_tensors
from tests.pairs import pairs_of

SHAPES = {f"transformer_blocks.0.attn.to_{letter}": (rows, 8) for letter, rows in zip("qkv", (6, 4, 2), strict=True)}
SHAPES |= {"norm_out.linear": (12, 8), "transformer_blocks.0.attn.norm_q": (4, 1)}
FUSED = "double_blocks.0.img_attn.qkv"
OUTPUT = "final_layer.adaLN_modulation.1"
PARTS = (slice(0, 6), slice(6, 10), slice(10, 12))

Raw = dict[str, NDArray[np.float32]]


def numbers(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def small(module: str = FUSED, **changes: NDArray[np.float32] | None) -> Raw:
    """A pair of rank 3 with alpha 6 and a bias on each matrix; names with a dot for `__`."""
    tensors = {
        "lora_A__weight": numbers(3, 8),
        "lora_B__weight": numbers(12, 3, seed=1),
        "lora_A__bias": numbers(3, seed=2),
        "lora_B__bias": numbers(12, seed=3),
        "alpha": np.array(6, np.float32),
    } | changes
    return {f"{module}.{name.replace('__', '.')}": tensor for name, tensor in tensors.items() if tensor is not None}


def read(folder: Path, tensors: Raw) -> Adapter:
    return read_adapter(write_tensors(folder / "a.safetensors", tensors), SHAPES)


def refused(folder: Path, tensors: Raw, ending: str, words: str) -> None:
    """Raise unless the file is refused with these words, a key of this ending, and a mend."""
    with pytest.raises(UnfitAdapter, match=words) as caught:
        read(folder, tensors)
    assert caught.value.key
    assert caught.value.key.endswith(ending)
    assert caught.value.mend


def through(raw: Raw, module: str = FUSED) -> NDArray[np.float64]:
    """The pair's output for zeros, times alpha / rank."""
    up, inner = raw[f"{module}.lora_B.weight"].astype(float), raw[f"{module}.lora_A.bias"].astype(float)
    found: NDArray[np.float64] = 2 * (up @ inner + raw[f"{module}.lora_B.bias"])
    return found


def test_both_biases_of_a_pair_are_times_alpha_over_the_rank(tmp_path: Path) -> None:
    raw = small()
    adapter = read(tmp_path, raw)
    assert (adapter.kind, adapter.matched_key_count) == ("bias+lora", 5)
    for update, rows in zip(adapter.updates, PARTS, strict=True):
        assert isinstance(update, PairUpdate)
        assert update.bias is not None
        assert update.bias == pytest.approx(through(raw)[rows], rel=1e-6)
        product = 2 * raw[f"{FUSED}.lora_B.weight"][rows].astype(float) @ raw[f"{FUSED}.lora_A.weight"]
        assert update.norm == pytest.approx(np.linalg.norm(np.column_stack([product, through(raw)[rows]])))


def test_rows_that_change_places_take_their_biases_along(tmp_path: Path) -> None:
    raw = small(OUTPUT)
    (update,) = pairs_of(read(tmp_path, raw))
    assert update.bias == pytest.approx(np.concatenate(np.split(through(raw, OUTPUT), 2)[::-1]), rel=1e-6)


def test_diff_b_comes_on_top_and_alpha_does_not_count_for_it(tmp_path: Path) -> None:
    raw = small(diff_b=numbers(12, seed=4))
    for update, rows in zip(pairs_of(read(tmp_path, raw)), PARTS, strict=True):
        assert update.bias == pytest.approx((through(raw) + raw[f"{FUSED}.diff_b"])[rows], rel=1e-5)


@pytest.mark.parametrize("name", ["lokr", "loha", "dora", "full"])
def test_diff_b_goes_with_every_kind(tmp_path: Path, name: str) -> None:
    matrices: dict[str, Raw] = {
        "lokr": {"lokr_w1": numbers(3, 4), "lokr_w2": numbers(4, 2)},
        "loha": {f"hada_w{place}_{side}": numbers(12, 1) for place in (1, 2) for side in "a"}
        | {f"hada_w{place}_b": numbers(1, 8) for place in (1, 2)},
        "dora": {
            "lora_A.weight": numbers(3, 8),
            "lora_B.weight": numbers(12, 3),
            "lora_magnitude_vector": numbers(12),
        },
        "full": {"diff": numbers(12, 8)},
    }
    bias = numbers(12, seed=5)
    tensors = {f"{FUSED}.{role}": tensor for role, tensor in matrices[name].items()}
    plain = read(tmp_path, tensors)
    adapter = read(tmp_path, tensors | {f"{FUSED}.diff_b": bias})
    assert adapter.kind == "+".join(sorted(["bias", name]))
    for update, before, rows in zip(adapter.updates, plain.updates, PARTS, strict=True):
        assert isinstance(update, WeightUpdate)
        assert before.norm is not None
        assert np.array_equal(update.bias, bias[rows])  # type: ignore[arg-type]
        assert update.norm == pytest.approx(np.hypot(before.norm, np.linalg.norm(bias[rows])))


def test_a_change_of_biases_alone_is_an_update(tmp_path: Path) -> None:
    bias = numbers(12)
    adapter = read(tmp_path, {f"{FUSED}.diff_b": bias, f"{FUSED}.alpha": np.array(5, np.float32)})
    assert (adapter.kind, adapter.rank, adapter.matched_key_count, adapter.target_count) == ("bias", 0, 2, 3)
    for update, rows in zip(adapter.updates, PARTS, strict=True):
        assert isinstance(update, BiasUpdate)
        assert np.array_equal(update.bias, bias[rows])
        assert update.norm == pytest.approx(np.linalg.norm(bias[rows]))


def test_a_dead_pair_with_a_live_bias_is_not_zero(tmp_path: Path) -> None:
    dead = np.zeros((12, 3), np.float32)
    assert not any(update.is_zero for update in read(tmp_path, small(lora_B__weight=dead)).updates)
    silent = small(lora_B__weight=dead, lora_B__bias=np.zeros(12, np.float32))
    assert all(update.is_zero for update in read(tmp_path, silent).updates)
    assert all(update.is_zero for update in read(tmp_path, {f"{FUSED}.diff_b": np.zeros(12, np.float32)}).updates)


ONES = np.ones((12, 8), np.float32)
REFUSED: dict[str, tuple[Raw, str, str]] = {
    "one too few": (small(lora_B__bias=numbers(11)), "lora_B.bias", r"must hold 12 numbers.*shape \[11\]"),
    "not by the rank": (small(lora_A__bias=numbers(12)), "lora_A.bias", r"must hold 3 numbers.*shape \[12\]"),
    "a matrix": (small(diff_b=numbers(12, 1)), "diff_b", r"must hold 12 numbers.*shape \[12, 1\]"),
    "alone, too many": ({f"{FUSED}.diff_b": numbers(13)}, "diff_b", "must hold 12 numbers"),
    "no pair": ({f"{FUSED}.lora_B.bias": numbers(12)}, "lora_B.bias", "the up matrix that belongs to it is missing"),
    "not finite": (small(lora_A__bias=np.full(3, np.nan, np.float32)), "lora_A.bias", "not finite"),
    "a change that is not finite": (small(diff_b=np.full(12, np.inf, np.float32)), "diff_b", "not finite"),
    "beyond float32": (small(lora_B__bias=np.full(12, 3e38, np.float32)), "lora_B.bias", "beyond the range"),
    "beside magnitudes": (small(dora_scale=np.ones(12, np.float32)), "lora_A.bias", "what that means is not defined"),
    "beside a whole change": (
        {f"{FUSED}.diff": ONES, f"{FUSED}.lora_B.bias": numbers(12)},
        "lora_B.bias",
        "beside a full update",
    ),
    "of a norm": (
        {
            "double_blocks.0.img_attn.norm.query_norm.scale": numbers(4),
            "double_blocks.0.img_attn.norm.query_norm.diff_b": numbers(4),
        },
        "diff_b",
        "the bias of a norm that has none",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_applied_exactly_is_refused_by_key(tmp_path: Path, name: str) -> None:
    refused(tmp_path, *REFUSED[name])
