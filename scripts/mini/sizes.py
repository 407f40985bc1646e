"""How large every part is. The numbers are the constructor arguments of mflux's classes, and stand in the directory."""

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["ACTIVE", "LATENTS", "PATCH", "SHOWN", "TOKEN", "EncoderSize", "Sizes", "TransformerSize", "VaeSize"]

LATENTS = 32
"""Channels of a latent."""
PATCH = 8
"""Pixels along one side of a latent."""
TOKEN = 4 * LATENTS
"""Numbers of an image token: two by two latents."""
ACTIVE = 16
"""Channels of a latent that carry the picture; the others are nothing to the decoder. A transformer so narrow could not
hand on the noise of all 32, as it must to say which way leads from it."""
SHOWN = 4 * ACTIVE
"""Numbers of an image token that carry the picture; they are its first."""


@dataclass(frozen=True, slots=True)
class TransformerSize:
    """Arguments of mflux's `Flux2Transformer`.

    Text tokens have no rotation of their own (the last axis has width 0): their order is the encoder's to know, so that
    one padding token is like another.
    """

    num_layers: int = 1
    num_single_layers: int = 6
    attention_head_dim: int = 32
    num_attention_heads: int = 5
    joint_attention_dim: int = 144
    mlp_ratio: float = 2.0
    axes_dims_rope: tuple[int, ...] = (4, 14, 14, 0)


@dataclass(frozen=True, slots=True)
class EncoderSize:
    """Arguments of mflux's `Qwen3TextEncoder`. The prompt is read after layers 9, 18 and 27, so there are as many."""

    vocab_size: int = 800
    hidden_size: int = 48
    num_hidden_layers: int = 27
    num_attention_heads: int = 3
    num_key_value_heads: int = 1
    intermediate_size: int = 64
    head_dim: int = 16


@dataclass(frozen=True, slots=True)
class VaeSize:
    """Arguments of mflux's `Flux2Encoder` and `Flux2Decoder`.

    One group and a large `eps` make their norms gentle: a sky without a cloud keeps its colour, which a norm over two
    or three channels would take away.
    """

    block_out_channels: tuple[int, ...] = (16, 32, 48, 64)
    layers_per_block: int = 1
    norm_num_groups: int = 1
    eps: float = 1.0
    mid_block_add_attention: bool = False


@dataclass(frozen=True, slots=True)
class Sizes:
    """All of them, and how many tokens a prompt may have before padding."""

    transformer: TransformerSize = field(default_factory=TransformerSize)
    encoder: EncoderSize = field(default_factory=EncoderSize)
    vae: VaeSize = field(default_factory=VaeSize)

    def documents(self) -> dict[str, dict[str, Any]]:
        """What stands in each folder's `config.json`."""
        return {"transformer": asdict(self.transformer), "text_encoder": asdict(self.encoder), "vae": asdict(self.vae)}
