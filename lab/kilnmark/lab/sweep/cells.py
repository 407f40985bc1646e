"""The cells of a sweep: which pictures there are to be, in an order that changes the stack rarely.

A cell knows everything that decides its picture, so that it can be told whether one that is there is the one.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from kilnmark.client.batch.run.base import BaseNow
from kilnmark.lab.run.plan import Prompt, RunPlan
from kilnmark.lab.run.state import Checkpoint
from kilnmark.lab.sweep.errors import NothingToSweep
from kilnmark.protocol.picture.catalog import Priority

if TYPE_CHECKING:
    from kilnmark.client.request import RenderRequest

__all__ = ["Cell", "plan_cells"]

PRIORITY: Priority = "low"
"""Of every cell, which leaves the way to those who wait for a single picture."""


@dataclass(frozen=True)
class Cell:
    """One picture of a sweep.

    Attributes:
        name: Of its file in `cells/`, without its ending.
        variant: The base.
        checkpoint: The adapter; None: the picture without one.
        scale: Of the adapter.
        number: Of its prompt, from 1.
        prompt: What is painted.
        seed: Of the noise.
        numbers: Of the picture, where `run.toml` decides them.
    """

    name: str
    variant: str
    checkpoint: Checkpoint | None
    scale: float
    number: int
    prompt: Prompt
    seed: int
    numbers: tuple[tuple[str, int], ...]

    @cached_property
    def inputs(self) -> str:
        """SHA-256 over all that decides the picture, save the base's own numbers; in hex."""
        adapter = [] if self.checkpoint is None else [self.checkpoint.sha256, self.scale]
        whole = [self.variant, self.prompt.text, self.seed, self.numbers, adapter]
        return hashlib.sha256(msgspec.json.encode(whole)).hexdigest()

    @property
    def bare(self) -> str:
        """The name of the same picture without adapter."""
        return _bare_name(self.number, self.seed)

    def request(self, base: BaseNow, path: Path | None) -> "RenderRequest":
        """What the daemon is asked; the same in every run, so that what it has painted already it paints once.

        Args:
            base: The one that there is now.
            path: Where the daemon finds the adapter.
        """
        known = msgspec.json.encode([self.inputs, base.fingerprint, base.numerics, str(path)])
        request: dict[str, Any] = {
            "prompt": self.prompt.text,
            "variant": self.variant,
            "seed": self.seed,
            **dict(self.numbers),
            "on_mismatch": "warn",
            "draft": False,
            "priority": PRIORITY,
            "job_id": f"lab-{hashlib.sha256(known).hexdigest()[:40]}",
            "attached": True,
        }
        if path is not None:
            request |= {"lora_paths": [path], "lora_scales": [self.scale]}
        return cast("RenderRequest", request)


def plan_cells(plan: RunPlan, checkpoints: Sequence[Checkpoint]) -> list[Cell]:
    """All cells: those without adapter first, then each checkpoint by its step, scale by scale.

    Raises:
        NothingToSweep: There is no checkpoint, prompt, scale or seed.
    """
    sweep = plan.sweep
    for what, mend, there in (
        ("no checkpoint", "train, or bring some in with `kilnmark lab import`", checkpoints),
        ("no prompt", "write some as [[sweep.prompts]] into run.toml", sweep.prompts),
        ("no scale", "give `scales` in [sweep] of run.toml", sweep.scales),
        ("no seed", "give `seeds` in [sweep] of run.toml", sweep.seeds),
    ):
        if not there:
            raise NothingToSweep(f"there is {what} to paint", mend)
    stacks: list[tuple[Checkpoint | None, float]] = [(None, 1.0)]
    stacks += [
        (one, scale)
        for one in sorted(checkpoints, key=lambda one: (one.step, one.sha256))
        for scale in sorted(set(sweep.scales))
    ]
    wanted = {"width": sweep.width, "height": sweep.height, "steps": sweep.steps}
    numbers = tuple((name, value) for name, value in wanted.items() if value is not None)
    return [
        Cell(_name(stack, number, seed), plan.base, *stack, number, prompt, seed, numbers)
        for stack in stacks
        for number, prompt in enumerate(sweep.prompts, 1)
        for seed in dict.fromkeys(sweep.seeds)
    ]


def _name(stack: tuple[Checkpoint | None, float], number: int, seed: int) -> str:
    checkpoint, scale = stack
    if checkpoint is None:
        return _bare_name(number, seed)
    return f"{checkpoint.step:07d}-{checkpoint.sha256[:8]}-x{scale:g}-p{number}-s{seed}"


def _bare_name(number: int, seed: int) -> str:
    return f"bare-p{number}-s{seed}"
