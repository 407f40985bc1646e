"""The standin of FLUX.3-klein: mflux's own classes at their true topology, with values made up on the spot.

Every linear layer of the transformer has its true shape, held as thin factors, so every real adapter fits. The VAE
decoder is mflux's own with fewer channels, the vocabulary is the bytes of a prompt. Its pictures mean nothing; they
only differ when what was asked differs.
"""

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.tokenizer.tokenizer import LanguageTokenizer
from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder
from mflux.models.flux2.model.flux2_vae.vae import Flux2VAE
from mflux.models.flux3.model.flux3_transformer.flux3_transformer import Flux3Transformer
from mflux.models.flux3.variants.txt2img.flux3_klein import Flux3Klein

from kilnmark.engine.families.flux3.parts import klein_of
from kilnmark.engine.families.made_up import MadeUp
from kilnmark.engine.families.qwen3 import byte_tokenizer

__all__ = ["RECIPE", "build_standin"]

RECIPE = "standin-flux3-1"
"""Names what is made here. Change it whenever a render of the same request would change."""

_VALUES = MadeUp(RECIPE)
_TOKENS = 4096
"""FLUX.3's limit; a prompt is padded to a multiple of 80."""
_VAE_WIDTHS = (32, 32, 64, 64)
"""Channels of the narrow decoder's stages where FLUX.3 has 128 to 512."""


def build_standin(config: ModelConfig) -> Flux3Klein:
    """Build a Flux3Klein whose `generate_image` is mflux's own. Nothing is read from disk or network.

    Args:
        config: mflux's, of the variant that it stands in for.
    """
    tokenizer = LanguageTokenizer(byte_tokenizer(), max_length=_TOKENS, use_chat_template=True)
    encoder = Qwen3TextEncoder(**config.text_encoder_overrides, vocab_size=len(tokenizer.tokenizer))
    transformer = Flux3Transformer(**config.transformer_overrides)
    vae = Flux2VAE(decoder_block_out_channels=_VAE_WIDTHS)
    klein = klein_of(config, transformer, encoder, vae, {"qwen3_vl": tokenizer})
    for name in ("transformer", "text_encoder", "vae"):
        _VALUES.fill(klein[name], name)
    return klein
