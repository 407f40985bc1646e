"""Training of the transformer by rectified flow: the way that leads from pictures to noise, and back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from scripts.mini.learn.flownet import FlowNet, Text
from scripts.mini.learn.loop import Lesson, Training
from scripts.mini.ledger import Ledger
from scripts.mini.lessons import LONGEST, PADDING, WORDS, Lessons, weights_of

__all__ = [
    "LARGE_EVERY",
    "STEPS",
    "Net",
    "School",
    "aimed",
    "compiled",
    "noise_like",
    "paint",
    "predicted",
    "sigmas",
    "train_flow",
]

Net = Callable[[torch.Tensor, Text, torch.Tensor], torch.Tensor]
STEPS = 4
"""Steps of the distilled model, on the levels of noise that mflux's scheduler gives for so many."""
SAID = 20
"""Words that are looked at; a drawing whose caption is longer, as 1 of 20 are, is told by its shorter one."""
BATCHES = {8: 32, 16: 8}
"""Pictures at once, by tokens along a side."""
LARGE_EVERY = 6
"""One of so many steps sees large pictures."""
UNTOLD = 0.1
"""Share of pictures without a prompt, for guidance."""
SHIFT = 2.2
"""How much more is seen of noise than of pictures: the odds of a level of noise are so many times as high."""


@dataclass(frozen=True, slots=True)
class School:
    """What the transformer learns from: drawings of 128 pixels, of 256, and the states of no prompt."""

    small: Lessons
    large: Lessons
    nothing: Lessons
    device: torch.device

    def batch(
        self, random: np.random.Generator, *, large: bool, untold: float, total: int
    ) -> tuple[torch.Tensor, Text]:
        """Latents and prompts of some pictures, some of them without a prompt, padded to `total` tokens."""
        lessons = self.large if large else self.small
        picked = self.pick(random, large=large)
        silent = random.random(len(picked)) < untold
        latents = torch.from_numpy(lessons.latents[picked[:, 0]].astype(np.float32)).to(self.device)
        return latents, self.told(picked, total, silent, large=large)

    def pick(self, random: np.random.Generator, *, large: bool) -> npt.NDArray[np.int64]:
        """So many drawings as a step sees, with a caption each: (count, 2) of their numbers."""
        lessons = self.large if large else self.small
        rows = random.integers(0, len(lessons.latents), BATCHES[lessons.side])
        which = random.integers(0, lessons.states.shape[1], len(rows))
        which = np.where(lessons.lengths[rows, which] > SAID, lessons.lengths[rows].argmin(axis=1), which)
        return np.stack([rows, which], axis=1)

    def told(
        self, picked: npt.NDArray[np.int64], total: int, silent: npt.NDArray[np.bool_] | None = None, *, large: bool
    ) -> Text:
        """Prompts of what was picked, padded to `total` tokens; those that are silent have none."""
        lessons = self.large if large else self.small
        rows, which = picked.T
        states, lengths = lessons.states[rows, which], lessons.lengths[rows, which]
        if silent is not None:
            states = np.where(silent[:, None, None], self.nothing.states[0, 0], states)
            lengths = np.where(silent, self.nothing.lengths[0, 0], lengths)
        return text_of(states, lengths, total).to(self.device)

    def silence(self, count: int) -> Text:
        """No prompt, so many times."""
        states, lengths = self.nothing.states[0, :1], self.nothing.lengths[0, :1]
        return text_of(np.repeat(states, count, axis=0), np.repeat(lengths, count), LONGEST).to(self.device)


def text_of(states: npt.NDArray[np.float16], lengths: npt.NDArray[np.int32], total: int) -> Text:
    """The first `SAID` states and the padding, with their weights where a prompt is padded to `total` tokens."""
    kept = [*range(SAID), *range(WORDS, WORDS + PADDING)]
    weights = weights_of(np.minimum(lengths, SAID), total)
    return Text(torch.from_numpy(states[:, kept].astype(np.float32)), torch.from_numpy(weights[:, kept]))


def sigmas(tokens: int, steps: int = STEPS) -> list[float]:
    """Levels of noise from 1 to 0, as mflux's scheduler for FLUX.2 gives them for a picture of so many tokens.

    Source: `compute_empirical_mu` of FLUX.2's own code, which mflux 0.24.0 follows; a test holds them to mflux's.
    """
    two_hundred = 0.00016927 * tokens + 0.45666666
    ten = 8.73809524e-05 * tokens + 1.89833333
    mu = two_hundred if tokens > 4300 else ten + (two_hundred - ten) / 190.0 * (steps - 10)  # noqa: PLR2004
    even = np.linspace(1.0, 1.0 / steps, steps)
    shifted = np.exp(mu) / (np.exp(mu) + 1.0 / even - 1.0)
    return [*shifted.tolist(), 0.0]


def train_flow(net: FlowNet, school: School, folder: Path, ledger: Ledger, steps: int) -> None:
    """Train it, or take up a training that was stopped."""
    quick = compiled(net)

    def lesson(step: int) -> Lesson:
        return aimed(quick, school, np.random.default_rng([8, step]), large=step % LARGE_EVERY == 0)

    Training("flow", steps, net, lesson, folder, ledger, rate=2e-3, betas=(0.9, 0.98), decay=0.01, average=0.999).run()


def aimed(net: Net, school: School, random: np.random.Generator, *, large: bool) -> Lesson:
    """How far the net is from the way that leads from pictures to noise, at levels of chance."""
    total = int(random.choice((LONGEST, 256, 64)))
    latents, text = school.batch(random, large=large, untold=UNTOLD, total=total)
    noise = noise_like(latents, random)
    level = torch.from_numpy(_levels(random, len(latents))).to(latents.device)
    part = level[:, None, None]
    told = predicted(net, (1 - part) * latents + part * noise, text, level)
    lost = (told - (noise - latents)).square().mean(dim=(1, 2))
    late = lost.detach()[level < 0.5]  # noqa: PLR2004
    return lost.mean(), {"late": float(late.mean()) if len(late) else 0.0}


def compiled(net: FlowNet) -> Net:
    """The same, a quarter quicker: one program for each size of a batch."""
    quick: Net = torch.compile(net, dynamic=False)
    return quick


@torch.no_grad()
def paint(
    net: Net, texts: tuple[Text, Text | None], noise: torch.Tensor, levels: Sequence[float], guidance: float = 1.0
) -> torch.Tensor:
    """Tokens of pictures from noise (batch, tokens, 64) over the levels, guided away from the second text."""
    told, silent = texts
    latents = noise
    for now, after in pairwise(levels):
        sigma = torch.full((len(latents),), now, device=latents.device)
        velocity = predicted(net, latents, told, sigma)
        if silent is not None and guidance != 1.0:
            without = predicted(net, latents, silent, sigma)
            velocity = without + guidance * (velocity - without)
        latents = latents + (after - now) * velocity
    return latents


def predicted(net: Net, latents: torch.Tensor, text: Text, sigma: torch.Tensor) -> torch.Tensor:
    """The velocity of what carries the picture, (batch, tokens, 64)."""
    with torch.autocast(latents.device.type, torch.bfloat16):
        told = net(latents, text, sigma)
    shown: torch.Tensor = told[..., : latents.shape[-1]].float()
    return shown


def noise_like(latents: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """As much noise, the same on every device."""
    return torch.from_numpy(random.standard_normal(latents.shape).astype(np.float32)).to(latents.device)


def _levels(random: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
    """Levels of noise: logit-normal, shifted to where pictures are made, with some from everywhere."""
    drawn = 1 / (1 + np.exp(-random.normal(0.0, 1.1, count)))
    drawn = SHIFT * drawn / (1 + (SHIFT - 1) * drawn)
    return np.where(random.random(count) < UNTOLD, random.random(count), drawn).astype(np.float32)
