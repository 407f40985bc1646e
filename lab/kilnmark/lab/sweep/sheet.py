"""The contact sheet of a sweep: a row for each checkpoint at each scale, a column for each prompt and seed.

It is for somebody who reads nothing else, so that what is wrong with a picture stands on it, in words and in shape as
well as in colour. Nothing is judged here.
"""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.errors import RunUnusable

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

__all__ = ["SheetColumn", "SheetRow", "draw_sweep"]

TILE, GAP, MARGIN = 148, 10, 24
"""Pixels: of a picture's longer side, between two, and around all."""
LABEL, HEAD, TITLE = 236, 96, 58
"""Pixels: left of a row, above the columns, and above all."""
FRAME = 3
PAPER, INK, FAINT = "#f7f4ee", "#23211e", "#6b655f"
GREEN, RED, GREY = "#2c7a4b", "#b3261e", "#8d8780"

_STATES = {
    "picked": "picked",
    "passes": "passes every bar",
    "early": "early",
    "misses": "misses a bar",
    "bare": "to compare with",
}


class SheetColumn(NamedTuple):
    """What a column shows.

    Attributes:
        title: Its prompt's role.
        text: The prompt, and the seed.
    """

    title: str
    text: str


class SheetRow(NamedTuple):
    """What a row shows.

    Attributes:
        title: Its checkpoint and scale.
        text: What is said of it.
        state: `picked`, `passes`, `early`, `misses`, or `bare` without adapter.
        pictures: By column; an absent one could not be painted.
        marks: What is wrong with a picture, in a few words, by column.
    """

    title: str
    text: str
    state: str
    pictures: Mapping[int, Path]
    marks: Mapping[int, str]


def draw_sweep(title: str, columns: Sequence[SheetColumn], rows: Sequence[SheetRow], path: Path) -> None:
    """Draw it.

    Args:
        title: Above all.
        columns: From left to right.
        rows: From top to bottom.
        path: Where to (PNG); an existing file is replaced.

    Raises:
        RunUnusable: It cannot be written.
    """
    from PIL import Image, ImageDraw

    wide = 2 * MARGIN + LABEL + len(columns) * (TILE + GAP)
    high = 2 * MARGIN + TITLE + HEAD + len(rows) * (TILE + GAP)
    page = Image.new("RGB", (wide, high), PAPER)
    draw = ImageDraw.Draw(page)
    _write(draw, (MARGIN, MARGIN), textwrap.shorten(title, max(20, wide // 14)), 24)
    for place, column in enumerate(columns):
        left = MARGIN + LABEL + place * (TILE + GAP)
        _write(draw, (left, MARGIN + TITLE), column.title, 15)
        _write(draw, (left, MARGIN + TITLE + 20), _wrapped(column.text, 24, 5), 11, FAINT)
    for place, row in enumerate(rows):
        _draw_row(page, draw, row, len(columns), MARGIN + TITLE + HEAD + place * (TILE + GAP))
    try:
        with written_whole(path, alone=True) as file:
            page.save(file, "PNG")
    except OSError as error:
        raise RunUnusable(str(path), error.strerror or str(error), "make room for it") from error


def _draw_row(page: "Image", draw: "ImageDraw", row: SheetRow, columns: int, top: int) -> None:
    colour = {"picked": GREEN, "passes": INK, "misses": RED}.get(row.state, GREY)
    if row.state == "picked":
        right = MARGIN + LABEL + columns * (TILE + GAP) - GAP
        box = (MARGIN - 8, top - GAP // 2, right + 8, top + TILE + GAP // 2 - 1)
        draw.rectangle(box, outline=GREEN, width=FRAME)
    _write(draw, (MARGIN, top + 4), row.title, 17)
    _write(draw, (MARGIN, top + 28), _STATES[row.state], 13, colour)
    _write(draw, (MARGIN, top + 48), _wrapped(row.text, 40, 6), 11, FAINT)
    for column in range(columns):
        at = (MARGIN + LABEL + column * (TILE + GAP), top)
        _draw_cell(page, draw, row.pictures.get(column), row.marks.get(column, ""), at)


def _draw_cell(page: "Image", draw: "ImageDraw", picture: Path | None, mark: str, at: tuple[int, int]) -> None:
    from PIL import Image

    left, top = at
    if picture is None:
        draw.rectangle((left, top, left + TILE - 1, top + TILE - 1), outline=RED)
        _cross(draw, (left + TILE // 2, top + TILE // 2), 24)
    else:
        with Image.open(picture) as opened:
            small = opened.convert("RGB")
            small.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
            if max(small.size) < TILE:
                share = TILE / max(small.size)
                small = small.resize(
                    (round(small.width * share), round(small.height * share)), Image.Resampling.BICUBIC
                )
            page.paste(small, (left + (TILE - small.width) // 2, top + (TILE - small.height) // 2))
    if mark:
        draw.rectangle((left, top, left + TILE - 1, top + TILE - 1), outline=RED, width=FRAME)
        draw.rectangle((left, top + TILE - 20, left + TILE - 1, top + TILE - 1), RED)
        _cross(draw, (left + 11, top + TILE - 10), 5, "white", 2)
        _write(draw, (left + 22, top + TILE - 18), mark, 12, "white")


def _cross(draw: "ImageDraw", at: tuple[int, int], arm: int, colour: str = RED, width: int = 6) -> None:
    across, down = at
    draw.line((across - arm, down - arm, across + arm, down + arm), colour, width)
    draw.line((across - arm, down + arm, across + arm, down - arm), colour, width)


def _wrapped(text: str, width: int, most: int) -> str:
    lines = textwrap.wrap(text, width)
    return "\n".join([*lines[: most - 1], f"{lines[most - 1]} ..."] if len(lines) > most else lines)


def _write(draw: "ImageDraw", at: tuple[int, int], text: str, size: int, colour: str = INK) -> None:
    from PIL import ImageFont

    draw.text(at, text, colour, ImageFont.load_default(size))
