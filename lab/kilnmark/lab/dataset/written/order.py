"""What a trainer is asked to make of a folder of copies: the facts that every trainer's file is written from."""

from dataclasses import dataclass
from pathlib import Path

from kilnmark.lab.dataset.written.copies import Copies
from kilnmark.lab.run.plan import LoraKind, TrainingPlan
from kilnmark.protocol.picture.family import Variant

__all__ = ["TrainerOrder"]


@dataclass(frozen=True, slots=True)
class TrainerOrder:
    """One training, as a trainer is to be told of it.

    Attributes:
        name: What the adapter is to be called.
        kind: What it is to teach.
        base: The variant that is trained.
        size: Pixels that it is trained at, squared.
        numbers: Steps, rank and the like.
        copies: What it is trained with.
        folder: Where the copies' `pictures/` lies, absolute.
        output: Where the trainer is to leave what it makes, absolute.
    """

    name: str
    kind: LoraKind
    base: Variant
    size: int
    numbers: TrainingPlan
    copies: Copies
    folder: Path
    output: Path
