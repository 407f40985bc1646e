"""A FLUX.1 directory of one double and one single block, saved by mflux itself: 2 GB that its real loader reads.

Every layer has its true width; the text encoders have one block each and the VAE decoder is the standin's narrow one.
"""

from pathlib import Path

from kilnmark.engine.families.flux1.standin import build_standin
from kilnmark.engine.stack.layers import FactoredLinear
from kilnmark.engine.stack.slots import find_slots

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mlx import nn

BLOCKS = 1


def write_tiny_flux(path: Path, *, guided: bool = True) -> Path:
    """Write it in bf16, with dense weights whose values depend only on the layers' names.

    Args:
        guided: dev, with the embedder that reads guidance; without it, schnell.
    """
    flux = build_standin()
    flux.model_config = ModelConfig.dev() if guided else ModelConfig.schnell()
    transformer = Transformer(flux.model_config, BLOCKS, BLOCKS)
    flux.transformer = transformer
    flux.t5_text_encoder.t5_blocks = flux.t5_text_encoder.t5_blocks[:BLOCKS]
    clip = flux.clip_text_encoder.text_model.encoder
    clip.layers = clip.layers[:BLOCKS]
    for model in (transformer, flux.t5_text_encoder, flux.clip_text_encoder):
        _densify(model)
    mx.random.seed(11)
    for model in (transformer, flux.t5_text_encoder, flux.clip_text_encoder, flux.vae):
        model.apply(lambda array: array.astype(mx.bfloat16))
    flux.save_model(str(path))
    return path


def _densify(model: nn.Module) -> None:
    """Real files hold whole matrices, so every factored layer is multiplied out."""
    for slot in find_slots(model).values():
        if not isinstance(slot.linear, FactoredLinear):
            continue
        out, into = slot.shape
        dense = nn.Linear(into, out, bias="bias" in slot.linear)
        dense.weight = slot.linear.weight
        if "bias" in slot.linear:
            dense.bias = slot.linear.bias
        slot.put(dense)
