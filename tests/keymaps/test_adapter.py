"""Whole files at full size, against float64 arithmetic on the raw tensors with names written out here by hand."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.errors import OutsideRoots
from kilnmark.keymaps.names.shapes import is_norm, load_shapes
from kilnmark.keymaps.zoo.write import make_adapter, write_tensors
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit
from tests.pairs import pairs_of

Raw = dict[str, NDArray[np.float32]]

DEV = load_shapes("dev")

H, M = 3072, 12288


def kohya_rows() -> Iterator[tuple[str, str, int, int]]:
    """Module, target, first row, end row: `lora_flux.py` of sd-scripts beside the modules of mflux."""
    for n in range(19):
        for stream, attn, ff, norm in (
            ("img", ("to_q", "to_k", "to_v", "to_out.0"), "ff", "norm1"),
            ("txt", ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"), "ff_context", "norm1_context"),
        ):
            theirs, ours = f"lora_unet_double_blocks_{n}_{stream}", f"transformer_blocks.{n}"
            for place in range(3):
                yield f"{theirs}_attn_qkv", f"{ours}.attn.{attn[place]}", place * H, (place + 1) * H
            yield f"{theirs}_attn_proj", f"{ours}.attn.{attn[3]}", 0, H
            yield f"{theirs}_mlp_0", f"{ours}.{ff}.linear1", 0, M
            yield f"{theirs}_mlp_2", f"{ours}.{ff}.linear2", 0, H
            yield f"{theirs}_mod_lin", f"{ours}.{norm}.linear", 0, 6 * H
    for n in range(38):
        theirs, ours = f"lora_unet_single_blocks_{n}", f"single_transformer_blocks.{n}"
        for place, letter in enumerate("qkv"):
            yield f"{theirs}_linear1", f"{ours}.attn.to_{letter}", place * H, (place + 1) * H
        yield f"{theirs}_linear1", f"{ours}.proj_mlp", 3 * H, 3 * H + M
        yield f"{theirs}_linear2", f"{ours}.proj_out", 0, H
        yield f"{theirs}_modulation_lin", f"{ours}.norm.linear", 0, 3 * H


def diffusers_rows() -> Iterator[tuple[str, str, int, int]]:
    """The same for the modules of diffusers, which differ in the feed-forward layers only."""
    for target, (rows, _) in DEV.items():
        name = target
        if "transformer_blocks." in target and not is_norm(DEV[target]):
            name = name.replace(".linear1", ".net.0.proj").replace(".linear2", ".net.2")
            yield f"transformer.{name}", target, 0, rows


def agrees(
    adapter: Adapter, raw: Raw, rows: list[tuple[str, str, int, int]], down: str, up: str, factor: float
) -> None:
    """Every update equals `factor * up[rows] @ down`, on a random input and in its norm, all in float64."""
    found = {update.target: update for update in pairs_of(adapter)}
    assert found.keys() == {target for _, target, _, _ in rows}
    numbers = np.random.default_rng(0)
    for module, target, begin, end in rows:
        update = found[target]
        raw_down, raw_up = raw[f"{module}.{down}"].astype(float), raw[f"{module}.{up}"][begin:end].astype(float)
        assert (raw_up.shape[0], raw_down.shape[1]) == DEV[target]
        probe = numbers.standard_normal(raw_down.shape[1])
        expected = factor * (raw_up @ (raw_down @ probe))
        got = update.multiplier * (update.up.astype(float) @ (update.down.astype(float) @ probe))
        assert np.allclose(got, expected, rtol=1e-12, atol=0)
        triangle = np.linalg.qr(raw_up, mode="r")
        assert update.norm == pytest.approx(factor * np.linalg.norm(triangle @ raw_down), rel=1e-6)


def test_the_hand_written_names_cover_every_layer_in_blocks() -> None:
    blocks = {target for target, shape in DEV.items() if "transformer_blocks." in target and not is_norm(shape)}
    assert {target for _, target, _, _ in kohya_rows()} == blocks
    assert {target for _, target, _, _ in diffusers_rows()} == blocks


def test_a_full_diffusers_file_is_matched_whole_and_means_its_own_arithmetic(full_diffusers: Path) -> None:
    adapter = read_adapter(full_diffusers, DEV)
    assert (adapter.convention, adapter.convention_version, adapter.share) == ("diffusers", 5, 1.0)
    assert (adapter.matched_key_count, adapter.total_key_count, adapter.target_count) == (988, 988, 494)
    assert (adapter.kind, adapter.rank, adapter.name) == ("lora", 2, "diffusers")
    raw = load_file(full_diffusers)
    agrees(adapter, raw, list(diffusers_rows()), "lora_A.weight", "lora_B.weight", 1.0)


def test_a_full_kohya_file_is_matched_whole_and_means_its_own_arithmetic(full_kohya: Path) -> None:
    adapter = read_adapter(full_kohya, DEV)
    assert (adapter.convention, adapter.convention_version, adapter.share) == ("kohya", 5, 1.0)
    assert (adapter.matched_key_count, adapter.total_key_count, adapter.target_count) == (912, 912, 494)
    assert not adapter.ignored_keys
    raw = load_file(full_kohya)
    agrees(adapter, raw, list(kohya_rows()), "lora_down.weight", "lora_up.weight", 0.5)


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_halves_are_applied_as_they_were_rounded(tmp_path: Path, dtype: str) -> None:
    path = make_adapter(tmp_path / "a.safetensors", "kohya", rank=2, blocks=1, dtype=dtype)  # type: ignore[arg-type]
    whole = make_adapter(tmp_path / "b.safetensors", "kohya", rank=2, blocks=1)
    exact = {update.target: update for update in pairs_of(read_adapter(whole, DEV))}
    for update in pairs_of(read_adapter(path, DEV)):
        assert np.allclose(update.up, exact[update.target].up, rtol=2**-8 if dtype == "BF16" else 2**-10, atol=1e-7)
        assert not np.array_equal(update.up, exact[update.target].up)


EMBEDDERS = {
    "img_in": ("x_embedder", "x_embedder"),
    "txt_in": ("context_embedder", "context_embedder"),
    "time_in_in_layer": ("time_text_embed.timestep_embedder.linear_1",) * 2,
    "time_in_out_layer": ("time_text_embed.timestep_embedder.linear_2",) * 2,
    "vector_in_in_layer": ("time_text_embed.text_embedder.linear_1",) * 2,
    "vector_in_out_layer": ("time_text_embed.text_embedder.linear_2",) * 2,
    "guidance_in_in_layer": ("time_text_embed.guidance_embedder.linear_1",) * 2,
    "guidance_in_out_layer": ("time_text_embed.guidance_embedder.linear_2",) * 2,
}


@pytest.mark.parametrize("convention", ["kohya", "diffusers"])
def test_layers_around_the_blocks_are_reached_in_both_conventions(tmp_path: Path, convention: str) -> None:
    tensors: Raw = {}
    for kohya, (diffusers, target) in EMBEDDERS.items():
        rows, columns = DEV[target]
        module = f"lora_unet_{kohya}.lora_" if convention == "kohya" else f"transformer.{diffusers}.lora_"
        ends = ("down", "up") if convention == "kohya" else ("A", "B")
        tensors[f"{module}{ends[0]}.weight"] = np.ones((1, columns), np.float32)
        tensors[f"{module}{ends[1]}.weight"] = np.ones((rows, 1), np.float32)
    adapter = read_adapter(write_tensors(tmp_path / "a.safetensors", tensors), DEV)
    assert {update.target for update in pairs_of(adapter)} == {target for _, target in EMBEDDERS.values()}
    assert adapter.matched_key_count == adapter.total_key_count == 16


def test_the_output_layers_of_diffusers_keep_their_rows(tmp_path: Path) -> None:
    up = np.arange(6144, dtype=np.float32).reshape(6144, 1)
    tensors = {
        "transformer.norm_out.linear.lora_A.weight": np.ones((1, H), np.float32),
        "transformer.norm_out.linear.lora_B.weight": up,
    }
    (update,) = pairs_of(read_adapter(write_tensors(tmp_path / "a.safetensors", tensors), DEV))
    assert update.target == "norm_out.linear"
    assert np.array_equal(update.up, up)


def test_unknown_names_are_counted_and_named_and_refuse_nothing(tmp_path: Path) -> None:
    adapter = read_adapter(make_adapter(tmp_path / "a.safetensors", "unknown", rank=1, blocks=1), DEV)
    assert (adapter.convention, adapter.convention_version, adapter.share) == ("", 0, 0.0)
    assert (adapter.matched_key_count, adapter.target_count, adapter.kind, adapter.rank) == (0, 0, "", 0)
    assert adapter.total_key_count == len(adapter.unmatched_keys) == 40


def test_one_unknown_key_among_known_ones_is_named(tmp_path: Path) -> None:
    path = make_adapter(tmp_path / "a.safetensors", "diffusers", rank=1, blocks=1)
    save_file(load_file(path) | {"transformer.surprise.lora_A.weight": np.ones((1, 1), np.float32)}, path)
    adapter = read_adapter(path, DEV)
    assert adapter.unmatched_keys == ("transformer.surprise.lora_A.weight",)
    assert (adapter.matched_key_count, adapter.total_key_count) == (40, 41)


def test_a_file_that_says_all_twice_in_two_conventions_is_applied_once(tmp_path: Path) -> None:
    kohya = load_file(make_adapter(tmp_path / "k.safetensors", "kohya", rank=1, blocks=1, seed=1))
    diffusers = load_file(make_adapter(tmp_path / "d.safetensors", "diffusers", rank=1, blocks=1, seed=2))
    adapter = read_adapter(write_tensors(tmp_path / "a.safetensors", kohya | diffusers), DEV)
    assert adapter.convention == "diffusers"
    assert adapter.ignored_keys == {"copy of the same layers in kohya names": len(kohya)}
    assert adapter.matched_key_count == len(diffusers)
    assert not adapter.unmatched_keys
    alone = {update.target: update.up for update in pairs_of(read_adapter(tmp_path / "d.safetensors", DEV))}
    assert all(np.array_equal(update.up, alone[update.target]) for update in pairs_of(adapter))


@pytest.mark.parametrize(("variant", "counts"), [("dev", (66, 0, 33)), ("z-image-turbo", (0, 66, 0))])
def test_text_encoder_keys_change_the_encoder_or_are_counted_as_left_out(
    tmp_path: Path, variant: str, counts: tuple[int, int, int]
) -> None:
    pair = {"down": np.ones((1, 768), np.float32), "up": np.ones((768, 1), np.float32)}
    modules = [f"lora_te1_text_model_encoder_layers_{n}_self_attn_{letter}_proj" for n in range(11) for letter in "qkv"]
    tensors = {f"{module}.lora_{end}.weight": matrix for module in modules for end, matrix in pair.items()}
    adapter = read_adapter(write_tensors(tmp_path / "a.safetensors", tensors), load_shapes(variant))
    matched, ignored, targets = counts
    assert (adapter.matched_key_count, adapter.ignored_keys.get("text encoder", 0)) == (matched, ignored)
    assert adapter.target_count == targets


def test_roots_hold_for_adapters(full_kohya: Path, tmp_path: Path) -> None:
    assert read_adapter(full_kohya.name, DEV, roots=[tmp_path, full_kohya.parent]).path == str(full_kohya)
    with pytest.raises(OutsideRoots):
        read_adapter(full_kohya, DEV, roots=[tmp_path])


def test_captions_of_nine_megabytes_beside_it_cost_a_file_none_of_its_layers(tmp_path: Path) -> None:
    (exhibit,) = (exhibit for exhibit in EXHIBITS if exhibit.name == "mlx-examples-remapped")
    tensors = load_file(write_exhibit(tmp_path / "a.safetensors", exhibit, rank=1))
    captions = json.dumps({"1_set": {f"tag number {number}": 1 for number in range(370_000)}})
    path = write_tensors(tmp_path / "a.safetensors", tensors, metadata={"ss_tag_frequency": captions, "name": "ink"})
    adapter = read_adapter(path, DEV)
    assert (adapter.matched_key_count, adapter.target_count) == (608, 494)
    assert adapter.metadata["name"] == "ink"
    assert adapter.metadata["ss_tag_frequency"].startswith('{"1_set": {"tag number 0": 1')
