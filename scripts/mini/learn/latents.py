"""Drawings as the transformer sees them: encoded, packed two by two, and normalized as FLUX.2's VAE does it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from scripts.mini.learn.loop import seat
from scripts.mini.learn.vae import unit
from scripts.mini.learn.vaenet import VaeNet

__all__ = ["Norm", "decoded", "encode_pool", "measured", "tokens"]

Pictures = npt.NDArray[np.uint8]
EPS = 1e-4
"""What mflux adds to a variance."""


@dataclass(frozen=True, slots=True)
class Norm:
    """Mean and variance of each of the 64 numbers of a token, (64,)."""

    mean: torch.Tensor
    variance: torch.Tensor

    @property
    def deviation(self) -> torch.Tensor:
        """By what latents are divided."""
        return (self.variance + EPS).sqrt()

    @classmethod
    def kept(cls, path: Path) -> "Norm":
        """From a file."""
        found = np.load(path)
        return cls(torch.from_numpy(found["mean"]), torch.from_numpy(found["variance"]))

    def keep(self, path: Path) -> None:
        """Into a file, whole or not at all."""
        draft = path.with_suffix(".draft.npz")
        np.savez(draft, mean=self.mean.numpy(), variance=self.variance.numpy())
        draft.replace(path)


def packed(latents: torch.Tensor) -> torch.Tensor:
    """(batch, 16, h, w) to (batch, h / 2 x w / 2, 64): channel first, then row and column of two by two."""
    squares = torch.nn.functional.pixel_unshuffle(latents, 2)
    return squares.flatten(2).transpose(1, 2)


def unpacked(tokens_: torch.Tensor, side: int) -> torch.Tensor:
    """The way back."""
    squares = tokens_.transpose(1, 2).unflatten(2, (side, side))
    return torch.nn.functional.pixel_shuffle(squares, 2)


@torch.no_grad()
def tokens(net: VaeNet, pictures: Pictures) -> torch.Tensor:
    """Pictures as tokens that are not normalized, (count, tokens, 64)."""
    device, made = seat(net), []
    for start in range(0, len(pictures), 25):
        some = unit(pictures[start : start + 25]).to(device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            latents = net.encode(some)
        made.append(packed(latents.float()).cpu())
    return torch.cat(made)


def measured(net: VaeNet, pictures: Pictures) -> Norm:
    """The mean and the variance over pictures."""
    seen = tokens(net, pictures).flatten(0, 1)
    return Norm(seen.mean(dim=0), seen.var(dim=0, unbiased=False))


@torch.no_grad()
def decoded(net: VaeNet, norm: Norm, seen: torch.Tensor) -> Pictures:
    """Pictures (count, size, size, 3) of bytes from normalized tokens (count, tokens, 64)."""
    side = int(seen.shape[1] ** 0.5)
    pixels = net.decode(unpacked(seen * norm.deviation + norm.mean, side))
    made: Pictures = (127.5 * (pixels + 1)).clamp(0, 255).round().byte().permute(0, 2, 3, 1).numpy()
    return made


def encode_pool(net: VaeNet, norm: Norm, pictures: Pictures, path: Path) -> None:
    """Keep the normalized tokens of a pool in a file, (count, tokens, 64) in half precision."""
    seen = (tokens(net, pictures) - norm.mean) / norm.deviation
    draft = path.with_suffix(".draft.npy")
    np.save(draft, seen.numpy().astype(np.float16))
    draft.replace(path)
