"""Training of the transformer by rectified flow, and of its faster self, which paints in four steps."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt
from mflux.models.common.schedulers.flow_match_euler_discrete_scheduler import FlowMatchEulerDiscreteScheduler
from mlx.optimizers import AdamW

from scripts.mini.model.forward import Text, predict
from scripts.mini.model.sizes import SHOWN
from scripts.mini.train.language import LONGEST
from scripts.mini.train.latents import Lessons, text_of
from scripts.mini.train.ledger import Ledger
from scripts.mini.train.loop import Training, warmed

__all__ = ["GUIDANCE", "STEPS", "School", "paint", "sigmas", "train_distilled", "train_flow"]

STEPS = 4
"""Steps of the distilled model, on the levels of noise that mflux's scheduler gives for so many."""
BATCHES = {8: 32, 16: 8}
"""Pictures at once, by tokens along a side."""
LARGE_EVERY = 6
"""One of so many steps sees large pictures."""
UNTOLD = 0.1
"""Share of pictures without a prompt, for guidance."""
SHIFT = 2.2
"""How much more is seen of noise than of pictures: the odds of a level of noise are so many times as high."""
GUIDANCE = 2.0
"""How far the teacher goes beyond what no prompt gives."""
TEACHING = (2, 2, 3, 8)
"""Steps that the teacher makes of each of the four."""


@dataclass(frozen=True, slots=True)
class School:
    """What the transformer learns from: drawings of 128 pixels, of 256, and the states of no prompt."""

    small: Lessons
    large: Lessons
    nothing: Lessons

    def batch(self, random: np.random.Generator, *, large: bool, untold: float) -> tuple[npt.NDArray[Any], ...]:
        """Latents, states and lengths of some pictures, some of them without a prompt."""
        lessons = self.large if large else self.small
        count = BATCHES[lessons.side]
        rows, which = (
            random.integers(0, len(lessons.latents), count),
            random.integers(0, lessons.states.shape[1], count),
        )
        states, lengths = lessons.states[rows, which], lessons.lengths[rows, which]
        silent = random.random(count) < untold
        states = np.where(silent[:, None, None], self.nothing.states[0, 0], states)
        lengths = np.where(silent, self.nothing.lengths[0, 0], lengths)
        return lessons.latents[rows].astype(np.float32), states, lengths


def sigmas(tokens: int, steps: int = STEPS) -> list[float]:
    """Levels of noise from 1 to 0, as mflux's scheduler for FLUX.2 gives them for a picture of so many tokens."""
    levels: list[float] = FlowMatchEulerDiscreteScheduler.get_timesteps_and_sigmas(tokens, steps)[1].tolist()
    return levels


def train_flow(model: Any, school: School, folder: Path, ledger: Ledger, steps: int) -> None:
    """Train it, or take up a training that was stopped."""

    def batch(step: int) -> tuple[mx.array, ...]:
        random = np.random.default_rng([8, step])
        latents, states, lengths = school.batch(random, large=step % LARGE_EVERY == 0, untold=UNTOLD)
        text = text_of(states, lengths, int(random.choice((LONGEST, 256, 64))))
        noise = random.standard_normal(latents.shape).astype(np.float32)
        level = _levels(random, len(latents))
        return mx.array(latents), text.states, text.weights, mx.array(noise), mx.array(level)

    optimizer = AdamW(warmed(2e-3, steps), betas=[0.9, 0.98], weight_decay=0.01)
    training = Training("flow", steps, model, optimizer, batch, _velocity_lost, folder, ledger, average=0.999)
    training.run()
    training.finish()


def train_distilled(model: Any, teacher: Any, school: School, folder: Path, ledger: Ledger, steps: int) -> None:
    """Teach the model to make each of the four steps as its teacher makes several, guided."""

    def batch(step: int) -> tuple[mx.array, ...]:
        random = np.random.default_rng([9, step])
        latents, states, lengths = school.batch(random, large=step % LARGE_EVERY == 0, untold=0.0)
        text = text_of(states, lengths)
        silent = text_of(*_repeated(school.nothing, len(latents)))
        number = int(random.choice(STEPS, p=(0.2, 0.2, 0.2, 0.4)))
        levels = sigmas(latents.shape[1])
        start = _noised(latents, levels[number], random)
        level = mx.full((len(latents),), levels[number])
        end = _walked(
            teacher, start, (text, silent), np.linspace(levels[number], levels[number + 1], TEACHING[number] + 1)
        )
        target = (start - end) / (levels[number] - levels[number + 1])
        mx.eval(target)
        return start, text.states, text.weights, target, level

    optimizer = AdamW(warmed(6e-4, steps), betas=[0.9, 0.98], weight_decay=0.0)
    training = Training("distil", steps, model, optimizer, batch, _step_lost, folder, ledger, average=0.995)
    training.run()
    training.finish()


def paint(
    model: Any, texts: tuple[Text, Text | None], noise: mx.array, levels: list[float], guidance: float = 1.0
) -> mx.array:
    """Tokens of pictures from noise (batch, tokens, 128) over the levels, guided away from the second text."""
    told, silent = texts
    latents = noise
    for now, after in pairwise(levels):
        latents = latents + (after - now) * _guided(model, latents, (told, silent), now, guidance)
        mx.eval(latents)
    return latents


def _guided(model: Any, latents: mx.array, texts: tuple[Text, Text | None], level: float, guidance: float) -> mx.array:
    side = int(latents.shape[1] ** 0.5)
    sigma = mx.full((latents.shape[0],), level)
    told = predict(model, latents, texts[0], sigma, side)
    if texts[1] is None or guidance == 1.0:
        return told
    silent = predict(model, latents, texts[1], sigma, side)
    return silent + guidance * (told - silent)


def _walked(teacher: Any, start: mx.array, texts: tuple[Text, Text], levels: npt.NDArray[np.float64]) -> mx.array:
    return mx.stop_gradient(paint(teacher, texts, start, [float(level) for level in levels], GUIDANCE))


def _noised(latents: npt.NDArray[np.float32], level: float, random: np.random.Generator) -> mx.array:
    noise = random.standard_normal(latents.shape).astype(np.float32)
    return mx.array((1 - level) * latents + level * noise)


def _repeated(nothing: Lessons, count: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.int32]]:
    return np.repeat(nothing.states[0, :1], count, axis=0), np.repeat(nothing.lengths[0, :1], count)


def _levels(random: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
    """Levels of noise: logit-normal, shifted to where pictures are made, with some from everywhere."""
    drawn = 1 / (1 + np.exp(-random.normal(0.0, 1.1, count)))
    drawn = SHIFT * drawn / (1 + (SHIFT - 1) * drawn)
    return np.where(random.random(count) < UNTOLD, random.random(count), drawn).astype(np.float32)


def _velocity_lost(
    model: Any, latents: mx.array, states: mx.array, weights: mx.array, noise: mx.array, level: mx.array
) -> tuple[mx.array, dict[str, mx.array]]:
    part = level[:, None, None]
    seen = (1 - part) * latents + part * noise
    told = predict(model, seen, Text(states, weights), level, int(latents.shape[1] ** 0.5))
    lost = mx.square(told - (noise - latents))[..., :SHOWN].mean(axis=(1, 2))
    return lost.mean(), {"late": (lost * (level < 0.5)).sum() / mx.maximum((level < 0.5).sum(), 1)}  # noqa: PLR2004


def _step_lost(
    model: Any, start: mx.array, states: mx.array, weights: mx.array, target: mx.array, level: mx.array
) -> tuple[mx.array, dict[str, mx.array]]:
    told = predict(model, start, Text(states, weights), level, int(start.shape[1] ** 0.5))
    lost = mx.square(told - target)[..., :SHOWN].mean()
    return lost, {"level": level[0]}
