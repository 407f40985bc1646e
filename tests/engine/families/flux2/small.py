"""A FLUX.2-klein of small dimensions, whole, in a directory as mflux saves it and as diffusers does."""

from pathlib import Path

from kilnmark.engine.families.flux2.parts import klein_of, vae_of
from kilnmark.engine.families.qwen3 import byte_tokenizer
from tests.engine.arrays import PRECISION
from tests.engine.families.diffusers import write_folder

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.tokenizer.tokenizer import LanguageTokenizer
from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder
from mflux.models.flux2.model.flux2_transformer.transformer import Flux2Transformer
from mflux.models.flux2.variants.txt2img.flux2_klein import Flux2Klein
from mflux.models.flux2.weights.flux2_weight_mapping import Flux2WeightMapping

__all__ = ["TARGETS", "small_klein", "write_as_diffusers", "write_as_mflux"]

JOINT, SINGLE, LAYERS, HIDDEN = 2, 3, 28, 64
TARGETS = 12 * JOINT + 2 * SINGLE + 9
"""Linear layers of its transformer."""
VAE = (32, 32, 64, 64)


def small_klein(single: int = SINGLE, *, sees: bool = True) -> Flux2Klein:
    """Build one whose weights have about the sizes of real ones.

    Args:
        single: How many single blocks it has.
        sees: Whether it has what encodes pictures.
    """
    ModelConfig.precision = PRECISION  # as a base has it
    mx.random.seed(5)
    transformer = Flux2Transformer(
        num_layers=JOINT,
        num_single_layers=single,
        attention_head_dim=32,
        num_attention_heads=2,
        joint_attention_dim=3 * HIDDEN,
        axes_dims_rope=(8, 8, 8, 8),
    )
    tokenizer = LanguageTokenizer(
        byte_tokenizer(), max_length=512, use_chat_template=True, chat_template_kwargs={"enable_thinking": False}
    )
    encoder = Qwen3TextEncoder(
        vocab_size=len(tokenizer.tokenizer),
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=128,
        head_dim=32,
    )
    vae = vae_of(VAE, VAE if sees else None)
    klein = klein_of(ModelConfig.flux2_klein_4b(), transformer, encoder, vae, {"qwen3": tokenizer})
    vae.bn.running_mean = mx.random.normal((128,)) / 8
    vae.bn.running_var = mx.random.uniform(0.5, 1.5, (128,))
    for module in (transformer, encoder.embed_tokens, *encoder.layers, vae):
        module.apply(lambda array: array.astype(PRECISION))
    mx.eval(klein.parameters())
    return klein


def write_as_mflux(klein: Flux2Klein, path: Path) -> Path:
    """By mflux's own saving."""
    klein.save_model(str(path))
    return path


def write_as_diffusers(klein: Flux2Klein, path: Path) -> Path:
    """In diffusers' names and layouts."""
    klein.tokenizers["qwen3"].tokenizer.save_pretrained(path / "tokenizer")
    mapping = Flux2WeightMapping
    write_folder(klein.transformer, mapping.get_transformer_mapping(), path / "transformer")
    write_folder(klein.text_encoder, mapping.get_text_encoder_mapping(), path / "text_encoder")
    write_folder(klein.vae, mapping.get_vae_mapping(), path / "vae")
    return path
