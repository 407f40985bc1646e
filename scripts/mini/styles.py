"""Whether the adapters do what they are for: the same prompts and seeds without and with each, told apart by the
classifier. They are read and put on by the product itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kilnmark.engine.stack.slots import find_slots
from kilnmark.engine.stack.stack import Member, Stacker
from kilnmark.keymaps.adapter import read_adapter
from scripts.mini.draw.captions import plain
from scripts.mini.draw.words import STYLES
from scripts.mini.judge import held_out, sheet
from scripts.mini.model.classifier import Classifier, judge
from scripts.mini.painter import Painter
from scripts.mini.pool import Drawings, labels_of

__all__ = ["StylesJudged", "styled"]

Pictures = npt.NDArray[np.uint8]
SEED = 2
"""Of the prompts; others than those that the model is judged by."""
COLUMNS = 6


@dataclass(frozen=True, slots=True)
class StylesJudged:
    """What the classifier says of pictures with and without adapters.

    Args:
        styles: Share of pictures whose style is that of the adapter on them, or neutral where there is none.
        by_style: The same by style.
        held_out: Share of attributes that are as asked for all the same, by style.
        prompts: How many pictures there were of each.
    """

    styles: float
    by_style: Mapping[str, float]
    held_out: Mapping[str, float]
    prompts: int


def styled(
    painter: Painter, classifier: Classifier, loras: Mapping[str, Path], count: int, page: Path | None
) -> StylesJudged:
    """Paint so many held-out prompts without an adapter and with each style's, and judge them.

    Args:
        painter: With the model.
        classifier: That tells styles apart.
        loras: The adapters' files, by the style or `balloon`.
        count: Of prompts.
        page: Where a sheet is written (PNG): a row without, one for each style, and one for the subject.
    """
    motifs = held_out(count, seed=SEED)
    prompts = [plain(motif) for motif in motifs]
    rows = {style: worn(painter, [] if style == STYLES[0] else [loras[style]], prompts) for style in STYLES}
    right, shown = {}, {}
    for style, pictures in rows.items():
        labels = np.array([labels_of(motif, style) for motif in motifs], np.int32)
        found = judge(classifier, Drawings(pictures, labels))
        right[style], shown[style] = found.by_attribute["style"], found.mean
    if page:
        subject = worn(painter, [loras["balloon"]], [f"a striped balloon over {p}" for p in prompts[:COLUMNS]])
        sheet(np.concatenate([*(pictures[:COLUMNS] for pictures in rows.values()), subject]), COLUMNS).save(page)
    return StylesJudged(sum(right.values()) / len(right), right, shown, count)


def worn(painter: Painter, loras: Sequence[Path], prompts: Sequence[str]) -> Pictures:
    """The prompts painted with a stack of adapters at scale 1; the base is as before afterwards."""
    slots = find_slots(painter.parts.transformer)
    shapes = {path: slot.shape for path, slot in slots.items()}
    stacker = Stacker(slots)
    stacker.switch([Member(read_adapter(path, shapes), 1.0) for path in loras])
    try:
        return painter.pictures(prompts, range(len(prompts)))
    finally:
        stacker.clear()
