"""How wide and deep a Z-Image is, told from the headers of its directory."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kilnmark.engine.families.library.sizes import decoder_widths, stage_widths
from kilnmark.engine.families.qwen3 import qwen3_sizes
from kilnmark.engine.families.saved import sees_pictures
from kilnmark.engine.families.stored import StoredShapes
from kilnmark.keymaps.files.weights import Weights

__all__ = ["ZImageSizes", "sizes_of"]

_AXES = (2, 3, 3)
"""Eighths of a head that time, rows and columns turn: 32, 48 and 48 of 128."""


@dataclass(frozen=True, slots=True)
class ZImageSizes:
    """What mflux's classes are built with.

    Attributes:
        transformer, text_encoder: Arguments of `ZImageTransformer` and `TextEncoder`.
        decoder: Channels of its stages, as `vae_of_widths` takes them.
        encoder: Channels of the stages of what encodes pictures; None where the directory has none.
    """

    transformer: Mapping[str, Any]
    text_encoder: Mapping[str, Any]
    decoder: tuple[int, ...]
    encoder: tuple[int, ...] | None


def sizes_of(weights: Weights) -> ZImageSizes:
    """Read them.

    Raises:
        BaseUnavailable: A tensor that tells one is missing, or blocks are.
    """
    transformer, encoder, vae = (StoredShapes(weights, folder) for folder in ("transformer", "text_encoder", "vae"))
    width, head = transformer.rows("all_x_embedder.2-1.weight"), transformer.rows("layers.0.attention.norm_q.weight")
    return ZImageSizes(
        transformer={
            "dim": width,
            "n_layers": transformer.count("layers."),
            "n_refiner_layers": transformer.count("noise_refiner."),
            "n_heads": width // head,
            "cap_feat_dim": transformer.rows("cap_embedder.0.weight"),
            "axes_dims": [head * part // sum(_AXES) for part in _AXES],
        },
        text_encoder=qwen3_sizes(encoder),
        decoder=decoder_widths(vae),
        encoder=stage_widths(vae, "encoder.down_blocks.") if sees_pictures(weights) else None,
    )
