"""What a convention or a reader has no words for is refused by the names of its layers, and nothing is written."""

from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.remap.convert import GoalName, parse_reader, remap_adapter
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit

BY_NAME = {exhibit.name: exhibit for exhibit in EXHIBITS}


@pytest.mark.parametrize(
    ("name", "to", "named"),
    [
        ("kohya-in-dims", "mlx-examples", "lora_unet_img_in.lora_up.weight"),
        ("comfy-bfl-all", "kohya", "diffusion_model.final_layer.linear.lora_up.weight"),
        ("zimage-diffusers", "mlx-examples", "transformer.layers.0.attention.to_q.lora_B.weight"),
        ("kohya-te1", "mlx-examples", "lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_up.weight"),
        ("half-unknown", "kohya", "transformer.velvet_blocks.0.attn.to_k.lora_A.weight"),
        ("mlx-examples-remapped-tiled", "mlx-examples", "lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight"),
        (
            "kohya-dora",
            "mlx-examples",
            "has pairs of matrices alone, and 13 of its modules are more (dora)",
        ),
        ("ai-toolkit-lokr", "kohya", "have to share a tensor that they do not share: 'transformer_blocks.0.attn.to_q'"),
        (
            "bfl-control",
            "kohya",
            "has no such tensors, and 4 of its modules are more (norm): 'double_blocks.0.img",
        ),
        (
            "bfl-control",
            "mlx-examples",
            "has no module for 4 of its layers: 'double_blocks.0.img_attn.norm",
        ),
        (
            "comfy-extracted",
            "kohya",
            "has no module for 1 of its layers: 'diffusion_model.final_layer.linear.diff'",
        ),
        ("copied-in-part", "kohya", "keep one of the two copies"),
        ("said-twice", "kohya", "names the same matrix as"),
        ("of-other-rank", "kohya", "has rank 4"),
        ("not-a-number", "kohya", "transformer.transformer_blocks.0.attn.to_q.lora_A.weight"),
        ("missing-half", "kohya", "transformer.transformer_blocks.0.attn.to_q.lora_A.weight"),
    ],
)
def test_what_cannot_be_carried_over_is_named_and_nothing_is_written(
    tmp_path: Path, name: str, to: GoalName, named: str
) -> None:
    source = write_exhibit(tmp_path / "a.safetensors", BY_NAME[name], blocks=1)
    with pytest.raises(UnfitAdapter) as raised:
        remap_adapter(source, tmp_path / "b.safetensors", to)
    assert named in str(raised.value)
    assert list(tmp_path.iterdir()) == [source]


def test_a_reader_without_text_encoders_is_not_given_any(tmp_path: Path) -> None:
    source = write_exhibit(tmp_path / "a.safetensors", BY_NAME["kohya-te1"], blocks=1)
    with pytest.raises(UnfitAdapter, match=r"kohya as mflux==0\.24\.0 reads it has no module for 6 of its layers"):
        remap_adapter(source, tmp_path / "b.safetensors", "kohya", reader=parse_reader("mflux==0.24.0"))


def test_mlx_examples_are_of_flux1_alone_also_where_layers_of_another_model_have_its_names(tmp_path: Path) -> None:
    whole = write_exhibit(tmp_path / "whole.safetensors", BY_NAME["flux2-kohya"], blocks=1)
    tensors = {name: numbers for name, numbers in load_file(whole).items() if "double_blocks_0_img_attn_qkv" in name}
    source = tmp_path / "a.safetensors"
    save_file(tensors, source, metadata={"modelspec.architecture": "Flux.2-klein-4b/lora"})
    assert remap_adapter(source, tmp_path / "b.safetensors", "diffusers").variant == "flux2-klein-4b"
    with pytest.raises(UnfitAdapter, match="no module for 1 of its layers: 'lora_unet_double_blocks_0_img_attn_qkv"):
        remap_adapter(source, tmp_path / "c.safetensors", "mlx-examples")


def test_a_reader_without_embedders_is_not_given_any(tmp_path: Path) -> None:
    source = write_exhibit(tmp_path / "a.safetensors", BY_NAME["kohya-in-dims"], blocks=1)
    with pytest.raises(UnfitAdapter, match=r"kohya as mflux==0\.24\.0 reads it has no module for 8 of its layers"):
        remap_adapter(source, tmp_path / "b.safetensors", "kohya", reader=parse_reader("mflux==0.24.0"))


def test_a_reader_of_a_model_that_the_table_does_not_cover_is_refused(tmp_path: Path) -> None:
    source = write_exhibit(tmp_path / "a.safetensors", BY_NAME["flux2-kohya"], blocks=1)
    with pytest.raises(UnfitAdapter, match="flux2-klein-4b"):
        remap_adapter(source, tmp_path / "b.safetensors", "kohya", reader=parse_reader("mflux==0.24.0"))


@pytest.mark.parametrize("to", ["diffusers", "mlx-examples"])
def test_a_reader_is_about_kohya_names(tmp_path: Path, to: GoalName) -> None:
    with pytest.raises(ValueError, match="kohya names"):
        remap_adapter("a.safetensors", tmp_path / "b", to, reader=parse_reader("mflux==0.15.0"))
