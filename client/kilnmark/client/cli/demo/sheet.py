"""The demonstration on one picture: what each stack painted, what was found of it, and which one was refused.

It is for somebody who reads nothing else, so that frames and marks say what labels say, in shape as well as in colour.
Nothing is judged here.
"""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kilnmark.client.cli.demo.exhibits import DEAD, DemoResult, Finding, WorldShown
from kilnmark.protocol.picture.report import Verdict

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

__all__ = ["draw_sheet"]

COLUMNS = 5
TILE = 256
"""Pixels along one side of a picture as it is shown."""
GAP, MARGIN, FRAME = 28, 40, 5
MARK = 17
"""Radius of the disc on a picture's upper right corner, with a tick or a cross."""
HEAD, TEXT = 128, 104
"""Pixels above all tiles, and below each."""

PAPER, INK, FAINT = "#f7f4ee", "#23211e", "#76706a"
GREEN, RED, GREY = "#2c7a4b", "#b3261e", "#8d8780"
PALE_RED = "#f6e3e0"


class Tile(NamedTuple):
    """One picture with what is said of it.

    Attributes:
        picture: The PNG; empty: nothing was painted, and `says` stands in its place.
        name: What it was painted with.
        says: A sentence or two.
        verdict: A word or two, on `colour`.
        colour: Of its frame and its mark, too; `GREY` is what the others are compared with, and has no mark.
    """

    picture: str
    name: str
    says: str
    verdict: str
    colour: str


def draw_sheet(result: DemoResult, path: Path) -> Path:
    """Draw it.

    Args:
        result: What the demonstration found, with its pictures where it says.
        path: Where to (PNG); an existing file is replaced.

    Returns:
        The path.
    """
    from PIL import Image, ImageDraw

    tiles = list(_tiles(result))
    rows = -(-len(tiles) // COLUMNS)
    wide = 2 * MARGIN + COLUMNS * TILE + (COLUMNS - 1) * GAP
    high = MARGIN + HEAD + rows * (TILE + TEXT) + (rows - 1) * GAP + MARGIN // 2
    page = Image.new("RGB", (wide, high), PAPER)
    draw = ImageDraw.Draw(page)
    _write(draw, (MARGIN, MARGIN - 8), "One prompt, one seed. Which LoRA did what?", 38)
    told = f"\u201c{result.prompt}\u201d on the same model. One that works changes the picture; a dead one is caught."
    _write(draw, (MARGIN, MARGIN + 46), told, 20, FAINT)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, COLUMNS)
        _put(page, draw, tile, (MARGIN + column * (TILE + GAP), MARGIN + HEAD + row * (TILE + TEXT + GAP)))
    page.save(path)
    return path


def _tiles(result: DemoResult) -> Iterator[Tile]:
    yield Tile(result.base_picture, "no LoRA", "the model alone", "this is what to compare with", GREY)
    healthy = [finding for finding in result.findings if not finding.is_caught]
    dead = [finding for finding in result.findings if finding.is_caught]
    yield from map(_of_finding, healthy)
    yield from map(_of_finding, dead)
    yield Tile("", f"gouache + {DEAD} + balloon", _short(result.refusal), "refused, nothing painted", RED)
    yield from map(_of_world, result.worlds)


def _of_finding(finding: Finding) -> Tile:
    name = finding.name.replace("+", " + ")
    if not finding.is_caught:
        return Tile(finding.picture, name, finding.says, f"engaged, {_changed(finding)}", GREEN)
    same = "identical to no LoRA" if finding.pixels_moved == 0 else _changed(finding)
    return Tile(finding.picture, name, finding.says, f"dead, {same}", RED)


def _changed(finding: Finding) -> str:
    return f"pixels moved by {finding.pixels_moved:.0f}"


def _of_world(shown: WorldShown) -> Tile:
    stack = " + ".join(report.name for report in shown.loras)
    engaged = all(report.verdict is Verdict.ENGAGED for report in shown.loras)
    verdict, colour = ("all engaged", GREEN) if engaged else ("not all engaged", RED)
    says = f"its own stack: {stack}\nand its own words, on \u201c{shown.prompt}\u201d"
    return Tile(shown.picture, f"world: {shown.stack.world}", says, verdict, colour)


def _short(refusal: str) -> str:
    """Without particulars and what to do about it, so that it fits into a tile; the table has all of it."""
    return refusal.partition(";")[0].partition(" (")[0]


def _put(page: "Image", draw: "ImageDraw", tile: Tile, at: tuple[int, int]) -> None:
    """A tile with its frame, and below it the verdict on its colour, the name and the words."""
    from PIL import Image

    left, top = at
    draw.rectangle((left - FRAME, top - FRAME, left + TILE + FRAME - 1, top + TILE + FRAME - 1), tile.colour)
    if tile.picture:
        with Image.open(tile.picture) as opened:
            page.paste(opened.convert("RGB").resize((TILE, TILE), Image.Resampling.LANCZOS), at)
        _mark(draw, (left + TILE - 8, top + 8), tile.colour)
    else:
        draw.rectangle((left, top, left + TILE - 1, top + TILE - 1), PALE_RED)
        _cross(draw, (left + TILE // 2, top + 52), RED, arm=26, width=10)
        _write(draw, (left + 18, top + 100), textwrap.fill(tile.says, 27), 16, RED)
    pill = top + TILE + FRAME
    draw.rectangle((left - FRAME, pill, left + TILE + FRAME - 1, pill + 29), tile.colour)
    _write(draw, (left + 4, pill + 4), tile.verdict, 17, "white")
    _write(draw, (left, pill + 38), tile.name, 19 if len(tile.name) < 28 else 14)  # noqa: PLR2004 - as the tile is wide
    if tile.picture:
        longest = max(map(len, tile.says.splitlines()))
        _write(draw, (left, pill + 64), tile.says, 15 if longest < 38 else 13, FAINT)  # noqa: PLR2004 - the same


def _mark(draw: "ImageDraw", at: tuple[int, int], colour: str) -> None:
    """A tick on green, a cross on red, for whoever sees neither colour."""
    if colour == GREY:
        return
    across, down = at
    draw.ellipse((across - MARK, down - MARK, across + MARK, down + MARK), colour)
    if colour == RED:
        _cross(draw, at, "white", arm=7, width=4)
    else:
        draw.line([(across - 8, down), (across - 2, down + 7), (across + 8, down - 6)], "white", 4, joint="curve")


def _cross(draw: "ImageDraw", at: tuple[int, int], colour: str, arm: int, width: int) -> None:
    across, down = at
    draw.line((across - arm, down - arm, across + arm, down + arm), colour, width)
    draw.line((across - arm, down + arm, across + arm, down - arm), colour, width)


def _write(draw: "ImageDraw", at: tuple[int, int], text: str, size: int, colour: str = INK) -> None:
    from PIL import ImageFont

    draw.text(at, text, colour, ImageFont.load_default(size), spacing=5)
