"""The standins of FLUX.2-klein: mflux's own classes at their true topology, with values made up on the spot.

Every linear layer of the transformer and the text encoder has its true shape, held as thin factors, so every real
adapter fits. The VAE is mflux's own with fewer channels, the vocabulary is the bytes of a prompt. Their
pictures mean nothing; they only differ when what was asked differs.
"""

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.tokenizer.tokenizer import LanguageTokenizer
from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder
from mflux.models.flux2.model.flux2_transformer.transformer import Flux2Transformer
from mflux.models.flux2.variants.txt2img.flux2_klein import Flux2Klein

from kilnmark.engine.families.flux2.parts import klein_of, vae_of
from kilnmark.engine.families.made_up import MadeUp
from kilnmark.engine.families.qwen3 import byte_tokenizer

__all__ = ["RECIPE", "build_standin"]

RECIPE = "standin-flux2-1"
"""Names what is made here. Change it whenever a render of the same request would change."""

_VALUES = MadeUp(RECIPE)
_TOKENS = 512
"""FLUX.2's limit. A prompt is not padded up to it, because a CPU would spend its time on padding."""
_VAE_WIDTHS = (32, 32, 64, 64)
"""Channels of the narrow VAE's stages where FLUX.2 has 128 to 512."""


def build_standin(config: ModelConfig) -> Flux2Klein:
    """Build a Flux2Klein whose `generate_image` is mflux's own. Nothing is read from disk or network.

    Args:
        config: Which of them; it has the numbers and widths of the layers.
    """
    tokenizer = _tokenizer()
    encoder = Qwen3TextEncoder(**config.text_encoder_overrides, vocab_size=len(tokenizer.tokenizer))
    klein = klein_of(
        config,
        Flux2Transformer(**config.transformer_overrides),
        encoder,
        vae_of(_VAE_WIDTHS, _VAE_WIDTHS),
        {"qwen3": tokenizer},
    )
    for name in ("transformer", "text_encoder", "vae"):
        _VALUES.fill(klein[name], name)
    return klein


def _tokenizer() -> LanguageTokenizer:
    """As mflux puts it together from its `Flux2KleinWeightDefinition`, but for the padding."""
    return LanguageTokenizer(
        byte_tokenizer(),
        max_length=_TOKENS,
        padding="longest",
        use_chat_template=True,
        chat_template_kwargs={"enable_thinking": False},
    )
