"""Whether mflux's classes compute what PyTorch's did from the same weights: what holds one side to the other."""

from pathlib import Path

import mlx.core as mx
import numpy as np

from scripts.mini.lessons import PADDING, WORDS
from scripts.mini.model.parts import Parts
from scripts.mini.sizes import ACTIVE, LATENTS, SHOWN, TOKEN

__all__ = ["agree"]

APART = 1e-3
"""By how much numbers of size 1 may differ; float32 on both sides leaves less than a hundredth of it."""


def agree(probe: Path, parts: Parts) -> float:
    """Compute again what a probe says that PyTorch computed.

    Args:
        probe: What the stage `probe` of `scripts.mini.learn` wrote.
        parts: With the same weights.

    Returns:
        The largest difference of all.

    Raises:
        ValueError: It is too large.
    """
    given = {name: mx.array(value) for name, value in np.load(probe).items()}
    silent = [(0, 0), (0, LATENTS - ACTIVE), (0, 0), (0, 0)]
    told = {
        "latents": parts.vae.encode(given["pictures"])[:, :ACTIVE],
        "decoded": parts.vae.decode(mx.pad(given["latents"], silent)),
        "velocity": _velocity(parts, given),
    }
    apart = {name: float(np.array(mx.abs(value - given[name]).max())) for name, value in told.items()}
    if worst := {name: value for name, value in apart.items() if not value < APART}:
        raise ValueError(f"{probe}: mflux's classes and PyTorch's differ by {worst}, more than {APART}")
    return max(apart.values())


def _velocity(parts: Parts, given: dict[str, mx.array]) -> mx.array:
    """By mflux's own forward pass, with as many padding tokens as PyTorch's two stand for."""
    states, count, side = given["states"], int(np.array(given["padding"])), int(given["tokens"].shape[1] ** 0.5)
    behind = [mx.repeat(states[:, WORDS + number : WORDS + number + 1], count, axis=1) for number in range(PADDING)]
    said = mx.concatenate([states[:, :WORDS], *behind], axis=1)
    tokens = mx.pad(given["tokens"], [(0, 0), (0, 0), (0, TOKEN - SHOWN)])
    places = mx.array([[0, row, column, 0] for row in range(side) for column in range(side)])
    numbers = mx.array([[0, 0, 0, number] for number in range(said.shape[1])])
    told: mx.array = parts.transformer(tokens, said, 1000.0 * given["sigma"], places, numbers)
    return told[..., :SHOWN]
