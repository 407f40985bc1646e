"""How far a part of a run is, as a metric, for whoever listens. What a part does is not known here."""

from collections.abc import Callable
from typing import Literal

from kilnmark.otel import names
from kilnmark.otel.measures import Measures

__all__ = ["Came", "nobody", "progress_of"]

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
