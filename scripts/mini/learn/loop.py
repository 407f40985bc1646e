"""One training: steps over one module with a checkpoint now and then, so that whoever stops it loses a minute at most.

What a step sees depends on its number alone, so that a training that was stopped goes on as it would have.
"""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import torch
from torch import nn

from scripts.mini.ledger import Ledger

__all__ = ["Lesson", "Stopped", "Training", "seat"]

Lesson = tuple[torch.Tensor, dict[str, float]]
"""A loss and what is told of it."""
CHECKPOINT_EVERY = 60.0
"""Seconds by the clock between two checkpoints."""
SAY_EVERY = 20.0


class Stopped(SystemExit):
    """Somebody asked the training to stop; all is kept."""


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Within, SIGTERM and Ctrl-C end nothing at once: what is given says whether one came."""
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class Training:
    """A module on its way.

    Args:
        name: Of its checkpoint, its log and its account.
        steps: How many there are in all.
        model: What is trained; only parameters that ask for gradients are.
        lesson: A step's number to the loss.
        folder: Where the checkpoint lies.
        ledger: Where the time is written down.
        rate: The highest rate of learning; it rises to it in a fortieth of the steps and falls to a hundredth of it.
        decay: Of weights, per unit of rate.
        average: Share of the old in a running mean of the weights.
        limit: Norm above which gradients are shortened.
    """

    name: str
    steps: int
    model: nn.Module
    lesson: Callable[[int], Lesson]
    folder: Path
    ledger: Ledger
    rate: float = 2e-3
    betas: tuple[float, float] = (0.9, 0.99)
    decay: float = 0.0
    average: float = 0.995
    limit: float = 1.0
    step: int = 0
    learnt: dict[str, nn.Parameter] = field(init=False)
    mean: dict[str, torch.Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.learnt = {name: value for name, value in self.model.named_parameters() if value.requires_grad}
        self.mean = {name: value.detach().clone() for name, value in self.learnt.items()}
        self.optimizer = torch.optim.AdamW(
            self.learnt.values(), lr=self.rate, betas=self.betas, weight_decay=self.decay, foreach=True
        )

    @property
    def checkpoint(self) -> Path:
        """Where it lies."""
        return self.folder / f"{self.name}.pt"

    def run(self) -> None:
        """Go on from the checkpoint to the last step, and leave the model with the mean of its weights.

        Raises:
            Stopped: On SIGTERM or Ctrl-C, with everything kept.
        """
        self.resume()
        kept = said = time.monotonic()
        with stoppable() as asked, (self.folder / f"{self.name}.log").open("a", encoding="utf-8") as log:
            while self.step < self.steps:
                told = self._advance()
                self.ledger.tick(self.name)
                now = time.monotonic()
                if now - said > SAY_EVERY or self.step == self.steps:
                    said = now
                    print(self._line(told), file=log, flush=True)
                if now - kept > CHECKPOINT_EVERY or self.step == self.steps or asked():
                    kept = now
                    self.keep()
                if asked() and self.step < self.steps:
                    raise Stopped(f"{self.name}: stopped after step {self.step} of {self.steps}; run it again to go on")
        self.finish()

    def resume(self) -> None:
        """Take up what the checkpoint holds, if there is one."""
        if self.checkpoint.exists():
            kept = torch.load(self.checkpoint, weights_only=True, map_location=seat(self.model))
            self.optimizer.load_state_dict(kept["optimizer"])
            self.mean, self.step = kept["mean"], kept["step"]
            with torch.no_grad():
                for name, value in self.learnt.items():
                    value.copy_(kept["model"][name])

    def keep(self) -> None:
        """Write the checkpoint, whole or not at all."""
        model = {name: value.detach() for name, value in self.learnt.items()}
        state = {"model": model, "optimizer": self.optimizer.state_dict(), "mean": self.mean, "step": self.step}
        draft = self.checkpoint.with_suffix(".draft")
        torch.save(state, draft)
        draft.replace(self.checkpoint)
        self.ledger.tick(self.name, now=True)

    def finish(self) -> None:
        """Leave the model with the running mean of its weights."""
        with torch.no_grad():
            for name, value in self.learnt.items():
                value.copy_(self.mean[name])

    def _advance(self) -> dict[str, float]:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * warmed(self.step, self.steps)
        loss, told = self.lesson(self.step)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.learnt.values(), self.limit, foreach=True)
        self.optimizer.step()
        share = min(self.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.mean.values()), list(self.learnt.values()), 1 - share)
        self.step += 1
        return {"loss": float(loss.detach()), **told}

    def _line(self, told: dict[str, float]) -> str:
        numbers = " ".join(f"{name}={value:.4f}" for name, value in told.items())
        return f"step={self.step}/{self.steps} cpu_s={self.ledger.seconds(self.name):.0f} {numbers}"


def seat(net: nn.Module) -> torch.device:
    """Where a module computes."""
    return next(net.parameters()).device


def warmed(step: int, steps: int) -> float:
    """Share of the highest rate at a step."""
    warm = max(2, steps // 40)
    if step < warm:
        return (step + 1) / warm
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))
