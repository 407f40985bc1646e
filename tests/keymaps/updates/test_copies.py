"""Copies of the same layers in one file: held against each other as what they change, whatever they are made of."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.updates import copies

Tensors = Mapping[str, NDArray[np.generic]]

DEV = load_shapes("dev")
WIDTH = 3072
OUT = "transformer_blocks.0.attn.to_out.0"
KOHYA, BARE, DIFFUSERS = (
    "lora_unet_double_blocks_0_img_attn_proj",
    "double_blocks.0.img_attn.proj",
    f"transformer.{OUT}",
)
NORM = "transformer_blocks.0.attn.norm_q"
OTHER_NORM = f"lycoris_{NORM.replace('.', '_')}"
NUMBERS = np.random.default_rng(5)
DOWN = NUMBERS.standard_normal((2, WIDTH)).astype(np.float32)
UP = NUMBERS.standard_normal((WIDTH, 2)).astype(np.float32)


def read(folder: Path, tensors: Tensors) -> Adapter:
    save_file(dict(tensors), folder / "a.safetensors")
    return read_adapter(folder / "a.safetensors", DEV)


def kohya(up: NDArray[np.generic] = UP, **more: NDArray[np.generic]) -> Tensors:
    others = {f"{KOHYA}.{name}": tensor for name, tensor in more.items()}
    return {f"{KOHYA}.lora_down.weight": DOWN.astype(up.dtype), f"{KOHYA}.lora_up.weight": up, **others}


def bare(up: NDArray[np.generic] = UP, **more: NDArray[np.generic]) -> Tensors:
    others = {f"{BARE}.{name}": tensor for name, tensor in more.items()}
    return {f"{BARE}.lora_A.weight": DOWN.astype(up.dtype), f"{BARE}.lora_B.weight": up, **others}


def test_a_copy_with_another_alpha_and_other_matrices_that_does_the_same_is_applied_once(tmp_path: Path) -> None:
    adapter = read(tmp_path, {**bare(), **kohya(UP * 2, alpha=np.array(1, np.float32))})
    (update,) = adapter.updates
    assert update.norm == pytest.approx(float(np.linalg.norm(UP.astype(float) @ DOWN.astype(float))), rel=1e-6)
    assert adapter.notes[-1].startswith("1 module is a copy of the same layers in")
    assert adapter.notes[-1].endswith("and does the same, so they are applied once")


def test_copies_that_stretch_inputs_alike_are_applied_once(tmp_path: Path) -> None:
    scale = np.arange(1, WIDTH + 1, dtype=np.float32).reshape(1, -1)
    assert len(read(tmp_path, {**bare(dora_scale=scale), **kohya(dora_scale=scale)}).updates) == 1


def test_roundings_of_the_stored_dtype_are_no_difference(tmp_path: Path) -> None:
    halved = (UP / np.float32(3)).astype(np.float16)
    assert read(tmp_path, {**bare(UP.astype(np.float16)), **kohya(halved, alpha=np.array(6, np.float16))}).updates


DIFFERENT: Mapping[str, tuple[Tensors, str]] = {
    "a thousandth stronger": ({**bare(), **kohya(UP * np.float32(1.001))}, "0% of the larger"),
    "turned": ({**bare(), **kohya(-UP)}, "200% of the larger"),
    "dead": ({**bare(), **kohya(UP * 0)}, "100% of the larger"),
    "one number": (
        {**bare(), **kohya(UP + np.eye(WIDTH, 2, dtype=np.float32))},
        "another way",
    ),
    "with a bias": ({**bare(), **kohya(diff_b=np.ones(WIDTH, np.float32))}, "by another kind of update"),
    "another bias": (
        {**bare(diff_b=np.ones(WIDTH, np.float32)), **kohya(diff_b=np.full(WIDTH, 2, np.float32))},
        "50% of the larger",
    ),
    "a whole change": ({**bare(), f"{KOHYA}.diff": np.ones((WIDTH, WIDTH), np.float32)}, "122% of the larger"),
    "with magnitudes": ({**bare(), **kohya(dora_scale=np.ones((WIDTH, 1), np.float32))}, "by another kind of update"),
    "rows and inputs stretched": (
        {**bare(dora_scale=np.ones((1, WIDTH), np.float32)), **kohya(dora_scale=np.ones((WIDTH, 1), np.float32))},
        "by another kind of update",
    ),
    "inputs stretched otherwise": (
        {**bare(dora_scale=np.ones((1, WIDTH), np.float32)), **kohya(dora_scale=np.full((1, WIDTH), 2, np.float32))},
        "50% of the larger",
    ),
    "norms": (
        {
            f"transformer.{NORM}.weight": np.ones(128, np.float32),
            f"{OTHER_NORM}.w_norm": UP[:128, 0],
        },
        "another way",
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_copy_that_does_something_else_refuses_the_file(tmp_path: Path, name: str) -> None:
    tensors, words = DIFFERENT[name]
    with pytest.raises(UnfitAdapter, match=re.escape(words)) as caught:
        read(tmp_path, tensors)
    assert "which of the two copies is meant is open" in caught.value.problem
    assert caught.value.mend == "keep one of the two copies"


def test_a_pair_and_the_whole_change_that_it_comes_to_are_the_same(tmp_path: Path) -> None:
    assert read(tmp_path, {**bare(), f"{KOHYA}.diff": UP @ DOWN}).updates


def test_a_broken_copy_refuses_the_file(tmp_path: Path) -> None:
    with pytest.raises(UnfitAdapter, match="not finite"):
        read(tmp_path, {**bare(), **kohya(UP * np.float32(np.nan))})


def test_of_a_whole_file_that_stands_twice_in_diffusers_and_kohyas_names_diffusers_is_meant_and_that_is_told(
    tmp_path: Path,
) -> None:
    own = {f"{DIFFUSERS}.lora_A.weight": DOWN, f"{DIFFUSERS}.lora_B.weight": UP}
    adapter = read(tmp_path, {**own, f"{DIFFUSERS}.alpha": np.array(2, np.float32), **kohya(-UP)})
    assert adapter.convention == "diffusers"
    assert "does something else; the whole adapter stands in the file twice" in adapter.notes[-1]


def lokr_twice(blocks: int, factor: float) -> Tensors:
    """LoKr on some blocks by two names, whose factors are so much apart and multiply to the same."""
    tensors: dict[str, NDArray[np.generic]] = {}
    for block in range(blocks):
        first, second = (NUMBERS.standard_normal((size, size)).astype(np.float32) for size in (48, 64))
        for module, scale in ((KOHYA, 1.0), (BARE, factor)):
            name = module.replace("_0_", f"_{block}_").replace(".0.", f".{block}.")
            tensors |= {f"{name}.lokr_w1": first * np.float32(scale), f"{name}.lokr_w2": second / np.float32(scale)}
    return tensors


def test_copies_that_are_the_same_to_the_last_bit_are_not_multiplied_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "_MULTIPLIED_OUT", 0)
    assert len(read(tmp_path, lokr_twice(19, 1.0)).updates) == 19


def test_copies_that_are_too_many_to_be_multiplied_out_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "_MULTIPLIED_OUT", WIDTH * WIDTH)
    assert len(read(tmp_path, lokr_twice(1, 2.0)).updates) == 1
    with pytest.raises(UnfitAdapter, match="too many such copies to compare what they do; keep one of the two copies"):
        read(tmp_path, lokr_twice(2, 2.0))


@pytest.mark.parametrize("other", [1.0, 2.0])
def test_rotations_are_held_against_each_other_with_all_their_blocks(tmp_path: Path, other: float) -> None:
    turns = (NUMBERS.standard_normal((WIDTH // 8, 8, 8)) * 0.01).astype(np.float32)
    blocks = {f"{KOHYA}.oft_blocks": turns, f"lycoris_{OUT.replace('.', '_')}.oft_blocks": turns * np.float32(other)}
    if other == 1.0:
        assert len(read(tmp_path, blocks).updates) == 1
    else:
        with pytest.raises(UnfitAdapter, match="in another way"):
            read(tmp_path, blocks)


def test_rotations_in_blocks_of_another_size_are_something_else(tmp_path: Path) -> None:
    sizes = {KOHYA: 8, f"lycoris_{OUT.replace('.', '_')}": 6}
    blocks = {
        f"{name}.oft_blocks": (NUMBERS.standard_normal((WIDTH // size, size, size)) * 0.01).astype(np.float32)
        for name, size in sizes.items()
    }
    with pytest.raises(UnfitAdapter, match="in another way"):
        read(tmp_path, blocks)
