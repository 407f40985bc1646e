"""A Krea 2 of small dimensions, whole, and how diffusers saves it."""

from pathlib import Path

from kilnmark.engine.families.krea2.parts import krea_of, vae_of_widths
from kilnmark.engine.families.qwen3 import byte_tokenizer
from tests.engine.arrays import PRECISION
from tests.engine.families.diffusers import write_folder
from tests.engine.families.small import Small

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.tokenizer.tokenizer import LanguageTokenizer
from mflux.models.krea2.model.krea2_text_encoder.text_encoder import KREA2_TEMPLATE, Krea2TextEncoder
from mflux.models.krea2.model.krea2_transformer.transformer import Krea2Transformer
from mflux.models.krea2.variants.txt2img.krea2 import Krea2
from mflux.models.krea2.weights.krea2_weight_mapping import Krea2WeightMapping
from mlx.utils import tree_flatten

__all__ = ["SMALL", "small_krea", "write_as_diffusers"]

LAYERS, HIDDEN = 3, 64


def small_krea(*, guided: bool = False, sees: bool = True) -> Krea2:
    """Build one whose weights have about the sizes of real ones.

    Args:
        guided: Of Raw; the same weights.
        sees: Whether it has what encodes pictures.
    """
    ModelConfig.precision = PRECISION  # as a base has it
    mx.random.seed(5)
    transformer = Krea2Transformer(
        features=128, txtdim=HIDDEN, heads=4, kvheads=2, layers=LAYERS, txtheads=2, txtkvheads=2
    )
    tokenizer = LanguageTokenizer(byte_tokenizer(), max_length=1024, padding="longest", template=KREA2_TEMPLATE)
    encoder = Krea2TextEncoder(
        vocab_size=len(tokenizer.tokenizer),
        hidden_size=HIDDEN,
        num_hidden_layers=36,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=128,
        head_dim=32,
    )
    vae = vae_of_widths((64, 64, 32, 32), (16, 32, 64, 64) if sees else None)
    config = ModelConfig.krea2_raw() if guided else ModelConfig.krea2()
    krea = krea_of(config, transformer, encoder, vae, {"qwen3vl": tokenizer})
    for block in transformer.blocks:
        block.mod.lin = mx.random.normal(block.mod.lin.shape) / 8
    for module in (
        encoder.embed_tokens,
        *encoder.layers,
        encoder.norm,
    ):  # as mflux reads it from diffusers' directories
        module.apply(lambda array: array.astype(mx.bfloat16))
    for module in (transformer, encoder.embed_tokens, *encoder.layers, vae):
        module.apply(lambda array: array.astype(PRECISION))
    mx.eval(krea.parameters())
    return krea


def write_as_diffusers(krea: Krea2, path: Path) -> Path:
    """In diffusers' names and layouts."""
    krea.tokenizers["qwen3vl"].tokenizer.save_pretrained(path / "tokenizer")
    mapping = Krea2WeightMapping
    write_folder(krea.transformer, mapping.get_transformer_mapping_diffusers(), path / "transformer")
    write_folder(krea.vae, mapping.get_vae_mapping(), path / "vae")
    (path / "text_encoder").mkdir()
    held: dict[str, mx.array] = {}
    tree_flatten(krea.text_encoder.parameters(), destination=held)
    named = {f"model.language_model.{name}": array for name, array in held.items() if "inv_freq" not in name}
    mx.save_safetensors(str(path / "text_encoder" / "model.safetensors"), named, {"format": "pt"})
    return path


SMALL = Small(
    variant="krea-2",
    guided="krea-2-raw",
    made=lambda guided: small_krea(guided=guided),
    as_diffusers=write_as_diffusers,
    targets=8 * LAYERS + 8 * 4 + 8,
    around=8,
    layer="blocks.0.attn.wq",
    lacking=(
        ("transformer", "blocks.1.attn.gate.weight"),
        ("text_encoder", "layers.3.mlp.up_proj.weight"),
        ("vae", "decoder.conv_out.conv3d.bias"),
        ("vae", "encoder.down_blocks.1.resnets.0.skip_conv.conv3d.bias"),
    ),
    places={"transformer": ""},
    blind=lambda: small_krea(sees=False),
)
