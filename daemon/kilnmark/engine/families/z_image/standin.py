"""The standin of Z-Image-Turbo: mflux's own classes at their true topology, with values made up on the spot.

Every linear layer of the transformer and the text encoder has its true shape, held as thin factors, so every real
adapter fits. The VAE decoder is mflux's own with fewer channels, the vocabulary is the bytes of a prompt. Its pictures
mean nothing; they only differ when what was asked differs.
"""

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.tokenizer.tokenizer import LanguageTokenizer
from mflux.models.z_image.model.z_image_text_encoder.text_encoder import TextEncoder
from mflux.models.z_image.model.z_image_transformer.transformer import ZImageTransformer
from mflux.models.z_image.variants.z_image import ZImage

from kilnmark.engine.families.made_up import MadeUp
from kilnmark.engine.families.qwen3 import byte_tokenizer
from kilnmark.engine.families.z_image.parts import vae_of_widths, z_image_of

__all__ = ["RECIPE", "build_standin"]

RECIPE = "standin-z-image-1"
"""Names what is made here. Change it whenever a render of the same request would change."""

_VALUES = MadeUp(RECIPE)
_TOKENS = 512
"""Z-Image's limit. A prompt is not padded up to it, because a CPU would spend its time on padding."""
_VAE_WIDTHS = (32, 32, 64, 64)
"""Channels of the narrow decoder's stages where Z-Image has 128 to 512."""


def build_standin(config: ModelConfig) -> ZImage:
    """Build a ZImage whose `generate_image` is mflux's own. Nothing is read from disk or network.

    Args:
        config: mflux's, of the variant that it stands in for.
    """
    tokenizer = _tokenizer()
    encoder = TextEncoder(vocab_size=len(tokenizer.tokenizer))
    vae = vae_of_widths(_VAE_WIDTHS, _VAE_WIDTHS)
    image = z_image_of(config, ZImageTransformer(), encoder, vae, {"z_image": tokenizer})
    for name in ("transformer", "text_encoder", "vae"):
        _VALUES.fill(image[name], name)
    return image


def _tokenizer() -> LanguageTokenizer:
    """As mflux puts it together from its `ZImageWeightDefinition`, but for the padding."""
    return LanguageTokenizer(
        byte_tokenizer(),
        max_length=_TOKENS,
        padding="longest",
        use_chat_template=True,
        chat_template_kwargs={"enable_thinking": True},
    )
