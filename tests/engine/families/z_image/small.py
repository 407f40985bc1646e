"""A Z-Image of small dimensions, whole, in a directory as mflux saves it and as diffusers does."""

from pathlib import Path

from kilnmark.engine.families.qwen3 import byte_tokenizer
from kilnmark.engine.families.z_image.parts import vae_of_widths, z_image_of
from tests.engine.arrays import PRECISION
from tests.engine.families.diffusers import write_folder

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.tokenizer.tokenizer import LanguageTokenizer
from mflux.models.z_image.model.z_image_text_encoder.text_encoder import TextEncoder
from mflux.models.z_image.model.z_image_transformer.transformer import ZImageTransformer
from mflux.models.z_image.variants.z_image import ZImage
from mflux.models.z_image.weights.z_image_weight_mapping import ZImageWeightMapping

__all__ = ["TARGETS", "small_z_image", "write_as_diffusers", "write_as_mflux"]

LAYERS, REFINERS = 3, 2
TARGETS = 8 * LAYERS + 15 * REFINERS + 6
"""Linear layers of its transformer."""
VAE = (32, 32, 64, 64)


def small_z_image(config: ModelConfig, *, sees: bool = True) -> ZImage:
    """Build one whose weights have about the sizes of real ones.

    Args:
        config: Of mflux, by which it is guided or not.
        sees: Whether it has what encodes pictures.
    """
    ModelConfig.precision = PRECISION  # as a base has it
    mx.random.seed(5)
    transformer = ZImageTransformer(
        dim=192, n_layers=LAYERS, n_refiner_layers=REFINERS, n_heads=6, cap_feat_dim=64, axes_dims=[8, 12, 12]
    )
    tokenizer = LanguageTokenizer(
        byte_tokenizer(), max_length=512, use_chat_template=True, chat_template_kwargs={"enable_thinking": True}
    )
    encoder = TextEncoder(
        vocab_size=len(tokenizer.tokenizer),
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=128,
        head_dim=32,
    )
    vae = vae_of_widths(VAE, VAE if sees else None)
    image = z_image_of(config, transformer, encoder, vae, {"z_image": tokenizer})
    transformer.x_pad_token, transformer.cap_pad_token = (mx.random.normal((1, 192)) / 8 for _ in range(2))
    for module in (transformer, encoder.embed_tokens, *encoder.layers, vae):
        module.apply(lambda array: array.astype(PRECISION))
    mx.eval(image.parameters())
    return image


def write_as_mflux(image: ZImage, path: Path) -> Path:
    """By mflux's own saving."""
    image.save_model(str(path))
    return path


def write_as_diffusers(image: ZImage, path: Path) -> Path:
    """In diffusers' names and layouts."""
    image.tokenizers["z_image"].tokenizer.save_pretrained(path / "tokenizer")
    mapping = ZImageWeightMapping
    write_folder(image.transformer, mapping.get_transformer_mapping(), path / "transformer")
    write_folder(image.text_encoder, mapping.get_text_encoder_mapping(), path / "text_encoder")
    write_folder(image.vae, mapping.get_vae_mapping(), path / "vae")
    return path
