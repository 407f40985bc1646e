"""Pictures through mflux's VAE, there and back, and how much of them is lost on the way."""

from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from scripts.mini.model.classifier import unit

__all__ = ["peak_to_noise", "there_and_back"]

Pictures = npt.NDArray[np.uint8]


def there_and_back(vae: Any, pictures: Pictures) -> Pictures:
    """Encoded and decoded, (batch, height, width, 3) of bytes."""
    latents = vae.encode(mx.array(unit(pictures).transpose(0, 3, 1, 2)))
    pixels = mx.clip(127.5 * (vae.decode(latents) + 1.0), 0, 255).transpose(0, 2, 3, 1)
    return np.array(mx.round(pixels)).astype(np.uint8)


def peak_to_noise(one: Pictures, other: Pictures) -> float:
    """PSNR in decibel over all pixels of both."""
    error = np.square(one.astype(np.float64) - other).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))
