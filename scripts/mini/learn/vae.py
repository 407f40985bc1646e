"""Training of the VAE on drawings in all styles: pictures to latents and back."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from scripts.mini.learn.loop import Lesson, Training, seat
from scripts.mini.learn.vaenet import VaeNet
from scripts.mini.ledger import Ledger
from scripts.mini.sizes import ACTIVE, PATCH

__all__ = ["train_vae", "unit"]

Pictures = npt.NDArray[np.uint8]
PHASES = ((0.35, 48, 8), (0.85, 64, 8), (1.0, 128, 4))
"""Until which share of the steps crops are of how many pixels along a side, and how many of them there are: much is
learnt from little at first, and whole pictures are seen in the end, since every norm looks at all it is given."""
BLUR = 0.1
"""Deviation of what is added to latents, so that the decoder forgives the transformer."""
QUIET = 2e-3
"""Price of loud latents: without one they would drown what is added."""


def train_vae(net: VaeNet, pools: list[Pictures], folder: Path, ledger: Ledger, steps: int) -> None:
    """Train it, or take up a training that was stopped. Every pool gives as many crops as another."""
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def lesson(step: int) -> Lesson:
        random = np.random.default_rng([4, step])
        wide, count = next((wide, count) for until, wide, count in PHASES if step < until * steps)
        crops = np.stack([_crop(pools[int(random.integers(len(pools)))], wide, random) for _ in range(count)])
        noise = BLUR * random.standard_normal((count, ACTIVE, wide // PATCH, wide // PATCH)).astype(np.float32)
        return _lost(net, unit(crops).to(seat(net)), torch.from_numpy(noise).to(seat(net)))

    Training("vae", steps, net, lesson, folder, ledger, rate=2e-3).run()


def unit(pictures: Pictures) -> torch.Tensor:
    """Bytes (batch, height, width, 3) to numbers from -1 to 1, (batch, 3, height, width)."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def _crop(pool: Pictures, wide: int, random: np.random.Generator) -> Pictures:
    picture = pool[int(random.integers(len(pool)))]
    left, top = (PATCH * int(random.integers(0, (picture.shape[0] - wide) // PATCH + 1)) for _ in range(2))
    crop = picture[top : top + wide, left : left + wide]
    seen: Pictures = crop[:, ::-1] if random.random() < 0.5 else crop  # noqa: PLR2004 - every other one is mirrored
    return seen


def _lost(net: VaeNet, pictures: torch.Tensor, noise: torch.Tensor) -> Lesson:
    """Pixels and edges that are lost on the way, and how loud the latents are."""
    with torch.autocast(pictures.device.type, torch.bfloat16):
        latents = net.encode(pictures).float()
        lost = net.decode(latents + noise).float() - pictures
    pixels, squares, loud = lost.abs().mean(), lost.square().mean(), latents.square().mean()
    edges = (lost[..., 1:, :] - lost[..., :-1, :]).abs().mean() + (lost[..., 1:] - lost[..., :-1]).abs().mean()
    told = {"pixels": float(pixels.detach()), "edges": float(edges.detach()), "loud": float(loud.detach())}
    return pixels + squares + 0.5 * edges + QUIET * loud, told
