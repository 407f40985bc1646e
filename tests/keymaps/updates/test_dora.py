"""DoRA: every target's own rows of the magnitudes, in both spellings, or the module's inputs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.updates.dora import InputMagnitudes
from kilnmark.keymaps.updates.kinds.loha import HadamardUpdate
from kilnmark.keymaps.updates.kinds.lokr import KroneckerUpdate
from kilnmark.keymaps.updates.update import WeightUpdate
from kilnmark.keymaps.zoo.write import write_tensors
from tests.keymaps.lycoris import BLOCKS, Raw, Share, diffusers_shares, dora_file, in_blocks, kohya_shares
from tests.keymaps.test_adapter import DEV
from tests.pairs import pairs_of

SHAPES = {f"transformer_blocks.0.attn.to_{letter}": (rows, 8) for letter, rows in zip("qkv", (6, 4, 2), strict=True)}
FUSED = "lora_unet_double_blocks_0_img_attn_qkv"


@pytest.mark.parametrize(
    ("convention", "shares", "keys"),
    [
        ("kohya", in_blocks(kohya_shares()), 4 * 13 * BLOCKS),
        ("diffusers", in_blocks(diffusers_shares()), 3 * 20 * BLOCKS),
    ],
)
def test_every_layer_of_a_file_gets_its_rows(tmp_path: Path, convention: str, shares: list[Share], keys: int) -> None:
    peft = convention == "diffusers"
    raw = dora_file(shares, peft=peft)
    adapter = read_adapter(write_tensors(tmp_path / "a.safetensors", raw), DEV)
    assert (adapter.convention, adapter.kind, adapter.target_count) == (convention, "dora", 20 * BLOCKS)
    assert adapter.matched_key_count == adapter.total_key_count == keys
    updates = {update.target: update for update in pairs_of(adapter)}
    for share in shares:
        ending, up = ("lora_magnitude_vector", "lora_B") if peft else ("dora_scale", "lora_up")
        update, rows = updates[share.target], slice(share.begin, share.end)
        assert isinstance(update.magnitude, np.ndarray)
        assert np.array_equal(update.magnitude, raw[f"{share.module}.{ending}"].reshape(-1)[rows])
        assert np.array_equal(update.up, raw[f"{share.module}.{up}.weight"][rows])
        assert update.multiplier == (1.0 if peft else 0.5)


def small(magnitude: NDArray[np.float32] | None, **changes: NDArray[np.float32]) -> Raw:
    tensors: Raw = {"lora_down.weight": np.ones((2, 8), np.float32), "lora_up.weight": np.ones((12, 2), np.float32)}
    tensors |= changes
    if magnitude is not None:
        tensors["dora_scale"] = magnitude
    return {f"{FUSED}.{name}": tensor for name, tensor in tensors.items()}


def read(folder: Path, tensors: Raw) -> Adapter:
    return read_adapter(write_tensors(folder / "a.safetensors", tensors), SHAPES)


def test_magnitudes_keep_an_update_of_zeros_from_being_called_zero(tmp_path: Path) -> None:
    zeros = {"lora_up.weight": np.zeros((12, 2), np.float32)}
    assert not any(update.is_zero for update in read(tmp_path, small(np.ones(12, np.float32), **zeros)).updates)
    assert all(update.is_zero for update in read(tmp_path, small(None, **zeros)).updates)


@pytest.mark.parametrize("suffix", ["", ".weight", ".default.weight"])
def test_pefts_magnitudes_are_known_by_all_their_names(tmp_path: Path, suffix: str) -> None:
    module = "transformer.transformer_blocks.0.attn.to_q"
    tensors = {
        f"{module}.lora_A.weight": np.ones((1, 8), np.float32),
        f"{module}.lora_B.weight": np.ones((6, 1), np.float32),
        f"{module}.lora_magnitude_vector{suffix}": np.ones(6, np.float32),
    }
    adapter = read(tmp_path, tensors)
    assert (adapter.kind, adapter.matched_key_count) == ("dora", 3)


def test_a_file_of_pairs_with_and_without_magnitudes_is_both_kinds(tmp_path: Path) -> None:
    plain = {
        "lora_unet_double_blocks_0_img_attn_proj.lora_down.weight": np.ones((1, 6), np.float32),
        "lora_unet_double_blocks_0_img_attn_proj.lora_up.weight": np.ones((8, 1), np.float32),
    }
    path = write_tensors(tmp_path / "a.safetensors", small(np.ones(12, np.float32)) | plain)
    assert read_adapter(path, SHAPES | {"transformer_blocks.0.attn.to_out.0": (8, 6)}).kind == "dora+lora"


PRODUCTS: dict[str, Raw] = {
    "lokr": {"lokr_w1": np.ones((3, 4), np.float32), "lokr_w2": np.ones((4, 2), np.float32)},
    "loha": {f"hada_w{place}_a": np.ones((12, 2), np.float32) for place in (1, 2)}
    | {f"hada_w{place}_b": np.ones((2, 8), np.float32) for place in (1, 2)},
}


@pytest.mark.parametrize("kind", PRODUCTS)
def test_products_have_magnitudes_too(tmp_path: Path, kind: str) -> None:
    magnitude = np.arange(12, dtype=np.float32).reshape(-1, 1)
    factors = {f"{FUSED}.{name}": factor for name, factor in PRODUCTS[kind].items()}
    plain, adapter = (read(tmp_path, factors | beside) for beside in ({}, {f"{FUSED}.dora_scale": magnitude}))
    assert (adapter.kind, adapter.matched_key_count) == (f"dora+{kind}", len(factors) + 1)
    for update, before, rows in zip(
        adapter.updates, plain.updates, (slice(0, 6), slice(6, 10), slice(10, 12)), strict=True
    ):
        assert isinstance(update, KroneckerUpdate | HadamardUpdate)
        assert np.array_equal(update.magnitude, magnitude[rows, 0])  # type: ignore[arg-type]
        assert update.norm == before.norm
        assert not replace(update, norm=0.0).is_zero


@pytest.mark.parametrize("kind", ["lora", *PRODUCTS])
def test_magnitudes_of_inputs_go_through_all_layers_of_a_fused_module(tmp_path: Path, kind: str) -> None:
    magnitude = np.arange(1, 9, dtype=np.float32).reshape(1, -1)
    factors = {f"{FUSED}.{name}": factor for name, factor in PRODUCTS.get(kind, {}).items()} or small(None)
    adapter = read(tmp_path, factors | {f"{FUSED}.dora_scale": magnitude})
    assert adapter.kind in {"dora", f"dora+{kind}"}
    first, *others = (update.magnitude for update in adapter.updates if isinstance(update, WeightUpdate))
    assert isinstance(first, InputMagnitudes)
    assert np.array_equal(first.numbers, magnitude[0])
    assert [member.target for member in first.members] == list(SHAPES)
    assert all(magnitude is first for magnitude in others)
    assert any(array is first.numbers for array in adapter.updates[0].arrays())
    assert not any(update.is_zero for update in adapter.updates)


WHOLE = np.ones((12, 1), np.float32)
REFUSED: dict[str, tuple[Raw, str, str]] = {
    "too few": (small(np.ones((11, 1), np.float32)), "dora_scale", r"each of 12 rows, or of 8 inputs, .* \[11, 1\]"),
    "too few inputs": (small(np.ones((1, 7), np.float32)), "dora_scale", r"or of 8 inputs, but has shape \[1, 7\]"),
    "inputs without the side of rows": (small(np.ones(8, np.float32)), "dora_scale", r"but has shape \[8\]"),
    "inputs that are not finite": (small(np.full((1, 8), np.inf, np.float32)), "dora_scale", "not finite"),
    "not finite": (small(np.full(12, np.nan, np.float32)), "dora_scale", "not finite"),
    "alone": ({f"{FUSED}.dora_scale": WHOLE}, "dora_scale", "the up matrix that belongs to it is missing"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_applied_exactly_is_refused_by_key(tmp_path: Path, name: str) -> None:
    tensors, ending, words = REFUSED[name]
    with pytest.raises(UnfitAdapter, match=words) as caught:
        read(tmp_path, tensors)
    assert caught.value.key == f"{FUSED}.{ending}"
    assert caught.value.mend
