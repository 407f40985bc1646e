"""How wide and deep a FLUX.2-klein is, told from the headers of its directory: no configuration file is needed.

Directories that mflux saved have none; those of diffusers have other names for some layers, and no other shapes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.flux2.parts import READ_LAYERS
from kilnmark.keymaps.files.weights import Weights

__all__ = ["KleinSizes", "sizes_of"]

_WRAPPED = "model."
"""Before the names of a text encoder's tensors in diffusers' directories."""


@dataclass(frozen=True, slots=True)
class KleinSizes:
    """What mflux's classes are built with.

    Attributes:
        transformer, text_encoder: Arguments of `Flux2Transformer` and `Qwen3TextEncoder`.
        vae: Channels of the decoder's stages, as `Flux2VAE` takes them.
    """

    transformer: Mapping[str, Any]
    text_encoder: Mapping[str, Any]
    vae: tuple[int, ...]


def sizes_of(weights: Weights) -> KleinSizes:
    """Read them.

    Raises:
        BaseUnavailable: A tensor that tells one is missing, or blocks are.
    """
    transformer, encoder, vae = (_Shapes(weights, folder) for folder in ("transformer", "text_encoder", "vae"))
    hidden = encoder.rows("layers.0.input_layernorm.weight")
    stages = vae.count("decoder.up_blocks.")
    return KleinSizes(
        transformer=_of_transformer(transformer, len(READ_LAYERS) * hidden),
        text_encoder=_of_encoder(encoder, hidden),
        vae=tuple(vae.rows(f"decoder.up_blocks.{stage}.resnets.0.conv1.weight") for stage in reversed(range(stages))),
    )


def _of_transformer(shapes: "_Shapes", read: int) -> dict[str, Any]:
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


def _of_encoder(shapes: "_Shapes", hidden: int) -> dict[str, Any]:
    head = shapes.rows("layers.0.self_attn.q_norm.weight")
    layers = shapes.count("layers.")
    if layers < READ_LAYERS[-1]:
        raise BaseUnavailable(
            f"{shapes.path} has {layers} layers and FLUX.2 reads the output of layer {READ_LAYERS[-1]}; "
            "give a whole directory"
        )
    return {
        "vocab_size": shapes.rows("embed_tokens.weight"),
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": shapes.rows("layers.0.self_attn.q_proj.weight") // head,
        "num_key_value_heads": shapes.rows("layers.0.self_attn.k_proj.weight") // head,
        "intermediate_size": shapes.rows("layers.0.mlp.gate_proj.weight"),
        "head_dim": head,
    }


class _Shapes:
    """The tensors of one folder by name, with mflux's names where diffusers wraps them."""

    def __init__(self, weights: Weights, folder: str) -> None:
        self.path = weights.path / folder
        tensors = (item for header in weights.headers[folder] for item in header.tensors.items())
        self._shapes = {name.removeprefix(_WRAPPED): info.shape for name, info in tensors}

    def rows(self, name: str) -> int:
        """The first axis of a tensor, which packing leaves as it is."""
        if name not in self._shapes or not self._shapes[name]:
            raise BaseUnavailable(f"{self.path} lacks {name!r}; give a whole directory")
        return self._shapes[name][0]

    def count(self, prefix: str) -> int:
        """How many blocks there are, by the numbers behind a prefix."""
        numbers = set(self._numbers(prefix))
        if numbers != set(range(len(numbers))) or not numbers:
            raise BaseUnavailable(f"{self.path} has {prefix}{sorted(numbers)}; a whole model counts up from 0")
        return len(numbers)

    def _numbers(self, prefix: str) -> Iterable[int]:
        found = (re.match(rf"{re.escape(prefix)}(\d+)\.", name) for name in self._shapes)
        return (int(match[1]) for match in found if match)
