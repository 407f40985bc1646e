"""A Qwen-Image-2.1 of small dimensions, whole, and how diffusers saves it."""

from pathlib import Path

from kilnmark.engine.families.qwen3 import byte_tokenizer
from kilnmark.engine.families.qwen_image.parts import qwen_of, vae_of_width
from tests.engine.arrays import PRECISION
from tests.engine.families.diffusers import write_folder
from tests.engine.families.small import Small

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.tokenizer.tokenizer import LanguageTokenizer
from mflux.models.qwen21.model.qwen21_text_encoder.qwen21_prompt_encoder import Qwen21PromptEncoder
from mflux.models.qwen21.model.qwen21_text_encoder.qwen21_text_encoder import Qwen21TextEncoder
from mflux.models.qwen21.model.qwen21_transformer.qwen21_transformer import Qwen21Transformer
from mflux.models.qwen21.variants.txt2img.qwen_image_21 import QwenImage21
from mflux.models.qwen21.weights.qwen21_weight_mapping import Qwen21WeightMapping
from mlx.utils import tree_flatten

__all__ = ["SMALL", "small_qwen", "write_as_diffusers"]

LAYERS, READ, HIDDEN = 32, 36, 64
"""As many as are published: mflux reads no other from diffusers' directories."""


def small_qwen(*, sees: bool = True) -> QwenImage21:
    """Build one whose weights have about the sizes of real ones.

    Args:
        sees: Whether it has what encodes pictures.
    """
    ModelConfig.precision = PRECISION  # as a base has it
    mx.random.seed(5)
    transformer = Qwen21Transformer(
        num_layers=LAYERS,
        attention_head_dim=32,
        num_attention_heads=2,
        context_in_dim=HIDDEN,
        axes_dims_rope=(4, 14, 14),
    )
    template = Qwen21PromptEncoder.PROMPT_TEMPLATE_T2I
    letters = byte_tokenizer()
    letters.add_tokens([Qwen21PromptEncoder.SYSTEM_PROMPT])
    tokenizer = LanguageTokenizer(letters, max_length=2048, padding="longest", template=template)
    encoder = Qwen21TextEncoder(
        vocab_size=len(tokenizer.tokenizer),
        hidden_size=HIDDEN,
        num_hidden_layers=READ,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=128,
        head_dim=32,
        mrope_section=[6, 5, 5],
    )
    vae = vae_of_width(8, 8 if sees else None)
    qwen = qwen_of(ModelConfig.qwen_image_21(), transformer, encoder, vae, {"qwen21": tokenizer})
    read = (encoder.embed_tokens, *encoder.layers, encoder.norm)
    for module in read:
        module.apply(lambda array: array.astype(mx.bfloat16))  # as mflux reads it from diffusers' directories
    for module in (transformer, *read, vae):
        module.apply(lambda array: array.astype(PRECISION))
    mx.eval(qwen.parameters())
    return qwen


def write_as_diffusers(qwen: QwenImage21, path: Path) -> Path:
    """In diffusers' names and layouts."""
    qwen.tokenizers["qwen21"].tokenizer.save_pretrained(path / "processor")
    mapping = Qwen21WeightMapping
    write_folder(qwen.transformer, mapping.get_transformer_mapping(), path / "transformer")
    write_folder(qwen.vae, mapping.get_vae_mapping(), path / "vae")
    (path / "text_encoder").mkdir()
    held: dict[str, mx.array] = {}
    tree_flatten(qwen.text_encoder.parameters(), destination=held)
    named = {f"model.language_model.{name}": array for name, array in held.items() if "inv_freq" not in name}
    mx.save_safetensors(str(path / "text_encoder" / "model.safetensors"), named, {"format": "pt"})
    return path


SMALL = Small(
    variant="qwen-image-2.1",
    guided="qwen-image-2.1",
    made=lambda _: small_qwen(),
    as_diffusers=write_as_diffusers,
    targets=7 * LAYERS + 8,
    around=8,
    layer="transformer_blocks.0.attn.to_q",
    lacking=(
        ("transformer", "transformer_blocks.1.img_mlp.gate_layer.weight"),
        ("text_encoder", "norm.weight"),
        ("vae", "decoder.conv_out.bias"),
        ("vae", "encoder.down_blocks.1.resnets.0.conv_shortcut.bias"),
    ),
    blind=lambda: small_qwen(sees=False),
    beside=9216 * 2 * 16 * 8,
)
