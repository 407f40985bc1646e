"""Training of the VAE on crops of drawings in all styles: pictures to latents and back."""

from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt
from mlx.optimizers import AdamW

from scripts.mini.model.sizes import ACTIVE, LATENTS
from scripts.mini.train.classifier import unit
from scripts.mini.train.ledger import Ledger
from scripts.mini.train.loop import Training, warmed

__all__ = ["decoded", "encoded", "peak_to_noise", "train_autoencoder"]

Pictures = npt.NDArray[np.uint8]
CROP = 64
BATCH = 8
QUIET = 0.05
"""Latents that vary less than so much carry nothing; they are not made louder for the transformer."""


def train_autoencoder(vae: Any, pools: list[Pictures], folder: Path, ledger: Ledger, steps: int) -> None:
    """Train it, or take up a training that was stopped. Every pool gives as many crops as another."""

    def batch(step: int) -> tuple[mx.array, ...]:
        random = np.random.default_rng([4, step])
        crops = [_crop(pools[int(random.integers(len(pools)))], random) for _ in range(BATCH)]
        noise = random.standard_normal((BATCH, LATENTS, CROP // 8, CROP // 8)).astype(np.float32)
        return mx.array(unit(np.stack(crops)).transpose(0, 3, 1, 2)), mx.array(noise)

    optimizer = AdamW(warmed(1e-3, steps), betas=[0.9, 0.99], weight_decay=0.0)
    training = Training("vae", steps, vae, optimizer, batch, _reconstruction, folder, ledger, average=0.995)
    training.run()
    training.finish()


def encoded(vae: Any, pictures: Pictures) -> mx.array:
    """Means of latents, (batch, 32, height / 8, width / 8)."""
    return vae.encode(mx.array(unit(pictures).transpose(0, 3, 1, 2)))  # type: ignore[no-any-return]


def decoded(vae: Any, latents: mx.array) -> Pictures:
    """Pictures (batch, height, width, 3) of bytes from latents."""
    pixels = mx.clip(127.5 * (vae.decode(latents) + 1.0), 0, 255).transpose(0, 2, 3, 1)
    return np.array(mx.round(pixels)).astype(np.uint8)


def peak_to_noise(one: Pictures, other: Pictures) -> float:
    """PSNR in decibel over all pixels of both."""
    error = np.square(one.astype(np.float64) - other).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def settle(vae: Any, pictures: Pictures) -> None:
    """Silence the channels that carry nothing, and write the mean and the variance of packed latents into the VAE.

    FLUX.2 normalizes by them.
    """
    carries = mx.arange(LATENTS) < ACTIVE
    vae.post_quant_conv.weight = mx.where(carries, vae.post_quant_conv.weight, 0.0)
    vae.quant_conv.weight = mx.where(mx.tile(carries, (2,))[:, None, None, None], vae.quant_conv.weight, 0.0)
    vae.quant_conv.bias = mx.where(mx.tile(carries, (2,)), vae.quant_conv.bias, 0.0)
    latents = mx.concatenate([encoded(vae, pictures[start : start + 50]) for start in range(0, len(pictures), 50)])
    batch, channels, height, width = latents.shape
    packed = (
        latents.reshape(batch, channels, height // 2, 2, width // 2, 2).transpose(0, 2, 4, 1, 3, 5).reshape(-1, 128)
    )
    vae.bn.running_mean = packed.mean(axis=0)
    variance = packed.var(axis=0)
    vae.bn.running_var = mx.where(variance < QUIET**2, 1.0, variance)
    mx.eval(vae.parameters())


def _crop(pool: Pictures, random: np.random.Generator) -> Pictures:
    picture = pool[int(random.integers(len(pool)))]
    left, top = (8 * int(random.integers(0, (picture.shape[0] - CROP) // 8 + 1)) for _ in range(2))
    crop = picture[top : top + CROP, left : left + CROP]
    seen: Pictures = crop[:, ::-1] if random.random() < 0.5 else crop  # noqa: PLR2004 - every other one is mirrored
    return seen


def _reconstruction(vae: Any, pictures: mx.array, noise: mx.array) -> tuple[mx.array, dict[str, mx.array]]:
    """Pixels and edges that are lost, and what the latents tell beyond noise."""
    moments = vae.quant_conv(vae.encoder(pictures).transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    mean, spread = mx.split(moments, 2, axis=1)
    mean, spread = mean[:, :ACTIVE], mx.clip(spread[:, :ACTIVE], -12.0, 4.0)
    drawn = mean + mx.exp(0.5 * spread) * noise[:, :ACTIVE]
    back = vae.decode(mx.pad(drawn, [(0, 0), (0, LATENTS - ACTIVE), (0, 0), (0, 0)]))
    lost = back - pictures
    pixels, squares = mx.abs(lost).mean(), mx.square(lost).mean()
    edges = mx.abs(lost[..., 1:, :] - lost[..., :-1, :]).mean() + mx.abs(lost[..., 1:] - lost[..., :-1]).mean()
    told = 0.5 * (mx.square(mean) + mx.exp(spread) - 1.0 - spread).mean()
    value = pixels + squares + 0.5 * edges + 1e-3 * told
    return value, {"pixels": pixels, "edges": edges, "told": told}
