"""How far a part of a run is, as a metric, for whoever listens. What a part does is not known here."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from kilnmark.lab.errors import LabError
from kilnmark.lab.run.folder import read_state
from kilnmark.otel import names
from kilnmark.otel.measures import Measures, Observed

__all__ = ["Came", "nobody", "progress_of", "show_training"]

Came = Callable[[int, int], None]
"""Told how many are done by now, and how many there are to be."""


def nobody(_done: int, _total: int) -> None:
    """Where nobody listens."""


def progress_of(measures: Measures, part: Literal["sweep", "gate", "judging"]) -> Came:
    """Sets the gauge of a part.

    Args:
        measures: Of the command's process.
        part: What the run is at.
    """

    def came(done: int, total: int) -> None:
        measures.record(names.LAB_PROGRESS, done / total if total else 1.0, {names.LAB_PART: part})

    return came


def show_training(measures: Measures, folder: Path) -> None:
    """Let the gauge show how far the training of a run is, by its state, whenever it is looked at.

    Args:
        measures: Of the command's process.
        folder: The run's.
    """

    def look() -> Observed:
        try:
            state = read_state(folder)
        except LabError:
            return
        if state is not None and state.training is not None and state.training.steps:
            yield state.training.step / state.training.steps, {names.LAB_PART: "training"}

    measures.observe(names.LAB_PROGRESS, look)
