"""How wide and deep a Qwen-Image-2.1 is, told from the headers of its directory: no configuration file is needed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.qwen3 import qwen3_sizes
from kilnmark.engine.families.saved import sees_pictures
from kilnmark.engine.families.stored import StoredShapes
from kilnmark.keymaps.files.weights import Weights

__all__ = ["QwenSizes", "sizes_of"]

_ROTATED = 32
"""A head is a multiple of this: an eighth tells the place in the prompt, seven sixteenths each the row and column."""


@dataclass(frozen=True, slots=True)
class QwenSizes:
    """What mflux's classes are built with.

    Attributes:
        transformer, text_encoder: Arguments of `Qwen21Transformer` and `Qwen21TextEncoder`.
        decoder: Channels of its last stage, as `vae_of_width` takes them.
        encoder: Channels of the first stage of what encodes pictures; None where the directory has none.
    """

    transformer: Mapping[str, Any]
    text_encoder: Mapping[str, Any]
    decoder: int
    encoder: int | None


def sizes_of(weights: Weights) -> QwenSizes:
    """Read them.

    Raises:
        BaseUnavailable: A tensor that tells one is missing, blocks are, or heads are of a width that cannot be rotated.
    """
    transformer, encoder, vae = (StoredShapes(weights, folder) for folder in ("transformer", "text_encoder", "vae"))
    reader = qwen3_sizes(encoder)
    return QwenSizes(
        transformer=_of_transformer(transformer, reader["hidden_size"]),
        text_encoder={**reader, "mrope_section": _turned(reader["head_dim"])},
        decoder=vae.rows("decoder.up_blocks.4.resnets.0.conv1.weight"),
        encoder=vae.rows("encoder.down_blocks.0.resnets.0.conv1.weight") if sees_pictures(weights) else None,
    )


def _of_transformer(shapes: StoredShapes, read: int) -> dict[str, Any]:
    width, head = shapes.rows("img_in.weight"), shapes.rows("transformer_blocks.0.attn.norm_q.weight")
    if head % _ROTATED:
        raise BaseUnavailable(f"{shapes.path} has heads of {head} numbers; only multiples of {_ROTATED} are read")
    places = 7 * head // 16
    return {
        "num_layers": shapes.count("transformer_blocks."),
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "context_in_dim": read,
        "mlp_ratio": shapes.rows("transformer_blocks.0.img_mlp.proj.weight") // width,
        "axes_dims_rope": (head // 8, places, places),
    }


def _turned(head: int) -> list[int]:
    """How many pairs of a head's numbers time, rows and columns turn; text turns all alike. Qwen3-VL: 24, 20, 20."""
    each = 5 * head // 32
    return [head // 2 - 2 * each, each, each]
