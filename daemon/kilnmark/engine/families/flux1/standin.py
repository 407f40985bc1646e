"""The `standin` base: mflux's own FLUX.1-dev classes at their true topology, with values made up on the spot.

Every linear layer of the transformer and the text encoders has its true shape, held as thin factors, so every real
FLUX.1 adapter fits and a CPU renders in seconds. The VAE is mflux's own at an eighth of its width, the
vocabularies are the bytes of a prompt. Its pictures mean nothing; they only differ when what was asked differs.
"""

from typing import Any

from mflux.callbacks.callback_registry import CallbackRegistry
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.tokenizer.tokenizer import LanguageTokenizer
from mflux.models.flux.model.flux_text_encoder.clip_encoder.clip_encoder import CLIPEncoder
from mflux.models.flux.model.flux_text_encoder.t5_encoder.t5_encoder import T5Encoder
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mflux.models.flux.model.flux_vae.common.resnet_block_2d import ResnetBlock2D
from mflux.models.flux.model.flux_vae.common.unet_mid_block import UnetMidBlock
from mflux.models.flux.model.flux_vae.decoder.decoder import Decoder
from mflux.models.flux.model.flux_vae.decoder.up_sampler import UpSampler
from mflux.models.flux.model.flux_vae.encoder.down_sampler import DownSampler
from mflux.models.flux.model.flux_vae.encoder.encoder import Encoder
from mflux.models.flux.model.flux_vae.vae import VAE
from mflux.models.flux.variants.kontext.flux_kontext import Flux1Kontext
from mflux.models.flux.variants.txt2img.flux import Flux1
from mlx import nn

from kilnmark.engine.families.flux1.letters import clip_letters, t5_letters
from kilnmark.engine.families.flux1.quick import quicken
from kilnmark.engine.families.made_up import MadeUp

__all__ = ["RECIPE", "build_standin", "class_of"]

RECIPE = "standin-3"
"""Names what is made here. Change it whenever a render of the same request would change."""

_VALUES = MadeUp("standin-2")
"""Drawn as before where something else of the recipe changes."""

CLIP_TOKENS = 77
T5_TOKENS = 512
"""FLUX.1-dev's limit. A prompt is not padded up to it, because a CPU would spend its time on padding."""
VAE_WIDTH = 64
"""Channels of the narrow VAE where FLUX has 512; its narrower stages shrink with it, to 32 at the least."""

_WIDTHS = VAE_WIDTH, max(32, VAE_WIDTH // 2), 32
"""Where FLUX has 512, 256 and 128."""


def class_of(config: ModelConfig) -> Any:
    """The class of mflux that paints with a configuration of it."""
    return Flux1Kontext if config is ModelConfig.dev_kontext() else Flux1


def build_standin(config: ModelConfig | None = None) -> Flux1 | Flux1Kontext:
    """Build one whose `generate_image` is mflux's own. Nothing is read from disk or network.

    Values depend only on a layer's path and on the recipe, so two builds are bit-identical on one back end.

    Args:
        config: Which; None means dev's. All have the same layers and values, so that the same adapters fit.
    """
    config = config or ModelConfig.dev()
    made_of = class_of(config)
    flux: Flux1 | Flux1Kontext = made_of.__new__(made_of)
    nn.Module.__init__(flux)
    flux.prompt_cache = {}
    flux.model_config = config
    flux.callbacks = CallbackRegistry()
    flux.tiling_config = None
    flux.tokenizers = {
        "clip": LanguageTokenizer(clip_letters(), max_length=CLIP_TOKENS),
        "t5": LanguageTokenizer(t5_letters(), max_length=T5_TOKENS, padding="longest"),
    }
    flux.vae = _narrow_vae()
    flux.transformer = Transformer(model_config=flux.model_config)
    flux.t5_text_encoder = T5Encoder()
    flux.clip_text_encoder = CLIPEncoder()
    quicken(flux)
    flux.bits = None
    flux.lora_paths, flux.lora_scales = [], []
    vocabulary = len(flux.tokenizers["t5"].tokenizer)
    flux.t5_text_encoder.shared = nn.Embedding(vocabulary, 4096)
    flux.clip_text_encoder.text_model.embeddings.token_embedding = nn.Embedding(
        len(flux.tokenizers["clip"].tokenizer), 768
    )
    for name in ("transformer", "t5_text_encoder", "clip_text_encoder"):
        _VALUES.fill(flux[name], name)
    for name in ("decoder", "encoder"):
        _VALUES.fill(flux.vae[name], f"vae.{name}")
    return flux


def _narrow_vae() -> VAE:
    """A VAE of mflux with its channels divided; what it does to pictures and latents is its own code unchanged."""
    vae = VAE()
    _narrow_decoder(vae.decoder)
    _narrow_encoder(vae.encoder)
    return vae


def _narrow_decoder(decoder: Decoder) -> None:
    wide, middle, narrow = _WIDTHS
    decoder.conv_in.conv2d = nn.Conv2d(16, wide, 3, padding=1)
    _narrow_middle(decoder.mid_block)
    widths = [(wide, wide), (wide, wide), (wide, middle), (middle, narrow)]
    for block, (into, out) in zip(decoder.up_blocks, widths, strict=True):
        shortcut = block.resnets[0].is_conv_shortcut
        block.resnets = [_resnet(into, out, shortcut=shortcut), _resnet(out, out), _resnet(out, out)]
        if "upsamplers" in block:
            block.upsamplers = [UpSampler(conv_in=out, conv_out=out)]
    decoder.conv_norm_out.norm = nn.GroupNorm(32, narrow, eps=1e-6, pytorch_compatible=True)
    decoder.conv_out.conv2d = nn.Conv2d(narrow, 3, 3, padding=1)


def _narrow_encoder(encoder: Encoder) -> None:
    wide, middle, narrow = _WIDTHS
    encoder.conv_in.conv2d = nn.Conv2d(3, narrow, 3, padding=1)
    widths = [(narrow, narrow), (narrow, middle), (middle, wide), (wide, wide)]
    for block, (into, out) in zip(encoder.down_blocks, widths, strict=True):
        block.resnets = [_resnet(into, out, shortcut=block.resnets[0].is_conv_shortcut), _resnet(out, out)]
        if "downsamplers" in block:
            block.downsamplers = [DownSampler(conv_in=out, conv_out=out)]
    _narrow_middle(encoder.mid_block)
    encoder.conv_norm_out.norm = nn.GroupNorm(32, wide, eps=1e-6, pytorch_compatible=True)
    encoder.conv_out.conv2d = nn.Conv2d(wide, 32, 3, padding=1)


def _narrow_middle(block: UnetMidBlock) -> None:
    attention = block.attentions[0]
    attention.group_norm = nn.GroupNorm(32, VAE_WIDTH, pytorch_compatible=True)
    attention.to_q, attention.to_k, attention.to_v = (nn.Linear(VAE_WIDTH, VAE_WIDTH) for _ in range(3))
    attention.to_out = [nn.Linear(VAE_WIDTH, VAE_WIDTH)]
    block.resnets = [_resnet(VAE_WIDTH, VAE_WIDTH) for _ in range(2)]


def _resnet(into: int, out: int, *, shortcut: bool = False) -> ResnetBlock2D:
    return ResnetBlock2D(
        norm1=into,
        conv1_in=into,
        conv1_out=out,
        norm2=out,
        conv2_in=out,
        conv2_out=out,
        conv_shortcut_in=into,
        conv_shortcut_out=out,
        is_conv_shortcut=shortcut,
    )
