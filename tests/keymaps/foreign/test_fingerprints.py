"""Files for models elsewhere are told by names and one number besides, and what fits a model here is never accused."""

import re
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.documents import parse_document
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.header import TensorInfo
from kilnmark.keymaps.files.safefile import read_header
from kilnmark.keymaps.foreign.fingerprints import _Fingerprint, _known, foreign_of, unapplied_of
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.exhibits.strangers import STRANGERS
from kilnmark.keymaps.zoo.strangers import load_strangers
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit

MODELS: Mapping[str, str] = {
    "sd15-kohya": "Stable Diffusion 1.5",
    "sdxl-kohya": "SDXL",
    "sdxl-with-its-text-encoder": "SDXL",
    "sdxl-diffusers": "SDXL",
    "sd3-medium-diffusers": "Stable Diffusion 3 or 3.5 Medium",
    "sd35-large-kohya": "Stable Diffusion 3.5 Large",
    "wan-14b-comfyui": "Wan 2.1 or 2.2 (14B)",
    "wan-1b-diffusers": "Wan 2.1 (1.3B)",
    "qwen-image-attention": "Qwen-Image",
    "qwen-image-kohya": "Qwen-Image",
    "hunyuan-video": "HunyuanVideo",
    "hunyuan-video-diffusers": "HunyuanVideo",
    "ltx-video": "LTX-Video or LTX-2",
    "chroma-with-its-guidance": "Chroma",
    "flux2-dev-bfl": "FLUX.2-dev",
    "auraflow": "AuraFlow",
    "pixart": "PixArt",
    "lumina2-on-zimage": "Lumina 2",
    "cosmos-predict2": "Cosmos Predict 2, or Anima",
    "hidream": "HiDream",
    "sd15-attention-of-itself": "Stable Diffusion 1.5, 2 or XL",
    "sd15-below-processors": "Stable Diffusion 1.5",
    "sd2-kohya": "Stable Diffusion 2",
    "wan-5b": "Wan 2.2 (5B)",
    "mochi": "Mochi",
    "cogvideox-5b": "CogVideoX",
    "cosmos-diffusers": "Cosmos in diffusers' names",
    "hunyuan-image": "HunyuanImage 2.1",
    "hunyuan-video-15": "HunyuanVideo 1.5",
    "omnigen2": "OmniGen 2",
    "kandinsky5": "Kandinsky 5",
    "hidream-experts": "HiDream",
    "control-with-a-widened-input": "a FLUX.1 control model, as for Canny or Depth",
}

KINDS: Mapping[str, str] = {
    "control-with-its-new-shape": "control adapter",
    "glora": "GLoRA",
    "ia3": "(IA)3",
    "vera": "VeRA",
    "svdquant": "SVDQuant",
    "svdquant-of-today": "SVDQuant",
    "fourierft": "FourierFT",
    "hra": "HRA",
    "textual-inversion": "textual inversions",
    "textual-inversion-of-onetrainer": "textual inversions",
    "merged-checkpoint": "whole model",
    "controlnet": "ControlNet",
    "ip-adapter": "IP-Adapter",
}


def pairs(pattern: str, rows: int, columns: int, blocks: int = 1) -> dict[str, TensorInfo]:
    """What a header says of pairs of rank 1."""
    found = {}
    for block in range(blocks):
        name = pattern.replace("{block}", str(block))
        found[f"{name}.lora_A.weight"] = TensorInfo("F32", (1, columns), 0, 0)
        found[f"{name}.lora_B.weight"] = TensorInfo("F32", (rows, 1), 0, 0)
    return found


@pytest.mark.parametrize("name", MODELS)
def test_a_file_is_told_for_the_model_that_it_is_for(name: str, tmp_path: Path) -> None:
    (exhibit,) = (exhibit for exhibit in STRANGERS if exhibit.name == name)
    found = foreign_of(read_header(write_exhibit(tmp_path / "a.safetensors", exhibit)).tensors)
    assert found is not None
    assert found.title == MODELS[name]
    assert "names such as" in found.told
    assert ";" in found.told, "one thing besides the first name at least"


def test_every_stranger_is_a_model_or_a_kind() -> None:
    assert MODELS.keys() | KINDS.keys() == load_strangers().keys()


@pytest.mark.parametrize("name", KINDS)
def test_a_file_of_another_kind_is_called_what_it_is(name: str, tmp_path: Path) -> None:
    (exhibit,) = (exhibit for exhibit in STRANGERS if exhibit.name == name)
    keys = list(read_header(write_exhibit(tmp_path / "a.safetensors", exhibit)).tensors)
    found = unapplied_of(keys, len(keys))
    assert found is not None
    assert KINDS[name] in found.what


def test_attention_of_the_first_blocks_fits_wholly_and_cannot_be_accused(tmp_path: Path) -> None:
    tensors = {
        name: np.full(info.shape, 0.1, np.float32)
        for name, info in pairs("transformer.transformer_blocks.{block}.attn.to_q", 3072, 3072, 5).items()
    }
    save_file(tensors, tmp_path / "a.safetensors")
    assert read_adapter(tmp_path / "a.safetensors", load_shapes("dev")).target_count == 5


def test_a_widened_input_beside_what_klein_has_too_may_be_either() -> None:
    layers = pairs("transformer.transformer_blocks.{block}.attn.to_q", 3072, 3072, 5)
    tensors = pairs("transformer.x_embedder", 3072, 128) | layers
    assert foreign_of(tensors) is None
    found = foreign_of(tensors | {"transformer.x_embedder.lora_B.bias": TensorInfo("F32", (3072,), 0, 0)})
    assert found is not None
    assert "FLUX.1 control" in found.title


@pytest.mark.parametrize("name", ["kohya", "comfy-bfl-all", "flux2-all-linear", "flux2-all", "zimage-all"])
def test_a_file_for_a_model_here_looks_made_for_no_other(name: str, tmp_path: Path) -> None:
    (exhibit,) = (exhibit for exhibit in EXHIBITS if exhibit.name == name)
    tensors = read_header(write_exhibit(tmp_path / "a.safetensors", exhibit, rank=1, dtype="F16")).tensors
    assert foreign_of(tensors) is None
    assert unapplied_of(list(tensors), len(tensors)) is None
    for alike in _of_one_layer(tensors):
        assert foreign_of(alike) is None, f"{next(iter(alike))} and what is called like it"


def _of_one_layer(tensors: Mapping[str, TensorInfo]) -> list[dict[str, TensorInfo]]:
    """What a file would have that trains one layer of each block, for every such layer."""
    parts: dict[str, dict[str, TensorInfo]] = {}
    for key, info in tensors.items():
        module = re.sub(r"\.(lora_\w+|alpha)(\.weight)?$", "", key)
        parts.setdefault(re.sub(r"\d+", "0", module), {})[key] = info
    return list(parts.values())


def test_what_diffusers_calls_alike_is_parted_by_blocks_and_prefixes() -> None:
    wan = "transformer.blocks.{block}.attn1.to_q"
    assert _title(pairs(wan, 3072, 3072, 30)) == "Wan 2.2 (5B)"
    assert _title(pairs(f"transformer.transformer_{wan.removeprefix('transformer.')}", 3072, 3072, 30)) == "CogVideoX"
    assert _title(pairs("transformer_blocks.{block}.attn1.to_q", 3072, 3072, 42)) == "CogVideoX"
    assert _title(pairs("transformer.blocks.{block}.attn1.to_q", 5120, 5120, 41)) == ""


def test_the_first_blocks_of_flux2_are_not_those_of_krea() -> None:
    assert _title(pairs("transformer.transformer_blocks.{block}.attn.to_q", 6144, 6144, 8)) == "FLUX.2-dev"


@pytest.mark.parametrize(
    "name",
    ["diffusion_model.single_blocks.{block}.linear2", "transformer.single_transformer_blocks.{block}.attn.to_out"],
)
def test_what_klein_gives_back_is_no_strangers(name: str) -> None:
    """Both are known here, and told by their layers."""
    assert _title(pairs(name, 3072, 12288, 20)) == _title(pairs(name, 4096, 16384, 24)) == ""


def _title(tensors: Mapping[str, TensorInfo]) -> str:
    found = foreign_of(tensors)
    return found.title if found else ""


def test_names_alone_tell_nothing() -> None:
    assert foreign_of(pairs("transformer.transformer_blocks.{block}.attn.to_q", 1000, 1000, 60)) is None
    assert foreign_of(pairs("diffusion_model.blocks.{block}.self_attn.q", 1000, 1000, 40)) is None
    with pytest.raises(ValueError, match="names alone tell nothing"):
        parse_document(_Fingerprint, "{title: a thing, source: a place, names: 'a'}")


def test_more_blocks_than_a_model_has_are_not_its_own() -> None:
    assert foreign_of(pairs("transformer.transformer_blocks.{block}.attn.to_q", 3072, 3072, 61)) is None


def test_a_width_that_no_layer_has_speaks_against_a_model() -> None:
    tensors = pairs("transformer.transformer_blocks.{block}.attn.to_q", 3072, 3072, 60)
    assert foreign_of(tensors | pairs("transformer.transformer_blocks.0.attn.to_k", 3072, 3000)) is None


def test_a_file_of_text_encoders_alone_is_nobodys() -> None:
    assert foreign_of(pairs("lora_te1_text_model_encoder_layers_{block}_mlp_fc1", 3072, 768, 12)) is None


def test_a_guess_about_thousands_of_long_names_takes_no_second() -> None:
    name = "_".join(["blocks_1_attn1_to_q_down_up_layers_0"] * 30)
    tensors = {f"{name}_{number}": TensorInfo("F32", (1, 3072), 0, 0) for number in range(8_000)}
    begin = time.process_time()
    foreign_of(tensors)
    unapplied_of(list(tensors), 8_000)
    assert time.process_time() - begin < 1.5


def test_a_kind_that_asks_for_most_keys_is_not_told_by_a_few() -> None:
    few = [f"double_blocks.{number}.img_attn.proj.weight" for number in range(3)]
    assert unapplied_of(few, 10) is None
    assert unapplied_of(few, 5) is not None


def test_every_kind_has_a_mend_and_every_model_a_title_of_its_own() -> None:
    titles = [model.title for model in _known().models]
    assert len(set(titles)) == len(titles)
    assert all(kind.mend for kind in _known().kinds)


def test_layers_that_happen_to_fit_are_not_changed_by_a_foreign_file(tmp_path: Path) -> None:
    (exhibit,) = (exhibit for exhibit in STRANGERS if exhibit.name == "qwen-image-attention")
    path = write_exhibit(tmp_path / "a.safetensors", exhibit)
    with pytest.raises(UnfitAdapter, match=r"made for Qwen-Image.*use it with the model that it was trained for"):
        read_adapter(path, load_shapes("dev"))
