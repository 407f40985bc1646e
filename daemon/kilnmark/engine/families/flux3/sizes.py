"""How wide and deep a FLUX.3-klein is, told from the headers of its directory: no configuration file is needed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mflux.models.flux3.model.flux3_text_encoder.prompt_encoder import Flux3PromptEncoder

from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.flux3.parts import READ_LAYERS
from kilnmark.engine.families.library.sizes import decoder_widths
from kilnmark.engine.families.qwen3 import qwen3_sizes
from kilnmark.engine.families.stored import StoredShapes
from kilnmark.keymaps.files.weights import Weights

__all__ = ["Flux3Sizes", "sizes_of"]

_AXES = 4
"""Time, row, column and the place in the prompt, each with as much of a head."""
_THETA = 5_000_000.0
"""Of the rotary embedding of Qwen3-VL."""


@dataclass(frozen=True, slots=True)
class Flux3Sizes:
    """What mflux's classes are built with.

    Attributes:
        transformer, text_encoder: Arguments of `Flux3Transformer` and `Qwen3TextEncoder`.
        vae: Channels of the decoder's stages, as `Flux2VAE` takes them.
    """

    transformer: Mapping[str, Any]
    text_encoder: Mapping[str, Any]
    vae: tuple[int, ...]


def sizes_of(weights: Weights) -> Flux3Sizes:
    """Read them.

    Raises:
        BaseUnavailable: A tensor that tells one is missing, or blocks are.
    """
    transformer, encoder, vae = (StoredShapes(weights, folder) for folder in ("transformer", "text_encoder", "vae"))
    if (layers := encoder.count("layers.")) < READ_LAYERS:
        raise BaseUnavailable(
            f"{encoder.path} has {layers} layers and FLUX.3 reads the output of layer {READ_LAYERS}; "
            "give a whole directory"
        )
    reader = {**qwen3_sizes(encoder), "num_hidden_layers": READ_LAYERS, "rope_theta": _THETA}
    width = transformer.rows("x_embedders.image.weight")
    head = transformer.rows("single_transformer_blocks.0.attn.norm_q.weight")
    return Flux3Sizes(
        transformer={
            "in_channels": transformer.rows("proj_out.weight"),
            "cond_in_channels": transformer.rows("proj_out.weight"),
            "num_layers": transformer.count("txt_mode_blocks."),
            "num_single_layers": transformer.count("single_transformer_blocks."),
            "attention_head_dim": head,
            "num_attention_heads": width // head,
            "joint_attention_dim": len(Flux3PromptEncoder.OUTPUT_LAYERS) * reader["hidden_size"],
            "mlp_ratio": transformer.rows("txt_mode_blocks.0.ff.linear_in.weight") / 2 / width,
            "axes_dims_rope": (head // _AXES,) * _AXES,
            "flow_map": any(name.startswith("target_timestep_embedder.") for name in weights.names("transformer")),
        },
        text_encoder=reader,
        vae=decoder_widths(vae),
    )
