"""What PyTorch learnt, in mflux's modules: the same names, with the axes of convolutions in mlx's order."""

from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
from mlx import nn
from mlx.utils import tree_unflatten

from scripts.mini.model.arrays import loaded, named
from scripts.mini.sizes import ACTIVE, LATENTS, SHOWN, TOKEN

__all__ = ["carry", "carry_vae"]

CONVOLUTION = 4
"""Axes of a convolution's weight."""


def carry(path: Path, module: nn.Module, *, but: tuple[str, ...] = ()) -> None:
    """Fill a module with the parameters in a file of `scripts.mini.learn`.

    Args:
        path: The file; convolutions are (out, in, height, width) there.
        module: Of mflux's classes.
        but: Beginnings of names that the file does not have and the module keeps.

    Raises:
        ValueError: Names or shapes in the file are not the module's.
    """
    arrays, _ = loaded(path)
    turned = {
        name: (value.transpose(0, 2, 3, 1) if value.ndim == CONVOLUTION else value).astype(mx.float32)
        for name, value in arrays.items()
    }
    wanted = {name: value.shape for name, value in named(module.parameters()).items() if not name.startswith(but)}
    if wrong := sorted(wanted.items() ^ {name: value.shape for name, value in turned.items()}.items()):
        raise ValueError(
            f"{path}: not what {type(module).__name__} has: {', '.join(sorted({name for name, _ in wrong})[:3])}"
        )
    filled: Any = tree_unflatten(list(turned.items()))
    module.update(filled)
    mx.eval(module.parameters())


def carry_vae(folder: Path, vae: Any) -> None:
    """Fill the VAE from a training's folder, silence the channels that carry nothing, and write the mean and variance
    that FLUX.2 normalizes by. A silent channel keeps a variance of one.

    Raises:
        ValueError: As `carry`.
    """
    carry(folder / "vae-net.safetensors", vae, but=("bn.",))
    carries = mx.arange(LATENTS) < ACTIVE
    vae.post_quant_conv.weight = mx.where(carries, vae.post_quant_conv.weight, 0.0)
    vae.quant_conv.weight = mx.where(mx.tile(carries, (2,))[:, None, None, None], vae.quant_conv.weight, 0.0)
    vae.quant_conv.bias = mx.where(mx.tile(carries, (2,)), vae.quant_conv.bias, 0.0)
    norm = np.load(folder / "norm.npz")
    vae.bn.running_mean = mx.pad(mx.array(norm["mean"]), (0, TOKEN - SHOWN))
    vae.bn.running_var = mx.pad(mx.array(norm["variance"]), (0, TOKEN - SHOWN), constant_values=1.0)
    mx.eval(vae.parameters())
