"""mflux's classes for training, around a FLUX.2-klein that the engine loaded, and what they leave undone.

A caption is encoded once, however many pictures have it; a checkpoint appears whole or not at all; every step's loss is
told and kept; and a signal ends a training between two steps. Which training, `training` says.
"""

import os
import shutil
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import mlx.core as mx
from mflux.models.common.training.dataset.batch import Batch
from mflux.models.common.training.dataset.dataset import Dataset
from mflux.models.common.training.dataset.iterator import Iterator
from mflux.models.common.training.state.training_spec import TrainingSpec
from mflux.models.common.training.state.training_state import TRAINING_PATH_CHECKPOINTS, TrainingState
from mflux.models.common.training.trainer import TrainingTrainer
from mflux.models.flux2.training_adapter.flux2_base_training_adapter import Flux2BaseTrainingAdapter
from mflux.models.flux2.training_adapter.flux2_training_adapter import Flux2TrainingAdapter
from mflux.utils.exceptions import StopTrainingException
from mlx.utils import tree_flatten

from kilnmark.engine.compute import precision
from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.flux2.loading import KIT
from kilnmark.engine.families.library.loading import loaded
from kilnmark.engine.families.origins import find_origin

__all__ = ["KleinSchool", "StepsTold", "StoppableBatches", "WholeCheckpoints", "tell"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def tell(line: str) -> None:
    """Say how far it is, on stdout and at once: whoever drives the training reads along."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class KleinSchool(Flux2TrainingAdapter):  # type: ignore[misc]
    """mflux's training adapter, of a base that the engine's loader found and built at its own size.

    Args:
        name: What the base is asked for by.
        place: A name of the catalog, or a directory.
        quantize: Bits of its linear layers; None leaves them as they are.

    Raises:
        BaseUnavailable: It cannot be loaded, or is no FLUX.2-klein.
    """

    def __init__(self, name: str, place: str, quantize: int | None) -> None:
        origin = find_origin(name, place)
        if origin.variant.name not in KIT.configs:
            raise BaseUnavailable(
                f"{name} is {origin.variant.name}, which is no FLUX.2-klein; mflux-train may train it"
            )
        klein, _ = loaded(KIT, origin, quantize)
        for part in (klein.transformer, klein.text_encoder, klein.vae):
            part.apply(lambda array: array.astype(precision()) if mx.issubdtype(array.dtype, mx.floating) else array)
        Flux2BaseTrainingAdapter.__init__(
            self, model_config=klein.model_config, quantize=quantize, model_factory=lambda *_: klein
        )
        self._said: dict[str, tuple[mx.array, mx.array]] = {}

    @property
    def numbers(self) -> int:
        """How many its transformer has."""
        built: dict[str, mx.array] = {}
        tree_flatten(self.transformer().parameters(), destination=built)
        return sum(array.size for array in built.values())

    def _encode_prompt(self, *, prompt: str) -> tuple[mx.array, mx.array]:
        if prompt not in self._said:
            self._said[prompt] = super()._encode_prompt(prompt=prompt)
        return self._said[prompt]


class StoppableBatches(Iterator):  # type: ignore[misc]
    """mflux's iterator over batches, which ends between two steps once it was told to.

    Attributes:
        stopped_by: The signal; None: go on.
    """

    stopped_by: int | None = None

    @classmethod
    def begun(cls, spec: TrainingSpec, dataset: Dataset) -> "StoppableBatches":
        """Where a training stands: at its begin, or where its checkpoint was written."""
        steps: StoppableBatches = cls.from_dict(Iterator.from_spec(spec, dataset).to_dict(), dataset)
        return steps

    def __next__(self) -> Batch:
        if self.stopped_by is not None:
            name = signal.Signals(self.stopped_by).name
            raise StopTrainingException(f"stopped by {name} after step {self.num_iterations}; its checkpoint is kept")
        return super().__next__()


class WholeCheckpoints(TrainingState):  # type: ignore[misc]
    """mflux's state of a training, whose checkpoints are there under their names once they are whole and on disk."""

    _saved: int | None = None
    """The step whose checkpoint was written last; mflux asks for the last one twice."""

    def save(self, adapter: Any, training_spec: TrainingSpec) -> None:
        """Write one.

        Args:
            adapter: That is trained.
            training_spec: Says where.
        """
        if self._saved == self.iterator.num_iterations:
            return
        goal = Path(training_spec.checkpoint.output_path)
        draft = goal.with_name(f".{goal.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        aside = replace(training_spec, checkpoint=replace(training_spec.checkpoint, output_path=str(draft)))
        super().save(adapter, aside)
        (goal / TRAINING_PATH_CHECKPOINTS).mkdir(parents=True, exist_ok=True)
        for written in (draft / TRAINING_PATH_CHECKPOINTS).iterdir():
            with written.open("rb") as file:
                os.fsync(file.fileno())
            written.replace(goal / TRAINING_PATH_CHECKPOINTS / written.name)
            tell(f"checkpoint {goal / TRAINING_PATH_CHECKPOINTS / written.name}")
        shutil.rmtree(draft)
        self._saved = self.iterator.num_iterations


class StepsTold:
    """Tells and keeps each step's loss, and lets signals end a training. A context manager, for one training.

    mflux computes the loss of a step, asks `TrainingTrainer._step_is_finite` about it and, unless it also paints
    previews, throws it away; so that question is listened to while the block lasts.

    Args:
        state: Of the training.
    """

    def __init__(self, state: TrainingState) -> None:
        self._state, self._began = state, time.monotonic()
        self._question = TrainingTrainer._step_is_finite  # noqa: SLF001 - the one place that sees every loss
        self._handlers: dict[signal.Signals, Any] = {}

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def __enter__(self) -> Self:
        TrainingTrainer._step_is_finite = staticmethod(self._heard)  # noqa: SLF001
        self._handlers = {number: signal.signal(number, self._stop) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        TrainingTrainer._step_is_finite = staticmethod(self._question)  # noqa: SLF001
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _heard(self, loss: mx.array) -> bool:
        steps = self._state.iterator
        number, value = steps.num_iterations, float(loss)
        finite = bool(self._question(loss))
        if finite and number not in self._state.statistics.steps[-1:]:
            self._state.statistics.append_values(step=number, loss=value)
        note = "" if finite else ", left out"
        tell(f"step {number} of {steps.total_number_of_steps()}, loss {value:.4f}{note}")
        return finite

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as signals call
        self._state.iterator.stopped_by = number
