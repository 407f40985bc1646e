"""Drawings on disk, in shards that are drawn once: what classifier and autoencoder learn from, and what judges them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt

from scripts.mini.draw.scene import picture
from scripts.mini.draw.words import ATTRIBUTES, STYLES, Motif, every_motif, is_held_out
from scripts.mini.ledger import Ledger

__all__ = ["CLASSES", "FOLDS", "LABELS", "LOOKS", "Drawings", "PoolSpec", "drawings", "labels_of", "motifs"]

Pictures = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int32]
LABELS = (*ATTRIBUTES, "style")
CLASSES = (*(len(values) for values in ATTRIBUTES.values()), len(STYLES))
"""How many values each label has."""
FOLDS = (4, 2, 2)
LOOKS = (40, 80, 128)
"""The classifier's sizes: by how much it folds a picture, and how wide it is then."""
SHARD = 250


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """Which drawings.

    Args:
        name: Of the folder of its shards.
        count: How many.
        size: Pixels along one side.
        styles: Drawn in turn.
        held_out: Whether of the combinations that are never trained on, or of the others.
        subjects: One of so many shows the subject; 0 none.
        seed: Where chance begins.
    """

    name: str
    count: int
    size: int = 128
    styles: tuple[str, ...] = ("neutral",)
    held_out: bool = False
    subjects: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Drawings:
    """Pictures (count, size, size, 3) of bytes and labels (count, 5) in the order of `LABELS`."""

    pictures: Pictures
    labels: Labels


def motifs(spec: PoolSpec) -> Iterator[tuple[Motif, int, str]]:
    """What each drawing shows, its seed and its style. Combinations come evenly, in an order of chance."""
    random = Random(f"{spec.name} {spec.seed}")  # noqa: S311 - chance that is no secret
    known = [motif for motif in every_motif() if is_held_out(motif) == spec.held_out]
    deck: list[Motif] = []
    for number in range(spec.count):
        if not deck:
            deck = random.sample(known, len(known))
        motif = deck.pop()
        if spec.subjects and number % spec.subjects == 0:
            motif = Motif(motif.place, motif.weather, motif.time, motif.creature, subject=True)
        yield motif, random.randrange(10**9), spec.styles[number % len(spec.styles)]


def labels_of(motif: Motif, style: str = "neutral") -> list[int]:
    """The number of each value, in the order of `LABELS`."""
    return [*(values.index(getattr(motif, name)) for name, values in ATTRIBUTES.items()), STYLES.index(style)]


def drawings(folder: Path, spec: PoolSpec, ledger: Ledger) -> Drawings:
    """The drawings, drawn where they are not on disk yet."""
    home = folder / spec.name
    home.mkdir(parents=True, exist_ok=True)
    wanted = list(motifs(spec))
    shards = [
        _shard(home, start, wanted[start : start + SHARD], spec, ledger) for start in range(0, len(wanted), SHARD)
    ]
    labels = [labels_of(motif, style) for motif, _, style in wanted]
    return Drawings(np.concatenate(shards), np.array(labels, np.int32))


def _shard(home: Path, start: int, wanted: list[tuple[Motif, int, str]], spec: PoolSpec, ledger: Ledger) -> Pictures:
    path = home / f"{start:06}.npy"
    if not path.exists():
        drawn = np.stack([np.asarray(picture(motif, seed, spec.size, style)) for motif, seed, style in wanted])
        draft = path.with_suffix(".draft.npy")
        np.save(draft, drawn)
        draft.replace(path)
        ledger.tick("drawing", now=True)
    found: Pictures = np.load(path)
    return found
