"""What is alike in all models of mflux's classes: a prompt and what to guide away from, and the loop of steps.

All of it runs as mflux runs it, but that mflux compiles its step anew for every picture; here nothing is, so that a
flip of stacks traces nothing. No adapter reaches it through mflux's loader.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import mlx.core as mx

from kilnmark.engine.families.family import Encoded, Watcher, tell_glimpse, tell_schedule
from kilnmark.engine.families.library.latents import straight_end

__all__ = ["LibraryModel", "painted"]


class LibraryModel(ABC):
    """Most of a `Model`; how its family encodes and predicts noise is left to it.

    Args:
        made: The object of mflux itself.
        fingerprint: Names its weights.
        guided: Whether its pictures are guided away from a negative prompt, which costs a second pass a step.
    """

    compiled = False
    shared_inputs: Sequence[Sequence[str]] = ()
    nothing = " "
    """What mflux guides away from where there is no negative prompt."""

    def __init__(self, made: Any, fingerprint: str, *, guided: bool) -> None:
        self.made = made
        self.fingerprint = fingerprint
        self.guided = guided

    @property
    def bits(self) -> int | None:
        """Those that mflux found stored, or quantized it to."""
        bits: int | None = self.made.bits
        return bits

    def encode(self, prompt: str, negative_prompt: str | None) -> Encoded:
        """What the text encoder makes of the prompt, and of the negative one where pictures are guided."""
        wanted = self.encoded(prompt)
        if not self.guided:
            return (wanted,)
        unwanted = negative_prompt if negative_prompt and negative_prompt.strip() else self.nothing
        return wanted, self.encoded(unwanted)

    @abstractmethod
    def encoded(self, prompt: str) -> mx.array:
        """What the text encoder makes of one prompt, lazily; its shape is the family's."""


def painted(
    steps: int,
    latents: mx.array,
    stepped: Callable[[int, mx.array], mx.array],
    watcher: Watcher,
    *,
    sigmas: mx.array,
    first: int = 0,
    clean: Callable[[], mx.array] | None = None,
) -> mx.array:
    """The latents of a picture once its loop is over.

    Args:
        steps: How many.
        latents: Those before the first step, in the family's own shape.
        stepped: A step's number, and latents before it, to those after it, lazily.
        watcher: Told of every step; what it raises is raised.
        sigmas: The noise level before each of them.
        first: The first that is painted; those before it are left out of a picture that starts from another.
        clean: Tells, after a step, what latents the picture seems to come to; None: those that its line leads to.
    """
    tell_schedule(watcher, sigmas)
    for step in range(first, steps):
        before, latents = latents, stepped(step, latents)
        watcher.stepped(step)
        mx.eval(latents)
        tell_glimpse(watcher, clean or partial(straight_end, before, latents, sigmas, step))
    watcher.denoised(latents)
    return latents
