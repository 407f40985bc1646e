"""The losses of a training as one small picture, from its logs: `python -m scripts.mini.curves FOLDER PNG`."""

import re
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw

__all__ = ["curves", "read_log"]

TRAININGS = ("classifier", "vae", "flow", "distil", "woodcut", "gouache", "balloon")
SIZE = (200, 130)
EDGE = 14
COLUMNS = 4
INK, PALE = (30, 40, 60), (200, 205, 215)
SMOOTH = 0.8
"""Share of the old in the running mean that is drawn."""
LINE = re.compile(r"step=(\d+)/.*?loss=([0-9.]+)")


def read_log(path: Path) -> list[tuple[int, float]]:
    """Steps and losses."""
    found = (LINE.search(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [(int(match[1]), float(match[2])) for match in found if match]


def curves(logs: Sequence[Path]) -> Image.Image:
    """One field for each log, from its first loss to the last, from nothing to the highest."""
    rows = -(-len(logs) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * SIZE[0], rows * SIZE[1]), "white")
    for number, log in enumerate(logs):
        at = (number % COLUMNS * SIZE[0], number // COLUMNS * SIZE[1])
        page.paste(_field(log.stem, read_log(log)), at)
    return page


def _field(name: str, told: list[tuple[int, float]]) -> Image.Image:
    field = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(field)
    wide, high = SIZE[0] - 2 * EDGE, SIZE[1] - 3 * EDGE
    top, last = max(loss for _, loss in told), told[-1][0]
    draw.line([(EDGE, 2 * EDGE), (EDGE, 2 * EDGE + high), (EDGE + wide, 2 * EDGE + high)], fill=PALE)
    mean, points = told[0][1], []
    for step, loss in told:
        mean = SMOOTH * mean + (1 - SMOOTH) * loss
        points.append((EDGE + step / last * wide, 2 * EDGE + high * (1 - mean / top)))
    for one, other in pairwise(points):
        draw.line([one, other], fill=INK, width=2)
    draw.text((EDGE, EDGE // 2), f"{name}, {last} steps: {top:.2f} to {mean:.2f}", fill=INK)
    return field


def main() -> None:
    """Draw those that are there."""
    folder, page = Path(sys.argv[1]), Path(sys.argv[2])
    logs = [path for name in TRAININGS if (path := folder / f"{name}.log").exists()]
    curves(logs).quantize(16).save(page, optimize=True)


if __name__ == "__main__":
    main()
