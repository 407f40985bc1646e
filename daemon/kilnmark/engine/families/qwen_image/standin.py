"""The standin of Qwen-Image-2.1: mflux's own classes at their true topology, with values made up on the spot.

Every linear layer of the transformer has its true shape, held as thin factors, so every real adapter fits. The VAE
is mflux's own with fewer channels, the vocabulary is the bytes of a prompt. Its pictures mean nothing; they
only differ when what was asked differs.
"""

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.tokenizer.tokenizer import LanguageTokenizer
from mflux.models.qwen21.model.qwen21_text_encoder.qwen21_prompt_encoder import Qwen21PromptEncoder
from mflux.models.qwen21.model.qwen21_text_encoder.qwen21_text_encoder import Qwen21TextEncoder
from mflux.models.qwen21.model.qwen21_transformer.qwen21_transformer import Qwen21Transformer
from mflux.models.qwen21.variants.txt2img.qwen_image_21 import QwenImage21

from kilnmark.engine.families.made_up import MadeUp
from kilnmark.engine.families.qwen3 import byte_tokenizer
from kilnmark.engine.families.qwen_image.parts import qwen_of, vae_of_width

__all__ = ["RECIPE", "build_standin"]

RECIPE = "standin-qwen-image-2.1-1"
"""Names what is made here. Change it whenever a render of the same request would change."""

_VALUES = MadeUp(RECIPE)
_TOKENS = 2048
"""Qwen-Image-2.1's limit."""
_VAE_WIDTH = 8
"""Channels of the narrow decoder's last stage where Qwen-Image-2.1 has 144."""
_SEEING_WIDTH = 8
"""Those of the first stage of what encodes pictures, where it has 96."""


def build_standin(config: ModelConfig) -> QwenImage21:
    """Build a QwenImage21 whose `generate_image` is mflux's own. Nothing is read from disk or network.

    Args:
        config: mflux's, of the variant that it stands in for.
    """
    template = Qwen21PromptEncoder.PROMPT_TEMPLATE_T2I
    letters = byte_tokenizer()
    letters.add_tokens([Qwen21PromptEncoder.SYSTEM_PROMPT])  # as bytes they are many
    tokenizer = LanguageTokenizer(letters, max_length=_TOKENS, padding="longest", template=template)
    encoder = Qwen21TextEncoder(vocab_size=len(tokenizer.tokenizer))
    vae = vae_of_width(_VAE_WIDTH, _SEEING_WIDTH)
    qwen = qwen_of(config, Qwen21Transformer(), encoder, vae, {"qwen21": tokenizer})
    for name in ("transformer", "text_encoder", "vae"):
        _VALUES.fill(qwen[name], name)
    return qwen
