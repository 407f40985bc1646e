"""Training of the VAE on drawings in all styles: pictures to latents and back."""

from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt
from mflux.models.flux2.latent_creator.flux2_latent_creator import Flux2LatentCreator
from mlx.optimizers import AdamW

from scripts.mini.model.sizes import ACTIVE, LATENTS, PATCH
from scripts.mini.train.classifier import unit
from scripts.mini.train.ledger import Ledger
from scripts.mini.train.loop import Training, warmed

__all__ = ["decoded", "encoded", "peak_to_noise", "settle", "train_autoencoder"]

Pictures = npt.NDArray[np.uint8]
PHASES = ((0.5, 32, 8), (0.9, 64, 8), (1.0, 128, 4))
"""Until which share of the steps crops are of how many pixels along a side, and how many of them there are: much is
learnt from little at first, and whole pictures are seen in the end, since every norm looks at all it is given."""
BLUR = 0.1
"""Deviation of what is added to latents, so that the decoder forgives the transformer."""
QUIET = 2e-3
"""Price of loud latents: without one they would drown what is added."""


def train_autoencoder(vae: Any, pools: list[Pictures], folder: Path, ledger: Ledger, steps: int) -> None:
    """Train it, or take up a training that was stopped. Every pool gives as many crops as another."""

    def batch(step: int) -> tuple[mx.array, ...]:
        random = np.random.default_rng([4, step])
        wide, count = next((wide, count) for until, wide, count in PHASES if step < until * steps)
        crops = np.stack([_crop(pools[int(random.integers(len(pools)))], wide, random) for _ in range(count)])
        noise = BLUR * random.standard_normal((count, ACTIVE, wide // PATCH, wide // PATCH)).astype(np.float32)
        return mx.array(unit(crops).transpose(0, 3, 1, 2)), mx.array(noise)

    optimizer = AdamW(warmed(2e-3, steps), betas=[0.9, 0.99], weight_decay=0.0)
    training = Training("vae", steps, vae, optimizer, batch, _lost, folder, ledger, average=0.995)
    training.run()
    training.finish()
    settle(vae, pools[0][:400])


def encoded(vae: Any, pictures: Pictures) -> mx.array:
    """Latents (batch, 32, height / 8, width / 8)."""
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
    """Silence the channels that carry nothing, and write the mean and variance that FLUX.2 normalizes by.

    A silent channel keeps a variance of one.
    """
    carries = mx.arange(LATENTS) < ACTIVE
    vae.post_quant_conv.weight = mx.where(carries, vae.post_quant_conv.weight, 0.0)
    vae.quant_conv.weight = mx.where(mx.tile(carries, (2,))[:, None, None, None], vae.quant_conv.weight, 0.0)
    vae.quant_conv.bias = mx.where(mx.tile(carries, (2,)), vae.quant_conv.bias, 0.0)
    latents = mx.concatenate([encoded(vae, pictures[start : start + 20]) for start in range(0, len(pictures), 20)])
    patches = Flux2LatentCreator.patchify_latents(latents)
    vae.bn.running_mean = patches.mean(axis=(0, 2, 3))
    variance = patches.var(axis=(0, 2, 3))
    vae.bn.running_var = mx.where(variance > vae.bn.eps, variance, 1.0)
    mx.eval(vae.parameters())


def _crop(pool: Pictures, wide: int, random: np.random.Generator) -> Pictures:
    picture = pool[int(random.integers(len(pool)))]
    left, top = (PATCH * int(random.integers(0, (picture.shape[0] - wide) // PATCH + 1)) for _ in range(2))
    crop = picture[top : top + wide, left : left + wide]
    seen: Pictures = crop[:, ::-1] if random.random() < 0.5 else crop  # noqa: PLR2004 - every other one is mirrored
    return seen


def _lost(vae: Any, pictures: mx.array, noise: mx.array) -> tuple[mx.array, dict[str, mx.array]]:
    """Pixels and edges that are lost on the way, and how loud the latents are."""
    latents = vae.encode(pictures)[:, :ACTIVE]
    silent = [(0, 0), (0, LATENTS - ACTIVE), (0, 0), (0, 0)]
    lost = vae.decode(mx.pad(latents + noise, silent)) - pictures
    pixels, squares, loud = mx.abs(lost).mean(), mx.square(lost).mean(), mx.square(latents).mean()
    edges = mx.abs(lost[..., 1:, :] - lost[..., :-1, :]).mean() + mx.abs(lost[..., 1:] - lost[..., :-1]).mean()
    return pixels + squares + 0.5 * edges + QUIET * loud, {"pixels": pixels, "edges": edges, "loud": loud}
