"""Stacks on a base of small layers: adapters of made-up changes, and what dense float64 arithmetic says of them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kilnmark.engine.proof.beside import Beside, StackLayer, Weighed, cancellations, rows_of_groups, weigh
from kilnmark.engine.proof.doubts import Figures
from kilnmark.engine.proof.measured import Measured
from kilnmark.engine.proof.thresholds import LOST_RATIO
from kilnmark.engine.proof.weighing import Weighing
from kilnmark.engine.stack.slots import Slot
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.protocol.picture.beside import Cancellation
from tests.engine.small_layer import adapter

from mlx import nn  # isort: skip - after the engine, which puts the fast BLAS first

ROWS, COLUMNS = 96, 64
WEIGHT = 100.0
Change = Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]
"""What one adapter changes, layer by layer: up and down."""


def slots(layers: int) -> dict[str, Slot]:
    """So many layers of one size; nobody asks for their numbers."""
    linear = nn.Linear(COLUMNS, ROWS)
    return {f"blocks.{place}": Slot(f"blocks.{place}", [linear], 0, linear, (ROWS, COLUMNS)) for place in range(layers)}


def pairs(seed: int, layers: int, rank: int = 4, size: float = 1.0) -> Change:
    """Of unrelated changes, each of about this norm."""
    rng = np.random.default_rng(seed)
    scale = size / np.sqrt(ROWS * COLUMNS * rank)
    ups = [(scale * rng.standard_normal((ROWS, rank))).astype(np.float32) for _ in range(layers)]
    return [(up, rng.standard_normal((rank, COLUMNS)).astype(np.float32)) for up in ups]


def sums(*parts: tuple[float, Change]) -> Change:
    """Of multiples of others, as pairs of all their ranks."""
    found = []
    for each in zip(*(one for _, one in parts), strict=True):
        up = np.concatenate([np.float32(factor) * up for (factor, _), (up, _) in zip(parts, each, strict=True)], axis=1)
        found.append((up, np.concatenate([down for _, down in each])))
    return found


def dense(one: Change) -> NDArray[np.float64]:
    """`(layers, rows, columns)`."""
    return np.array([up.astype(float) @ down.astype(float) for up, down in one])


def measured(name: str, one: Change, first: int = 0) -> Measured:
    """As an adapter of that name and content, on layers from the first on."""
    norms = np.linalg.norm(dense(one), axis=(1, 2))
    updates = tuple(
        PairUpdate(f"blocks.{first + place}", down, up, 1.0, norm=float(norms[place]))
        for place, (up, down) in enumerate(one)
    )
    return Measured(replace(adapter(updates[0], name), name=name, updates=updates), first + np.arange(len(one)), norms)


class Told:
    """What is told of a stack, all at scale 1, by the product and by dense arithmetic."""

    def __init__(self, weighing: Weighing, stack: Sequence[Measured], groups: int = 3) -> None:
        self._layers = max(each.places.max() for each in stack) + 1
        self._groups = groups
        self._stack = [Weighed(each.adapter.sha256, each.adapter.name, 1.0) for each in stack]
        found = weighing.products(stack, [np.ones(1)] * len(stack), self._figures)
        self.products = found.products
        self.beside = weigh(self._stack, self._described(len(found.places)), found.products)
        self.cancelled: list[Cancellation | None] = cancellations(self._stack, found.total)

    def _described(self, layers: int) -> list[StackLayer]:
        return [StackLayer(f"blocks.{place}", f"group {place % self._groups}", WEIGHT) for place in range(layers)]

    def _figures(self, places: NDArray[np.intp]) -> Figures:
        layers = self._described(len(places))
        files = [each.file for each in self._stack]
        return Figures(files, LOST_RATIO * np.full(len(places), WEIGHT), list(rows_of_groups(layers).values()), [1e6])

    def by(self, changes: Sequence[NDArray[np.float64]]) -> tuple[list[Beside], list[Cancellation | None]]:
        """The same of dense changes."""
        whole = np.array(changes)
        products = np.einsum("ilab,jlab->lij", whole, whole)
        told = weigh(self._stack, self._described(len(products)), products)
        return told, cancellations(self._stack, products.sum(axis=0))
