"""Files for another model: refused, with the model that they look made for."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import write_tensors

DEV = load_shapes("dev")

KLEIN_KOHYA = {"lora_unet_single_blocks_0_linear1": (27648, 3072), "lora_unet_double_blocks_0_img_mlp_2": (3072, 9216)}
KLEIN_DIFFUSERS = {
    "transformer.transformer_blocks.0.attn.to_q": (3072, 3072),
    "transformer.transformer_blocks.0.ff.linear_in": (18432, 3072),
    "transformer.single_transformer_blocks.0.attn.to_out": (3072, 12288),
}
Z_IMAGE = {"diffusion_model.layers.0.attention.to_q": (3840, 3840)}
DEV_DIFFUSERS = {
    "transformer.transformer_blocks.0.ff.net.2": (3072, 12288),
    "transformer.single_transformer_blocks.37.proj_out": (3072, 15360),
}
NOWHERE = {"lora_unet_single_blocks_0_linear1": (12345, 3072)}


def write(folder: Path, modules: dict[str, tuple[int, int]], suffixes: Iterable[str]) -> Path:
    down, up = suffixes
    tensors = {f"{name}.{down}": np.ones((1, columns), np.float32) for name, (_, columns) in modules.items()}
    tensors |= {f"{name}.{up}": np.ones((rows, 1), np.float32) for name, (rows, _) in modules.items()}
    return write_tensors(folder / "a.safetensors", tensors)


KOHYA = ("lora_down.weight", "lora_up.weight")
PEFT = ("lora_A.weight", "lora_B.weight")


@pytest.mark.parametrize(
    ("modules", "suffixes", "variant", "words"),
    [
        (KLEIN_KOHYA, KOHYA, "dev", "looks made for flux2-klein-4b; use it with that variant"),
        (KLEIN_DIFFUSERS, PEFT, "dev", "names a layer .* 4 of 6 keys; it looks made for flux2-klein-4b"),
        (Z_IMAGE, PEFT, "dev", "looks made for z-image-turbo"),
        (Z_IMAGE, PEFT, "flux2-klein-4b", "looks made for z-image-turbo"),
        (DEV_DIFFUSERS, PEFT, "flux2-klein-4b", "looks made for dev or schnell; use it with one of these variants"),
    ],
)
def test_the_model_that_a_file_fits_is_named(
    tmp_path: Path, modules: dict[str, tuple[int, int]], suffixes: tuple[str, str], variant: str, words: str
) -> None:
    with pytest.raises(UnfitAdapter, match=words) as caught:
        read_adapter(write(tmp_path, modules, suffixes), load_shapes(variant))
    assert caught.value.key is not None


def test_no_model_is_named_where_none_fits(tmp_path: Path) -> None:
    with pytest.raises(UnfitAdapter, match="12345 rows") as caught:
        read_adapter(write(tmp_path, NOWHERE, KOHYA), DEV)
    assert "looks made" not in caught.value.mend


def test_a_few_layers_of_another_variant_are_unmatched_and_the_rest_is_applied(tmp_path: Path) -> None:
    modules = DEV_DIFFUSERS | {"transformer.time_text_embed.guidance_embedder.linear_2": (3072, 3072)}
    adapter = read_adapter(write(tmp_path, modules, PEFT), load_shapes("schnell"))
    assert (adapter.target_count, len(adapter.unmatched_keys)) == (2, 2)
    assert adapter.elsewhere == "it looks made for dev; use it with that variant"


def test_names_that_another_model_explains_wholly_are_told_of_it_and_not_likened_to_this_one(tmp_path: Path) -> None:
    klein = {
        "diffusion_model.sformer_blocks.0.ff.linear_in": (18432, 3072),
        "diffusion_model.sformer_blocks.0.attn.to_q": (3072, 3072),
    }
    adapter = read_adapter(write(tmp_path, klein, PEFT), DEV)
    assert adapter.unmatched_keys != ()
    assert adapter.elsewhere == "it looks made for flux2-klein-4b; use it with that variant"
    assert adapter.nearest is None


def test_names_that_no_model_explains_are_likened_to_this_one(tmp_path: Path) -> None:
    modules = DEV_DIFFUSERS | {"transformer.velvet_blocks.0.attn.to_q": (3072, 3072)}
    adapter = read_adapter(write(tmp_path, modules, PEFT), DEV)
    assert (adapter.elsewhere, adapter.nearest is None) == ("", False)


def test_an_unknown_block_is_no_other_model(tmp_path: Path) -> None:
    modules = {"transformer.transformer_blocks.99.attn.to_q": (3072, 3072)}
    assert len(read_adapter(write(tmp_path, modules, PEFT), DEV).unmatched_keys) == 2


@pytest.mark.parametrize("kind", ["lokr_t2", "hada_t1", "b_norm"])
def test_an_update_of_another_kind_is_refused_whole_and_named(tmp_path: Path, kind: str) -> None:
    name = "transformer.transformer_blocks.0.ff.net.2"
    tensors = {
        f"{name}.lora_A.weight": np.ones((1, 12288), np.float32),
        f"{name}.lora_B.weight": np.ones((3072, 1), np.float32),
        f"{name}.{kind}": np.ones((3072, 1), np.float32),
    }
    with pytest.raises(
        UnfitAdapter, match=r"is part of a (Tucker LoKr|Tucker LoHa|norm bias) update.*cannot be applied"
    ) as caught:
        read_adapter(write_tensors(tmp_path / "a.safetensors", tensors), DEV)
    assert caught.value.key == f"{name}.{kind}"
    assert "plain LoRA" in caught.value.mend
