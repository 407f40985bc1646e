"""How wide and deep a FLUX.2-klein is, told from the headers of its directory: no configuration file is needed.

Directories that mflux saved have none; those of diffusers have other names for some layers, and no other shapes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.flux2.parts import READ_LAYERS
from kilnmark.engine.families.library.sizes import decoder_widths, stage_widths
from kilnmark.engine.families.qwen3 import qwen3_sizes
from kilnmark.engine.families.saved import sees_pictures
from kilnmark.engine.families.stored import StoredShapes
from kilnmark.keymaps.files.weights import Weights

__all__ = ["KleinSizes", "sizes_of"]


@dataclass(frozen=True, slots=True)
class KleinSizes:
    """What mflux's classes are built with.

    Attributes:
        transformer, text_encoder: Arguments of `Flux2Transformer` and `Qwen3TextEncoder`.
        decoder: Channels of its stages, as `Flux2VAE` takes them.
        encoder: Channels of the stages of what encodes pictures; None where the directory has none.
    """

    transformer: Mapping[str, Any]
    text_encoder: Mapping[str, Any]
    decoder: tuple[int, ...]
    encoder: tuple[int, ...] | None


def sizes_of(weights: Weights) -> KleinSizes:
    """Read them.

    Raises:
        BaseUnavailable: A tensor that tells one is missing, or blocks are.
    """
    transformer, encoder, vae = (StoredShapes(weights, folder) for folder in ("transformer", "text_encoder", "vae"))
    if (layers := encoder.count("layers.")) < READ_LAYERS[-1]:
        raise BaseUnavailable(
            f"{encoder.path} has {layers} layers and FLUX.2 reads the output of layer {READ_LAYERS[-1]}; "
            "give a whole directory"
        )
    reader = qwen3_sizes(encoder)
    return KleinSizes(
        transformer=_of_transformer(transformer, len(READ_LAYERS) * reader["hidden_size"]),
        text_encoder=reader,
        decoder=decoder_widths(vae),
        encoder=stage_widths(vae, "encoder.down_blocks.") if sees_pictures(weights) else None,
    )


def _of_transformer(shapes: StoredShapes, read: int) -> dict[str, Any]:
    width, head = shapes.rows("x_embedder.weight"), shapes.rows("transformer_blocks.0.attn.norm_q.weight")
    axes = 4  # time, row, column, and the place in the prompt, each with as much of a head
    return {
        "num_layers": shapes.count("transformer_blocks."),
        "num_single_layers": shapes.count("single_transformer_blocks."),
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "joint_attention_dim": read,
        "mlp_ratio": shapes.rows("transformer_blocks.0.ff.linear_in.weight") / 2 / width,
        "axes_dims_rope": (head // axes,) * axes,
        "in_channels": shapes.rows("proj_out.weight"),
    }
