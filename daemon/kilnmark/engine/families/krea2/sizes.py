"""How wide and deep a Krea 2 is, told from the headers of its directory: no configuration file is needed.

Its transformer goes by two sets of names, those that it was published in, which mflux has too, and diffusers'.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.krea2.parts import READ_LAYERS
from kilnmark.engine.families.qwen3 import qwen3_sizes
from kilnmark.engine.families.saved import sees_pictures
from kilnmark.engine.families.stored import StoredShapes
from kilnmark.keymaps.files.weights import Weights

__all__ = ["KreaSizes", "sizes_of"]

_PATCH = 2
_STAGES = 4
_MLP_STEP = 128
"""Columns within are a multiple of this."""


@dataclass(frozen=True, slots=True)
class KreaSizes:
    """What mflux's classes are built with.

    Attributes:
        transformer, text_encoder: Arguments of `Krea2Transformer` and `Krea2TextEncoder`.
        decoder: Channels of its stages, as `vae_of_widths` takes them.
        encoder: Channels of the stages of what encodes pictures; None where the directory has none.
    """

    transformer: Mapping[str, Any]
    text_encoder: Mapping[str, Any]
    decoder: tuple[int, ...]
    encoder: tuple[int, ...] | None


def sizes_of(weights: Weights) -> KreaSizes:
    """Read them.

    Raises:
        BaseUnavailable: A tensor that tells one is missing, or blocks are.
    """
    transformer, encoder, vae = (StoredShapes(weights, folder) for folder in ("transformer", "text_encoder", "vae"))
    if (layers := encoder.count("layers.")) < READ_LAYERS:
        raise BaseUnavailable(
            f"{encoder.path} has {layers} layers and Krea 2 reads the output of layer {READ_LAYERS}; "
            "give a whole directory"
        )
    reader = qwen3_sizes(encoder)
    return KreaSizes(
        transformer=_of_transformer(transformer, reader["hidden_size"]),
        text_encoder=reader,
        decoder=tuple(_decoder_stage(vae, stage) for stage in range(_STAGES)),
        encoder=tuple(_encoder_stage(vae, stage) for stage in range(_STAGES)) if sees_pictures(weights) else None,
    )


def _of_transformer(shapes: StoredShapes, read: int) -> dict[str, Any]:
    width = shapes.rows("first.weight", "img_in.weight")
    head = shapes.rows("blocks.0.attn.qknorm.qnorm.scale", "transformer_blocks.0.attn.norm_q.weight")
    fused, theirs = "txtfusion.refiner_blocks.0.attn", "text_fusion.refiner_blocks.0.attn"
    text_head = shapes.rows(f"{fused}.qknorm.qnorm.scale", f"{theirs}.norm_q.weight")
    return {
        "features": width,
        "txtdim": read,
        "heads": width // head,
        "kvheads": shapes.rows("blocks.0.attn.wk.weight", "transformer_blocks.0.attn.to_k.weight") // head,
        "multiplier": _multiplier(width, shapes.rows("blocks.0.mlp.up.weight", "transformer_blocks.0.ff.up.weight")),
        "layers": shapes.count("blocks.", "transformer_blocks."),
        "channels": shapes.rows("last.linear.weight", "final_layer.linear.weight") // _PATCH**2,
        "txtheads": read // text_head,
        "txtkvheads": shapes.rows(f"{fused}.wk.weight", f"{theirs}.to_k.weight") // text_head,
    }


def _multiplier(width: int, within: int) -> int:
    """Of two thirds of the width, which mflux then rounds up to a multiple of 128."""
    two_thirds = int(2 * width / 3)
    least = within - _MLP_STEP + 1
    return -(-least // two_thirds)


def _decoder_stage(vae: StoredShapes, stage: int) -> int:
    saved, theirs = f"decoder.up_block{stage}.resnets.0.conv1", f"decoder.up_blocks.{stage}.resnets.0.conv1"
    return vae.rows(f"{saved}.conv3d.weight", f"{theirs}.weight")


def _encoder_stage(vae: StoredShapes, stage: int) -> int:
    """Diffusers counts the two blocks of a stage, and what makes pictures smaller behind them, one by one."""
    saved, theirs = f"encoder.down_blocks.{stage}.resnets.0.conv1", f"encoder.down_blocks.{3 * stage}.conv1"
    return vae.rows(f"{saved}.conv3d.weight", f"{theirs}.weight")
