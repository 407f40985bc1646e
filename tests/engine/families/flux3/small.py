"""A FLUX.3-klein of small dimensions, whole, and how diffusers saves it."""

from pathlib import Path

from kilnmark.engine.families.flux3.parts import klein_of
from kilnmark.engine.families.qwen3 import byte_tokenizer
from tests.engine.arrays import PRECISION
from tests.engine.families.diffusers import write_folder
from tests.engine.families.small import Small

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.tokenizer.tokenizer import LanguageTokenizer
from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder
from mflux.models.flux2.model.flux2_vae.vae import Flux2VAE
from mflux.models.flux3.model.flux3_transformer.flux3_transformer import Flux3Transformer
from mflux.models.flux3.variants.txt2img.flux3_klein import Flux3Klein
from mflux.models.flux3.weights.flux3_weight_mapping import Flux3WeightMapping
from mlx import nn
from mlx.utils import tree_flatten

__all__ = ["SMALL", "small_klein", "write_as_diffusers"]

EARLY, SINGLE, HIDDEN = 2, 3, 64


def small_klein(*, guided: bool = False) -> Flux3Klein:
    """Build one whose weights have about the sizes of real ones, its VAE's encoder left out.

    Args:
        guided: Of the variant that was not distilled.
    """
    ModelConfig.precision = PRECISION  # as a base has it
    mx.random.seed(5)
    config = ModelConfig.flux3_image_klein_base() if guided else ModelConfig.flux3_image_klein()
    transformer = Flux3Transformer(
        num_layers=EARLY,
        num_single_layers=SINGLE,
        attention_head_dim=32,
        num_attention_heads=2,
        joint_attention_dim=8 * HIDDEN,
        axes_dims_rope=(8, 8, 8, 8),
        **config.transformer_overrides,
    )
    tokenizer = LanguageTokenizer(byte_tokenizer(), max_length=4096, use_chat_template=True)
    encoder = Qwen3TextEncoder(
        vocab_size=len(tokenizer.tokenizer),
        hidden_size=HIDDEN,
        num_hidden_layers=32,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=128,
        head_dim=32,
        rope_theta=5_000_000.0,
    )
    vae = Flux2VAE(decoder_block_out_channels=(32, 32, 64, 64))
    vae.encoder = nn.Module()
    klein = klein_of(config, transformer, encoder, vae, {"qwen3_vl": tokenizer})
    vae.bn.running_mean = mx.random.normal((128,)) / 8
    vae.bn.running_var = mx.random.uniform(0.5, 1.5, (128,))
    for module in (transformer, encoder.embed_tokens, *encoder.layers, vae):
        module.apply(lambda array: array.astype(PRECISION))
    mx.eval(klein.parameters())
    return klein


def write_as_diffusers(klein: Flux3Klein, path: Path) -> Path:
    """In diffusers' names and layouts."""
    mapping = Flux3WeightMapping
    write_folder(klein.transformer, mapping.get_transformer_mapping(), path / "transformer")
    write_folder(klein.vae, mapping.get_vae_mapping(), path / "vae")
    klein.tokenizers["qwen3_vl"].tokenizer.save_pretrained(path / "text_encoder")
    held: dict[str, mx.array] = {}
    tree_flatten(klein.text_encoder.parameters(), destination=held)
    named = {f"model.language_model.{name}": array for name, array in held.items() if "inv_freq" not in name}
    mx.save_safetensors(str(path / "text_encoder" / "model.safetensors"), named, {"format": "pt"})
    return path


SMALL = Small(
    variant="flux3-klein",
    guided="flux3-klein-base",
    made=lambda guided: small_klein(guided=guided),
    as_diffusers=write_as_diffusers,
    targets=6 * (3 * EARLY + SINGLE) + 15,
    around=15,
    layer="single_transformer_blocks.0.attn.to_q",
    lacking=(
        ("transformer", "mode_blocks.image.1.attn.to_q.weight"),
        ("text_encoder", "layers.3.mlp.up_proj.weight"),
        ("vae", "bn.running_var"),
    ),
    apart=True,
)
