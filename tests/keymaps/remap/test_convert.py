"""Files converted to other conventions mean what they meant, by the oracle's arithmetic and by mflux's own loader."""

import json
import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mflux.models.common.config import ModelConfig
from mflux.models.common.lora.mapping.lora_loader import LoRALoader
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mflux.models.flux.weights.flux_lora_mapping import FluxLoRAMapping
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.metadata import PEFT_METADATA
from kilnmark.keymaps.files.safefile import read_file
from kilnmark.keymaps.names.keymap import load_keymaps
from kilnmark.keymaps.names.shapes import encoder_of, load_shapes
from kilnmark.keymaps.remap.convert import GOALS, GoalName, parse_reader, remap_adapter
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.keymaps.zoo.write import StoredAs, make_adapter, write_tensors
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit
from tests.keymaps.lines.flux1 import flux1_all_diffusers
from tests.keymaps.oracle import WRITERS, Raw, Wide, Writer, relative_error
from tests.pairs import pairs_of

BY_NAME = {exhibit.name: exhibit for exhibit in EXHIBITS}
WRITTEN: dict[GoalName, Writer] = {
    "kohya": WRITERS["kohya-in-dims"],
    "diffusers": Writer(flux1_all_diffusers, "transformer."),
    "mlx-examples": WRITERS["mlx-examples-raw"],
}
SOURCES = (
    "mlx-examples-raw",
    "kohya",
    "kohya-split-qkv",
    "ai-toolkit",
    "diffusers-alpha",
    "diffusers-down-up",
    "lora-unet-diffusers",
    "onetrainer-original",
    "comfy-bfl",
    "xlabs",
    "xlabs-single",
    "mflux-train-old",
)
BLOCKS = 11
"""Of each kind, so that numbers of two digits are among them; mflux looks for each in every key."""
KEYS, TARGETS = BLOCKS * (20 + 6), BLOCKS * (14 + 6)
OF_BLOCKS = load_shapes("dev").keys()
Products = dict[str, tuple[float, Wide, Wide]]


def products(writer: Writer, raw: Raw) -> Products:
    """Multiplier, up rows and down matrix of every target that a file names."""
    return {
        line[1]: writer.product(raw, line) for line in writer.lines() if f"{writer.name(line[0])}.{writer.up}" in raw
    }


def assert_same_updates(ours: Products, theirs: Products) -> None:
    """The second has every update of the first, and nothing but zeros besides."""
    assert ours.keys() <= theirs.keys()
    for target, (multiplier, up, down) in theirs.items():
        if target in ours:
            assert relative_error(multiplier, up, down, ours[target]) < 1e-6, target
        else:
            assert not up.any(), target


@cache
def tensors_of(name: str, rank: int) -> Raw:
    with tempfile.TemporaryDirectory() as folder:
        return load_file(write_exhibit(Path(folder) / "a.safetensors", BY_NAME[name], rank=rank, blocks=2))


def metadata_of(path: Path) -> dict[str, str]:
    with safe_open(path, framework="np") as file:
        return dict(file.metadata())


def module_of(key: str, name: str) -> str:
    writer = WRITERS[name]
    return next(key.removesuffix(f".{suffix}") for suffix in (writer.down, writer.up, "alpha") if key.endswith(suffix))


@st.composite
def cut_files(draw: st.DrawFn) -> tuple[str, Raw]:
    """Some modules of some blocks, in one of the conventions."""
    name = draw(st.sampled_from(SOURCES))
    whole = tensors_of(name, draw(st.integers(1, 3)))
    modules = sorted({module_of(key, name) for key in whole})
    chosen = draw(st.sets(st.sampled_from(modules), min_size=1, max_size=6))
    return name, {key: tensor for key, tensor in whole.items() if module_of(key, name) in chosen}


@pytest.mark.parametrize("to", GOALS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(cut=cut_files(), dtype=st.sampled_from(["F32", "F16"]))
def test_any_modules_keep_their_updates(to: GoalName, cut: tuple[str, Raw], dtype: StoredAs) -> None:
    name, tensors = cut
    with tempfile.TemporaryDirectory() as folder:
        source = write_tensors(Path(folder) / "in.safetensors", tensors, dtype=dtype)
        goal = Path(folder) / "out.safetensors"
        remapped = remap_adapter(source, goal, to)
        before, after = products(WRITERS[name], load_file(source)), products(WRITTEN[to], load_file(goal))
        assert_same_updates(before, after)
        assert (remapped.target_count, remapped.total_key_count) == (len(before), len(load_file(goal)))
        assert not read_adapter(goal, load_shapes("dev")).unmatched_keys


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_mlx_examples_comes_back_from_kohya_bit_for_bit(tmp_path: Path, dtype: StoredAs) -> None:
    source = write_exhibit(tmp_path / "a.safetensors", BY_NAME["mlx-examples-raw"], rank=3, blocks=2, dtype=dtype)
    remap_adapter(source, tmp_path / "b.safetensors", "kohya")
    remap_adapter(tmp_path / "b.safetensors", tmp_path / "c.safetensors", "mlx-examples")
    before, after = read_file(source), read_file(tmp_path / "c.safetensors")
    assert before.tensors.keys() == after.tensors.keys()
    for key, info in before.tensors.items():
        place = after.tensors[key]
        assert (info.dtype, info.shape) == (place.dtype, place.shape)
        assert (before.data[info.begin : info.end] == after.data[place.begin : place.end]).all(), key


def test_kohya_comes_back_from_diffusers_with_its_shared_downs_and_alpha(tmp_path: Path) -> None:
    source = write_exhibit(tmp_path / "a.safetensors", BY_NAME["kohya"], rank=3, blocks=1, dtype="F16")
    remap_adapter(source, tmp_path / "b.safetensors", "diffusers")
    remap_adapter(tmp_path / "b.safetensors", tmp_path / "c.safetensors", "kohya")
    before, after = load_file(source), load_file(tmp_path / "c.safetensors")
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[key], after[key]) for key in before)


@pytest.fixture(scope="module")
def long_mlx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("long") / "mlx.safetensors"
    return write_exhibit(file, BY_NAME["mlx-examples-raw"], blocks=BLOCKS)


def test_mfluxs_own_loader_applies_a_remapped_mlx_examples_file_as_it_was_trained(
    long_mlx: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    goal = tmp_path / "kohya.safetensors"
    remapped = remap_adapter(long_mlx, goal, "kohya", reader=parse_reader("mflux==0.24.0"))
    assert (remapped.total_key_count, remapped.target_count) == (KEYS, TARGETS)
    transformer = Transformer(ModelConfig.dev(), BLOCKS, BLOCKS)
    LoRALoader.load_and_apply_lora(
        lora_mapping=FluxLoRAMapping.get_mapping(),
        transformer=transformer,
        lora_paths=[str(goal)],
        lora_scales=[1.0],
        bake_lora=False,
    )
    assert f"{TARGETS} layers ({KEYS}/{KEYS} keys matched)" in capsys.readouterr().out
    expected = products(WRITERS["mlx-examples-raw"], load_file(long_mlx))
    assert len(expected) == TARGETS
    for target, (multiplier, up, down) in expected.items():
        layer = transformer
        for word in target.split("."):
            layer = layer[int(word)] if word.isdigit() else getattr(layer, word)
        their_up, their_down = (np.array(half, dtype=np.float64).T for half in (layer.lora_B, layer.lora_A))
        assert relative_error(float(layer.scale), their_up, their_down, (multiplier, up, down)) < 1e-6, target


@pytest.mark.parametrize(("module", "copies"), [("double_blocks_0_img_attn_qkv", 3), ("single_blocks_0_linear1", 4)])
def test_a_reader_that_cuts_the_down_matrix_finds_all_of_it_in_every_share(
    tmp_path: Path, module: str, copies: int
) -> None:
    source = write_exhibit(tmp_path / "a.safetensors", BY_NAME["kohya"], rank=2, blocks=1)
    remapped = remap_adapter(source, tmp_path / "b.safetensors", "kohya", reader=parse_reader("mflux==0.18.1"))
    before, after = load_file(source), load_file(tmp_path / "b.safetensors")
    shares = np.split(after[f"lora_unet_{module}.lora_down.weight"], copies)
    assert all(np.array_equal(share, before[f"lora_unet_{module}.lora_down.weight"]) for share in shares)
    assert {key for key in before if not np.array_equal(before[key], after[key])} == {
        f"lora_unet_{name}.lora_down.weight"
        for name in ("double_blocks_0_img_attn_qkv", "double_blocks_0_txt_attn_qkv", "single_blocks_0_linear1")
    }
    assert "3 modules are tiled for mflux==0.18.1" in remapped.notes[-1]


def test_a_reader_that_needs_alpha_gets_the_rank(tmp_path: Path) -> None:
    source = write_exhibit(tmp_path / "a.safetensors", BY_NAME["mlx-examples-raw"], rank=3, blocks=1)
    remap_adapter(source, tmp_path / "b.safetensors", "kohya", reader=parse_reader("mflux==0.12.1"))
    alphas = [tensor for key, tensor in load_file(tmp_path / "b.safetensors").items() if key.endswith(".alpha")]
    assert (len(alphas), {float(alpha) for alpha in alphas}) == (13, {3.0})


def test_alpha_of_the_metadata_becomes_a_tensor_and_its_metadata_goes(tmp_path: Path) -> None:
    source = make_adapter(tmp_path / "a.safetensors", "diffusers", rank=2, alpha=5.0, blocks=1)
    for to in ("kohya", "diffusers"):
        goal = tmp_path / f"{to}.safetensors"
        remapped = remap_adapter(source, goal, to)
        assert PEFT_METADATA in metadata_of(source)
        assert PEFT_METADATA not in metadata_of(goal)
        assert PEFT_METADATA in remapped.notes[-1]
        norms = {update.target: update.norm for update in read_adapter(source, load_shapes("dev")).updates}
        assert {u.target: u.norm for u in read_adapter(goal, load_shapes("dev")).updates} == pytest.approx(norms)


@pytest.mark.parametrize(
    ("alpha", "dtype", "stored", "told"),
    [
        (1.0, "BF16", "BF16", "exactly"),
        (4.0, "F16", "F16", "exactly"),
        (1.0, "F16", "F32", "wider dtype"),
        (6.0, "BF16", "F32", "wider dtype"),
        (0.7, "F32", "F32", "rounded to the nearest float32 in 13 of them"),
    ],
)
def test_alpha_is_folded_into_the_dtype_that_holds_it_and_told(
    tmp_path: Path, alpha: float, dtype: StoredAs, stored: str, told: str
) -> None:
    source = make_adapter(tmp_path / "a.safetensors", "kohya", rank=2, alpha=alpha, blocks=1, dtype=dtype)
    remapped = remap_adapter(source, tmp_path / "b.safetensors", "mlx-examples")
    tensors = read_file(remapped.path).tensors
    assert {info.dtype for key, info in tensors.items() if key.endswith("lora_b")} == {stored}
    assert {info.dtype for key, info in tensors.items() if key.endswith("lora_a")} == {dtype}
    assert told in " ".join(remapped.notes)


@pytest.mark.parametrize("to", ["diffusers", "mlx-examples"])
def test_an_alpha_of_zero_is_carried_over_as_the_rank_and_told(tmp_path: Path, to: GoalName) -> None:
    source = write_exhibit(tmp_path / "a.safetensors", BY_NAME["alpha-zero"], rank=2, blocks=1)
    remapped = remap_adapter(source, tmp_path / "b.safetensors", to)
    assert remapped.notes[0] == "the alpha of 0 of 13 modules is taken for the rank, as the trainer takes it"
    assert {update.multiplier for update in pairs_of(read_adapter(remapped.path, load_shapes("dev")))} == {1.0}


def test_alpha_beyond_float32_is_refused(tmp_path: Path) -> None:
    source = write_tensors(
        tmp_path / "a.safetensors",
        {
            "lora_unet_double_blocks_0_img_mlp_0.lora_down.weight": np.full((1, 3072), 1e-30, np.float32),
            "lora_unet_double_blocks_0_img_mlp_0.lora_up.weight": np.full((12288, 1), 1e20, np.float32),
            "lora_unet_double_blocks_0_img_mlp_0.alpha": np.array(1e25, np.float32),
        },
    )
    with pytest.raises(UnfitAdapter, match="beyond the range of float32"):
        remap_adapter(source, tmp_path / "b.safetensors", "mlx-examples")


@pytest.mark.parametrize(("rank", "folded"), [(4, False), (2, True)])
def test_rslora_becomes_an_alpha_only_where_one_says_it_exactly(tmp_path: Path, rank: int, folded: bool) -> None:
    config = {"transformer.lora_alpha": 3, "transformer.use_rslora": True}
    metadata = {PEFT_METADATA: json.dumps(config)}
    source = write_tensors(tmp_path / "a.safetensors", tensors_of("ai-toolkit", rank), metadata=metadata)
    remapped = remap_adapter(source, tmp_path / "b.safetensors", "kohya")
    after = load_file(tmp_path / "b.safetensors")
    assert any(key.endswith(".alpha") for key in after) is not folded
    assert any("folded" in note for note in remapped.notes) is folded
    factor = 3 / np.sqrt(rank)
    plain = products(WRITERS["ai-toolkit"], tensors_of("ai-toolkit", rank))
    expected = {target: (factor, up, down) for target, (_, up, down) in plain.items()}
    assert_same_updates(expected, products(WRITTEN["kohya"], after))


def test_members_with_different_alphas_share_one_module(tmp_path: Path) -> None:
    tensors = dict(tensors_of("diffusers-alpha", 2))
    for letter, alpha in zip("qkv", (2.0, 3.0, 0.3), strict=True):
        tensors[f"transformer.transformer_blocks.0.attn.to_{letter}.alpha"] = np.asarray(alpha, np.float32)
    source = write_tensors(tmp_path / "a.safetensors", tensors)
    remap_adapter(source, tmp_path / "b.safetensors", "kohya")
    after = load_file(tmp_path / "b.safetensors")
    assert_same_updates(products(WRITERS["diffusers-alpha"], tensors), products(WRITTEN["kohya"], after))
    assert "lora_unet_double_blocks_0_img_attn_qkv.alpha" not in after


def test_a_target_without_update_gets_rows_of_zeros_and_is_named(tmp_path: Path) -> None:
    tensors = {key: tensor for key, tensor in tensors_of("ai-toolkit", 2).items() if ".0.attn.to_q." in key}
    source = write_tensors(tmp_path / "a.safetensors", tensors)
    remapped = remap_adapter(source, tmp_path / "b.safetensors", "mlx-examples")
    up = load_file(tmp_path / "b.safetensors")["double_blocks.0.img_attn.qkv.lora_b"]
    assert up.shape == (2, 9216)
    assert up[:, :3072].any()
    assert not up[:, 3072:].any()
    assert any("'transformer_blocks.0.attn.to_k'" in note for note in remapped.notes)


def test_separate_layers_of_different_dtypes_are_joined_without_rounding(tmp_path: Path) -> None:
    mixed: dict[str, Any] = {key: tensor for key, tensor in tensors_of("ai-toolkit", 2).items() if "0.attn.to_" in key}
    for key in [key for key in mixed if "to_k" in key]:
        mixed[key] = mixed[key].astype(np.float16)
    save_file(mixed, tmp_path / "a.safetensors")
    remapped = remap_adapter(tmp_path / "a.safetensors", tmp_path / "b.safetensors", "kohya")
    after = load_file(tmp_path / "b.safetensors")
    assert after["lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight"].dtype == np.float32
    assert_same_updates(products(WRITERS["ai-toolkit"], mixed), products(WRITTEN["kohya"], after))
    assert any("wider dtype" in note for note in remapped.notes)


def test_the_output_layer_keeps_its_meaning_where_its_rows_change_places(tmp_path: Path) -> None:
    source = write_exhibit(tmp_path / "a.safetensors", BY_NAME["comfy-bfl-all"], blocks=1)
    remap_adapter(source, tmp_path / "b.safetensors", "diffusers")
    before, after = products(WRITERS["comfy-bfl-all"], load_file(source)), load_file(tmp_path / "b.safetensors")
    assert {"norm_out.linear", "proj_out"} <= before.keys()
    assert_same_updates(before, products(WRITTEN["diffusers"], after))


@pytest.mark.parametrize(
    ("name", "writer"),
    [("flux2-ai-toolkit", "flux2-diffusers"), ("zimage-comfy-fused", "zimage-diffusers")],
)
def test_other_models_are_converted_too(tmp_path: Path, name: str, writer: str) -> None:
    source = write_exhibit(tmp_path / "a.safetensors", BY_NAME[name], blocks=1)
    remapped = remap_adapter(source, tmp_path / "b.safetensors", "diffusers")
    assert remapped.variant == BY_NAME[name].variant
    after = products(WRITERS[writer], load_file(tmp_path / "b.safetensors"))
    assert_same_updates(products(WRITERS[name], load_file(source)), after)


def test_text_encoders_are_carried_over_too(tmp_path: Path) -> None:
    source = write_exhibit(tmp_path / "a.safetensors", BY_NAME["kohya-te1-te3"], blocks=1)
    remapped = remap_adapter(source, tmp_path / "b.safetensors", "diffusers")
    before, after = (
        {update.target: update for update in pairs_of(read_adapter(path, load_shapes("dev")))}
        for path in (source, remapped.path)
    )
    assert before.keys() == after.keys()
    for target in before:
        if encoder_of(target):
            assert relative_error(*wide(after[target]), wide(before[target])) < 1e-9, target


@pytest.mark.parametrize(
    ("exhibit", "to", "begins"),
    [
        ("qwen3-kohya-only", "diffusers", "text_encoder.model.layers."),
        ("qwen3-diffusers-only", "kohya", "lora_te_layers_"),
        ("qwen3-comfyui-only", "kohya", "lora_te_layers_"),
    ],
)
def test_a_text_encoder_alone_is_carried_over_with_every_layer_that_some_model_reads(
    tmp_path: Path, exhibit: str, to: GoalName, begins: str
) -> None:
    """Qwen3 is that of two models, of which one reads more of it."""
    every = load_file(write_exhibit(tmp_path / "a.safetensors", BY_NAME[exhibit], rank=1))
    some = {key: tensor for key, tensor in every.items() if re.search(r"layers[._](0|26|27|34|35)[._]", key)}
    source = write_tensors(tmp_path / "some.safetensors", some)
    remapped = remap_adapter(source, tmp_path / "b.safetensors", to)
    assert (remapped.variant, remapped.target_count) == ("z-image-turbo", 7 * 4)
    assert all(key.startswith(begins) for key in load_file(remapped.path))
    assert any("left out" in note and "text encoder layers that are not read" in note for note in remapped.notes)
    for variant in ("z-image-turbo", "flux2-klein-4b"):
        before, after = (
            {update.target: update for update in pairs_of(read_adapter(path, load_shapes(variant)))}
            for path in (source, remapped.path)
        )
        assert before.keys() == after.keys()
        for target in before:
            assert relative_error(*wide(after[target]), wide(before[target])) < 1e-9, target


def wide(update: PairUpdate) -> tuple[float, Wide, Wide]:
    return update.multiplier, update.up.astype(np.float64), update.down.astype(np.float64)


def test_the_stamp_says_where_the_file_comes_from_and_the_rest_is_kept(tmp_path: Path) -> None:
    own = {"ss_network_dim": "2", "ss_network_alpha": "1", "sshs_model_hash": "ab", "title": "ink", "lora_blocks": "1"}
    whole = {key: tensor for key, tensor in tensors_of("kohya", 2).items() if "blocks_0_" in key}
    source = write_tensors(tmp_path / "a.safetensors", whole, metadata=own)
    remap_adapter(source, tmp_path / "b.safetensors", "kohya", reader=parse_reader("mflux==0.15.0"))
    kept = metadata_of(tmp_path / "b.safetensors")
    stamp = {name.removeprefix("kilnmark.remap."): kept.pop(name) for name in list(kept) if "kilnmark." in name}
    assert stamp.pop("tool_version")
    assert stamp == {
        "keymap": "kohya",
        "keymap_version": str(load_keymaps()["kohya"].convention.version),
        "source_keymap": "kohya",
        "source_keymap_version": str(load_keymaps()["kohya"].convention.version),
        "source_sha256": read_file(source).sha256,
        "reader": "mflux==0.15.0",
    }
    assert kept == {name: text for name, text in own.items() if name != "sshs_model_hash"}
    folded = remap_adapter(source, tmp_path / "c.safetensors", "mlx-examples")
    assert "ss_network_alpha" not in metadata_of(Path(folded.path))


def test_metadata_without_room_for_the_stamp_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    metadata = {str(number): "" for number in range(2_000)}
    source = write_tensors(tmp_path / "a.safetensors", tensors_of("ai-toolkit", 1), metadata=metadata)
    assert read_adapter(source, load_shapes("dev")).metadata == metadata
    with pytest.raises(UnfitAdapter, match=r"no room for the stamp.*take some of the metadata out"):
        remap_adapter(source, tmp_path / "b.safetensors", "kohya")
    assert not (tmp_path / "b.safetensors").exists()


def test_captions_of_megabytes_are_left_out_and_told(tmp_path: Path) -> None:
    metadata = {"ss_tag_frequency": json.dumps({"set": "a" * (3 << 20)}), "name": "ink"}
    source = write_tensors(tmp_path / "a.safetensors", tensors_of("ai-toolkit", 1), metadata=metadata)
    remapped = remap_adapter(source, tmp_path / "b.safetensors", "kohya")
    assert any("bytes is not carried over: 'ss_tag_frequency'" in note for note in remapped.notes)
    assert metadata_of(tmp_path / "b.safetensors")["name"] == "ink"
    assert "ss_tag_frequency" not in metadata_of(tmp_path / "b.safetensors")


def test_rank_that_grew_is_not_told_by_old_metadata(tmp_path: Path) -> None:
    source = write_tensors(tmp_path / "a.safetensors", tensors_of("ai-toolkit", 2), metadata={"lora_rank": "2"})
    remapped = remap_adapter(source, tmp_path / "b.safetensors", "mlx-examples")
    assert "lora_rank" not in metadata_of(tmp_path / "b.safetensors")
    assert any("rank 6 and 8 instead of 2" in note for note in remapped.notes)


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    source = write_exhibit(tmp_path / "a.safetensors", BY_NAME["ai-toolkit"], blocks=1)
    first, second = tmp_path / "b.safetensors", tmp_path / "c.safetensors"
    remap_adapter(source, first, "kohya")
    remap_adapter(source, second, "kohya")
    assert first.read_bytes() == second.read_bytes()
    assert json.loads(first.read_bytes()[8 : 8 + int.from_bytes(first.read_bytes()[:8], "little")])


@pytest.mark.parametrize(
    ("name", "goal"),
    [
        ("zimage-trained-in-comfyui", "diffusers"),
        ("kohya-te1-untrained", "diffusers"),
        ("comfy-extracted-te-zeros", "kohya"),
    ],
)
def test_zeros_that_tools_leave_are_left_behind_and_told(tmp_path: Path, name: str, goal: GoalName) -> None:
    exhibit = BY_NAME[name]
    source = write_exhibit(tmp_path / "a.safetensors", exhibit, rank=1, blocks=1)
    if name == "comfy-extracted-te-zeros":
        bias = {"diffusion_model.double_blocks.0.img_attn.proj.diff_b": np.zeros(3072, np.float32)}
        write_tensors(source, load_file(source) | bias)
    before = read_adapter(source, load_shapes(exhibit.variant))
    result = remap_adapter(source, tmp_path / "b.safetensors", goal)
    after = read_adapter(result.path, load_shapes(exhibit.variant))
    assert any(note.startswith("zeros that change nothing are left out: ") for note in result.notes)
    assert (after.ignored_keys, after.unmatched_keys) == ({}, ())
    norms = {update.target: update.norm for update in before.updates}
    assert {update.target: update.norm for update in after.updates} == pytest.approx(norms)
