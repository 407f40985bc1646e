"""The standin of Krea 2: mflux's own classes at their true topology, with values made up on the spot.

Every linear layer of the transformer has its true shape, held as thin factors, so every real adapter fits. The VAE
is mflux's own with fewer channels, the vocabulary is the bytes of a prompt. Its pictures mean nothing; they
only differ when what was asked differs.
"""

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.tokenizer.tokenizer import LanguageTokenizer
from mflux.models.krea2.model.krea2_text_encoder.text_encoder import Krea2TextEncoder
from mflux.models.krea2.model.krea2_transformer.transformer import Krea2Transformer
from mflux.models.krea2.variants.txt2img.krea2 import Krea2

from kilnmark.engine.families.krea2.parts import READ_LAYERS, krea_of, vae_of_widths
from kilnmark.engine.families.made_up import MadeUp
from kilnmark.engine.families.qwen3 import byte_tokenizer

__all__ = ["RECIPE", "build_standin"]

RECIPE = "standin-krea-2-1"
"""Names what is made here. Change it whenever a render of the same request would change."""

_VALUES = MadeUp(RECIPE)
_TOKENS = 1024
"""Krea 2's limit."""
_TEMPLATE = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
"""Without the words that mflux puts before a prompt and takes off again when it is encoded: as bytes they are many."""
_VAE_WIDTHS = (64, 64, 32, 32)
"""Channels of the narrow decoder's stages where Krea 2 has 384 to 96."""
_SEEING_WIDTHS = (16, 32, 64, 64)
"""Those of what encodes pictures, where it has 96 to 384."""


def build_standin(config: ModelConfig) -> Krea2:
    """Build a Krea2 whose `generate_image` is mflux's own. Nothing is read from disk or network.

    Args:
        config: mflux's, of the variant that it stands in for.
    """
    tokenizer = LanguageTokenizer(byte_tokenizer(), max_length=_TOKENS, padding="longest", template=_TEMPLATE)
    encoder = Krea2TextEncoder(vocab_size=len(tokenizer.tokenizer), num_hidden_layers=READ_LAYERS)
    vae = vae_of_widths(_VAE_WIDTHS, _SEEING_WIDTHS)
    krea = krea_of(config, Krea2Transformer(), encoder, vae, {"qwen3vl": tokenizer})
    for name in ("transformer", "text_encoder", "vae"):
        _VALUES.fill(krea[name], name)
    return krea
