"""The shipped shapes, held to mflux's own classes."""

import pytest

from kilnmark.keymaps.names.shapes import (
    block_count,
    encoder_of,
    encoders,
    is_norm,
    load_shapes,
    painters,
    shape_names,
    unread_layers,
)
from kilnmark.protocol.picture.catalog import VARIANTS


def test_dev_has_494_linear_layers_and_152_norms_in_blocks_and_ten_layers_around_them() -> None:
    shapes = load_shapes("dev")
    own = {path: shape for path, shape in shapes.items() if not encoder_of(path)}
    linear = [path for path, shape in own.items() if not is_norm(shape)]
    assert (len(own), len(linear)) == (656, 504)
    assert sum("blocks." in path for path in linear) == 494
    assert shapes["transformer_blocks.18.attn.norm_added_k"] == (128, 1)
    assert shapes["transformer_blocks.0.attn.to_out.0"] == (3072, 3072)
    assert shapes["single_transformer_blocks.37.proj_out"] == (3072, 15360)


def test_schnell_is_dev_without_the_guidance_embedder() -> None:
    dev, schnell = load_shapes("dev"), load_shapes("schnell")
    assert {path for path in dev if path not in schnell} == {
        f"time_text_embed.guidance_embedder.linear_{number}" for number in (1, 2)
    }
    assert all(dev[path] == shape for path, shape in schnell.items())


@pytest.mark.parametrize("name", ["krea-dev", "standin"])
def test_variants_built_like_dev_share_its_shapes(name: str) -> None:
    assert load_shapes(name) == load_shapes("dev")


def test_the_models_that_paint_differ_from_each_other() -> None:
    assert len({frozenset(load_shapes(name).items()) for name in painters()}) == len(painters())


def test_layers_of_a_list_that_do_not_count_from_zero_keep_their_place() -> None:
    shapes = load_shapes("z-image-turbo")
    assert shapes["cap_embedder.1"] == (3840, 2560)
    assert "cap_embedder.2" not in shapes


def test_z_image_has_six_norms_a_block_and_one_before_its_captions() -> None:
    norms = {path: shape for path, shape in load_shapes("z-image-turbo").items() if is_norm(shape)}
    assert len(norms) == 6 * (30 + 2 + 2) + 1
    assert norms["cap_embedder.0"] == (2560, 1)
    assert norms["context_refiner.1.ffn_norm2"] == norms["layers.29.attention_norm1"] == (3840, 1)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'devv'; known are dev, krea-dev"):
        load_shapes("devv")


def test_shapes_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        load_shapes("dev")["x_embedder"] = (1, 1)  # type: ignore[index]


def test_blocks_are_counted_by_the_layer_that_a_pattern_names() -> None:
    assert block_count(load_shapes("dev"), "transformer_blocks.{block}.ff.linear1") == 19
    assert block_count(load_shapes("dev"), "single_transformer_blocks.{block}.proj_mlp") == 38
    assert block_count(load_shapes("dev"), "nothing.{block}") == 0


@pytest.mark.parametrize("name", ["dev", "krea-dev", "standin", "schnell"])
def test_a_variant_of_flux1_has_both_text_encoders(name: str) -> None:
    shapes = load_shapes(name)
    for encoder in ("clip_text_encoder", "t5_text_encoder"):
        (its_shapes,) = encoders()[encoder]
        found = {path.removeprefix(f"{encoder}."): shapes[path] for path in shapes if encoder_of(path) == encoder}
        assert found == load_shapes(its_shapes)
    assert {encoder_of(path) for path in shapes} == {"", "clip_text_encoder", "t5_text_encoder"}


@pytest.mark.parametrize(
    ("name", "its_shapes", "read"),
    [
        ("flux2-klein-4b", "qwen3_4b", 27),
        ("flux2-klein-base-9b", "qwen3_8b", 27),
        ("standin:flux2-klein-9b", "qwen3_8b", 27),
        ("z-image-turbo", "qwen3_4b", 35),
        ("z-image", "qwen3_4b", 35),
    ],
)
def test_other_variants_have_of_qwen3_the_layers_that_they_read(name: str, its_shapes: str, read: int) -> None:
    whole = load_shapes(its_shapes)
    assert len(whole) == 7 * 36
    found = {path: shape for path, shape in load_shapes(name).items() if encoder_of(path)}
    assert {encoder_of(path) for path in found} == {"qwen3_text_encoder"}
    assert found == {
        f"qwen3_text_encoder.{path}": shape for path, shape in whole.items() if int(path.split(".")[1]) < read
    }


def test_unread_layers_are_told_from_those_that_no_model_has() -> None:
    assert "qwen3_text_encoder.layers.35.mlp.up_proj" in unread_layers()
    assert "qwen3_text_encoder.layers.36.mlp.up_proj" not in unread_layers()
    assert "clip_text_encoder.text_model.encoder.layers.11.mlp.fc1" not in unread_layers()


@pytest.mark.parametrize("name", shape_names())
def test_the_shipped_shapes_are_those_of_mflux(name: str) -> None:
    from mflux.models.common.config import ModelConfig
    from mflux.models.flux.model.flux_text_encoder.clip_encoder.clip_encoder import CLIPEncoder
    from mflux.models.flux.model.flux_text_encoder.t5_encoder.t5_encoder import T5Encoder
    from mflux.models.flux.model.flux_transformer.transformer import Transformer
    from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder
    from mflux.models.flux2.model.flux2_transformer.transformer import Flux2Transformer
    from mflux.models.flux3.model.flux3_transformer.flux3_transformer import Flux3Transformer
    from mflux.models.krea2.model.krea2_transformer.transformer import Krea2Transformer
    from mflux.models.qwen21.model.qwen21_transformer.qwen21_transformer import Qwen21Transformer
    from mflux.models.z_image.model.z_image_transformer.transformer import ZImageTransformer
    from mlx import nn

    from scripts.mini.model.parts import encoder, transformer
    from scripts.mini.sizes import EncoderSize, TransformerSize

    layers = VARIANTS[name].shapes if name in VARIANTS and VARIANTS[name].family != "flux1" else name
    build = {
        "schnell": lambda: Transformer(ModelConfig.schnell()),
        "krea-dev": lambda: Transformer(ModelConfig.krea_dev()),
        "flux2-klein-4b": lambda: Flux2Transformer(**ModelConfig.flux2_klein_4b().transformer_overrides),
        "flux2-klein-9b": lambda: Flux2Transformer(**ModelConfig.flux2_klein_9b().transformer_overrides),
        "z-image-turbo": ZImageTransformer,
        "krea-2": Krea2Transformer,
        "flux3-klein": Flux3Transformer,
        "flux3-klein-base": lambda: Flux3Transformer(**ModelConfig.flux3_image_klein_base().transformer_overrides),
        "qwen-image-2.1": Qwen21Transformer,
        "clip_l": CLIPEncoder,
        "t5_xxl": T5Encoder,
        "qwen3_4b": lambda: Qwen3TextEncoder(**ModelConfig.flux2_klein_4b().text_encoder_overrides),
        "mini": lambda: transformer(TransformerSize()),
        "qwen3_mini": lambda: encoder(EncoderSize()),
        "qwen3_8b": lambda: Qwen3TextEncoder(**ModelConfig.flux2_klein_9b().text_encoder_overrides),
    }.get(layers, lambda: Transformer(ModelConfig.dev()))
    modules = list(build().named_modules())
    linear = {path: m.weight.shape for path, m in modules if isinstance(m, nn.Linear)}
    norms = {path: (*m.weight.shape, 1) for path, m in modules if isinstance(m, nn.RMSNorm)}
    own = {path: shape for path, shape in load_shapes(name).items() if not encoder_of(path)}
    assert own == linear | norms
