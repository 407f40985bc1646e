"""One training: steps over one model with a checkpoint now and then, so that whoever stops it loses a minute at most.

What a step sees depends on its number alone, so that a training that was stopped is the one that was not.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import mlx.core as mx
from mlx import nn
from mlx.optimizers import Optimizer, clip_grad_norm, cosine_decay, join_schedules, linear_schedule
from mlx.utils import tree_map, tree_unflatten

from scripts.mini.ledger import Ledger
from scripts.mini.model.arrays import loaded, named

__all__ = ["Stopped", "Training", "stoppable", "warmed"]

Arrays = tuple[mx.array, ...]
CHECKPOINT_EVERY = 60.0
"""Seconds by the clock between two checkpoints."""
SAY_EVERY = 20.0


def warmed(peak: float, steps: int) -> Callable[[mx.array], mx.array]:
    """A rate of learning that rises to its peak in a fortieth of the steps and falls to a hundredth of it."""
    warm = max(2, steps // 40)
    fall = cosine_decay(peak, max(1, steps - warm), 0.01 * peak)
    rate: Callable[[mx.array], mx.array] = join_schedules([linear_schedule(0.01 * peak, peak, warm), fall], [warm])
    return rate


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


def _streams() -> tuple[mx.Stream, ...]:
    """Two: on a CPU mlx gives each a thread, so that both halves of a batch are learnt from at once."""
    device = mx.default_device()
    return mx.new_stream(device), mx.new_stream(device)


@dataclass
class Training:
    """A model on its way.

    Args:
        name: Of its checkpoint, its log and its account.
        steps: How many there are in all.
        model: What is trained.
        optimizer: Its state is kept, too.
        batch: A step's number to what the loss is given.
        loss: The model and a batch to one number and what it consists of.
        folder: Where the checkpoint lies.
        ledger: Where the time is written down.
        streams: One for each part of a batch; the count divides every batch's.
        average: Share of the old in a running mean of the weights, None where none is kept.
        limit: Norm above which gradients are shortened.
    """

    name: str
    steps: int
    model: nn.Module
    optimizer: Optimizer
    batch: Callable[[int], Arrays]
    loss: Callable[..., tuple[mx.array, dict[str, mx.array]]]
    folder: Path
    ledger: Ledger
    average: float | None = None
    limit: float = 1.0
    step: int = 0
    mean: Any = None
    streams: tuple[mx.Stream, ...] = field(default_factory=_streams)

    @property
    def checkpoint(self) -> Path:
        """Where it lies."""
        return self.folder / f"{self.name}.safetensors"

    def run(self, until: int | None = None) -> None:
        """Go on from the checkpoint to the last step, or to `until`.

        Raises:
            Stopped: On SIGTERM or Ctrl-C, with everything kept.
        """
        self.resume()
        last = min(self.steps, until or self.steps)
        kept = said = time.monotonic()
        with stoppable() as asked, (self.folder / f"{self.name}.log").open("a", encoding="utf-8") as log:
            while self.step < last:
                told = self._advance()
                self.ledger.tick(self.name)
                now = time.monotonic()
                if now - said > SAY_EVERY or self.step == last:
                    said = now
                    print(self._line(told), file=log, flush=True)
                if now - kept > CHECKPOINT_EVERY or self.step == last or asked():
                    kept = now
                    self.keep()
                if asked() and self.step < last:
                    raise Stopped(f"{self.name}: stopped after step {self.step} of {self.steps}; run it again to go on")

    def resume(self) -> None:
        """Take up what the checkpoint holds, if there is one."""
        self.optimizer.init(self.model.trainable_parameters())
        if self.average is not None:
            self.mean = tree_map(lambda value: value + 0, self.model.trainable_parameters())
        if self.checkpoint.exists():
            arrays, said = loaded(self.checkpoint)
            kept: Any = tree_unflatten(list(arrays.items()))
            self.model.update(kept["model"])
            self.optimizer.state = kept["optimizer"]
            self.mean = kept.get("mean")
            self.step = int(said["step"])

    def keep(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {"model": self.model.trainable_parameters(), "optimizer": self.optimizer.state}
        if self.mean is not None:
            state["mean"] = self.mean
        draft = self.folder / f"{self.name}.draft.safetensors"
        mx.save_safetensors(str(draft), named(state), {"step": str(self.step)})
        draft.replace(self.checkpoint)
        self.ledger.tick(self.name, now=True)

    def finish(self) -> None:
        """Leave the model with the running mean of its weights."""
        if self.mean is not None:
            self.model.update(self.mean)
        mx.eval(self.model.parameters())

    def _advance(self) -> dict[str, mx.array]:
        value, told, gradients = self._learnt(self.batch(self.step))
        gradients, _ = clip_grad_norm(gradients, self.limit)
        self.optimizer.update(self.model, gradients)
        if self.average is not None:
            share = min(self.average, (1 + self.step) / (10 + self.step))
            fresh = self.model.trainable_parameters()
            self.mean = tree_map(lambda old, new: share * old + (1 - share) * new, self.mean, fresh)
        mx.eval(self.model.parameters(), self.optimizer.state, value, told, self.mean or {})
        self.step += 1
        return {"loss": value, **told}

    def _learnt(self, batch: Arrays) -> tuple[mx.array, dict[str, mx.array], Any]:
        """Loss, what it consists of, and gradients: each half of the batch on a stream, and so a core, of its own."""
        learn = nn.value_and_grad(self.model, self.loss)
        halves = zip(*(mx.split(array, len(self.streams)) for array in batch), strict=True)
        parts = []
        for stream, half in zip(self.streams, halves, strict=True):
            with mx.stream(stream):
                (value, told), gradients = learn(self.model, *half)
            mx.async_eval(value, gradients)
            parts.append({"value": value, "told": told, "gradients": gradients})
        mean = tree_map(lambda *arrays: sum(arrays) / len(arrays), *parts)
        return mean["value"], mean["told"], mean["gradients"]

    def _line(self, told: dict[str, mx.array]) -> str:
        numbers = " ".join(f"{name}={value.item():.4f}" for name, value in told.items())
        return f"step={self.step}/{self.steps} cpu_s={self.ledger.seconds(self.name):.0f} {numbers}"
