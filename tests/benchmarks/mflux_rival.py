"""What mflux offers for the same: building a model anew, its loader on a warm model, its unbaked and its baked layers.

All of it is mflux's own code, called as its initializer calls it.
"""

import contextlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import mlx.core as mx
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.lora.layer.fused_linear_lora_layer import FusedLoRALinear
from mflux.models.common.lora.layer.linear_lora_layer import LoRALinear
from mflux.models.common.lora.mapping.lora_loader import LoRALoader
from mflux.models.flux.variants.txt2img.flux import Flux1
from mflux.models.flux.weights.flux_lora_mapping import FluxLoRAMapping
from mlx import nn

from kilnmark.engine.families.base import Base
from kilnmark.engine.families.flux1.standin import build_standin
from kilnmark.keymaps.adapter import Adapter
from tests.benchmarks.ours import Layers
from tests.engine.flux import flux_of
from tests.pairs import pairs_of

__all__ = ["apply", "baked_layers", "rebuild", "restore", "unbaked_layers", "weights_of"]


def apply(flux: Flux1, paths: Sequence[Path], *, scale: float = 1.0, bake: bool = False) -> None:
    """Its loader on a model that is there, evaluated."""
    with contextlib.redirect_stdout(io.StringIO()):
        LoRALoader.load_and_apply_lora(
            lora_mapping=FluxLoRAMapping.get_mapping(),
            transformer=flux.transformer,
            lora_paths=[str(path) for path in paths],
            lora_scales=[scale] * len(paths),
            bake_lora=bake,
        )
    mx.eval(flux.transformer.parameters())


def rebuild(directory: Path | None, path: Path, *, quantize: int | None = None) -> Flux1:
    """A new model with an adapter in it, its transformer evaluated; text encoders and VAE stay lazy.

    Args:
        directory: Of the weights, baked as mflux does by default; None builds the standin, which cannot be baked (its
            layers would be 48 GB as dense matrices), and puts the adapter on unbaked.
        path: The adapter.
        quantize: To so many bits while it is loaded.
    """
    if directory is None:
        flux = build_standin()
        apply(flux, [path])
        return flux
    with contextlib.redirect_stdout(io.StringIO()):
        flux = Flux1(
            model_path=str(directory),
            model_config=ModelConfig.dev(),
            quantize=quantize,
            lora_paths=[str(path)],
            lora_scales=[1.0],
        )
    mx.eval(flux.transformer.parameters())
    return flux


def unbaked_layers(base: Base, adapters: Sequence[Adapter], scale: float) -> dict[int, Layers]:
    """Its layers for the first 1, 2, 3, ... of some LoRAs, as its loader leaves them, evaluated.

    Its loader itself takes minutes for eight full-size files; that it makes the same of one is held by the switches.
    """
    loras: dict[str, list[LoRALinear]] = {}
    for update in (update for adapter in adapters for update in pairs_of(adapter)):
        lora = LoRALinear.from_linear(base.slots[update.target].linear, r=update.rank, scale=scale)
        lora.lora_A = mx.array(update.down).T
        lora.lora_B = mx.array(update.up).T * update.multiplier
        mx.eval(lora.lora_A, lora.lora_B)
        loras.setdefault(update.target, []).append(lora)
    return {
        count: {path: _first(of, base.slots[path].linear, count) for path, of in loras.items()}
        for count in range(1, len(adapters) + 1)
    }


def _first(loras: Sequence[LoRALinear], linear: nn.Module, count: int) -> nn.Module:
    first: nn.Module = loras[0] if count == 1 else FusedLoRALinear(linear, list(loras[:count]))
    return first


def weights_of(base: Base) -> dict[str, mx.array]:
    """The arrays that its baking would replace."""
    return {path: slot.linear.weight for path, slot in base.slots.items() if type(slot.linear) is nn.Linear}


def restore(base: Base, weights: Mapping[str, mx.array]) -> None:
    """Undo its loader, which cannot be asked to: bare layers again, with the arrays they had."""
    for path, slot in base.slots.items():
        slot.put(slot.linear)
        if path in weights:
            slot.linear.weight = weights[path]


def baked_layers(base: Base, paths: Sequence[Path], scale: float) -> Layers:
    """Layers of their own with the weights that its baking makes of a dense base; the base is left as it was."""
    weights = weights_of(base)
    apply(flux_of(base), paths, scale=scale, bake=True)
    changed = [path for path, weight in weights.items() if base.slots[path].linear.weight is not weight]
    baked = {path: _copy(base, path) for path in changed}
    restore(base, weights)
    return baked


def _copy(base: Base, path: str) -> nn.Module:
    linear = base.slots[path].linear
    out, into = base.slots[path].shape
    copy = nn.Linear(into, out, bias="bias" in linear)
    copy.weight = linear.weight
    if "bias" in linear:
        copy.bias = linear.bias
    return copy
