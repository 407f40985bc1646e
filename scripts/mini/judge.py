"""Whether the model shows what it is asked for: prompts whose combinations it never saw, judged by the classifier."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt
from PIL import Image

from scripts.mini.draw.captions import plain
from scripts.mini.draw.words import Motif, every_motif, is_held_out
from scripts.mini.model.classifier import Classifier, judge
from scripts.mini.painter import Painter
from scripts.mini.pool import Drawings, labels_of

__all__ = ["Judged", "held_out", "judged", "sheet", "shown"]

Pictures = npt.NDArray[np.uint8]
COLUMNS = 6
GAP = 4


@dataclass(frozen=True, slots=True)
class Judged:
    """What the classifier says of pictures of combinations never drawn.

    Args:
        held_out: Share of attributes that are as asked for, of all pictures together.
        whole: Share of pictures with every attribute as asked for.
        by_attribute: Share of right ones by attribute.
        prompts: How many pictures there were.
    """

    held_out: float
    whole: float
    by_attribute: dict[str, float]
    prompts: int


def shown(painter: Painter, classifier: Classifier, count: int, page: Path | None) -> Judged:
    """Paint so many held-out prompts and judge them; the first of them are kept on a page (PNG), unless it is None."""
    motifs = held_out(count)
    painted = painter.pictures([plain(motif) for motif in motifs], range(count))
    if page:
        sheet(painted[: 5 * COLUMNS]).save(page)
    return judged(classifier, motifs, painted)


def held_out(count: int, seed: int = 1) -> list[Motif]:
    """Combinations that were never drawn, in an order of chance; five of six with a creature."""
    known = [motif for motif in every_motif() if is_held_out(motif)]
    random = Random(seed)  # noqa: S311 - chance that is no secret
    return [random.choice(known) for _ in range(count)]


def judged(classifier: Classifier, motifs: Sequence[Motif], pictures: Pictures) -> Judged:
    """What the classifier says of pictures that were asked for with these motifs."""
    labels = np.array([labels_of(motif) for motif in motifs], np.int32)
    found = judge(classifier, Drawings(pictures, labels))
    return Judged(found.mean, found.whole, found.by_attribute, len(motifs))


def sheet(pictures: Pictures, columns: int = COLUMNS) -> Image.Image:
    """Pictures of one size side by side on white."""
    count, high, wide, _ = pictures.shape
    rows = -(-count // columns)
    page = Image.new("RGB", (columns * (wide + GAP) + GAP, rows * (high + GAP) + GAP), "white")
    for number, picture in enumerate(pictures):
        at = (GAP + number % columns * (wide + GAP), GAP + number // columns * (high + GAP))
        page.paste(Image.fromarray(picture), at)
    return page
