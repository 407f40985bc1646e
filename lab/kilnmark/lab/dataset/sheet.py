"""The contact sheet: every picture small, with its number and name, and framed with a word where something was found.

Pages of 150; what is framed comes first where there are more pictures than ten pages hold.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.dataset.findings import Code, Level
from kilnmark.lab.dataset.looking import THUMB_SIDE
from kilnmark.lab.dataset.preflight import ExaminedDataset
from kilnmark.lab.dataset.thumbnails import Thumbnails
from kilnmark.protocol.printable import printable

__all__ = ["PAGES", "PAGE_TILES", "write_sheets"]

PAGE_TILES: Final = 150
"""Pictures of one page."""

PAGES: Final = 10
"""Pages at most."""

_COLUMNS = 15
_FRAME, _GAP, _LINE, _HEAD, _FONT = 4, 6, 13, 34, 11
_WIDTH = THUMB_SIDE + 2 * (_FRAME + _GAP)
_HEIGHT = THUMB_SIDE + 2 * (_FRAME + _GAP) + 2 * _LINE
_LETTERS = 22
_GROUND, _INK, _DIM = (250, 250, 248), (20, 20, 20), (110, 110, 110)
_REFUSED, _TWICE, _APART, _WARNED = (200, 20, 30), (140, 40, 160), (210, 110, 0), (160, 130, 0)

_WORDS: Mapping[Code, tuple[str, tuple[int, int, int]]] = {
    Code.COPIES: ("copy", _TWICE),
    Code.NEAR_DUPLICATES: ("looks like", _TWICE),
    Code.BLURRED: ("blurred", _APART),
    Code.DARK: ("dark", _APART),
    Code.BRIGHT: ("bright", _APART),
}


@dataclass(frozen=True, slots=True)
class _Framed:
    words: str
    colour: tuple[int, int, int]


def write_sheets(examined: ExaminedDataset, thumbnails: Thumbnails, folder: Path, stem: str) -> tuple[Path, ...]:
    """Write the contact sheet's pages as PNG.

    Args:
        examined: The dataset, looked at.
        thumbnails: Its pictures by their numbers, as `examine` kept them.
        folder: Where to; it must be there.
        stem: Of the pages' names: `dataset` for `dataset.png`, `dataset-2.png` and so on.

    Returns:
        The pages.

    Raises:
        OSError: One cannot be written.
    """
    marks = _marks(examined)
    order = sorted(range(len(examined.pictures)))
    if len(order) > PAGE_TILES * PAGES:
        order.sort(key=lambda number: (not marks[number], number))
        order = order[: PAGE_TILES * PAGES]
    pages = [order[at : at + PAGE_TILES] for at in range(0, len(order), PAGE_TILES)] or [[]]
    paths = []
    for number, page in enumerate(pages, start=1):
        path = folder / (f"{stem}.png" if number == 1 else f"{stem}-{number}.png")
        said = _head(examined, number, len(pages), len(order))
        with written_whole(path) as file:
            _page(examined, thumbnails, page, marks, said).save(file, format="PNG")
        paths.append(path)
    return tuple(paths)


def _head(examined: ExaminedDataset, number: int, pages: int, drawn: int) -> str:
    report = examined.report
    left_out = len(examined.pictures) - drawn
    parts = [report.dataset, f"{report.pairs} pairs", "can be trained on" if report.passed else "REFUSED"]
    parts += [f"page {number} of {pages}"] if pages > 1 else []
    parts += [f"{left_out} pictures without findings left out"] if left_out else []
    return printable("   ".join(parts))


def _page(
    examined: ExaminedDataset,
    thumbnails: Thumbnails,
    numbers: Sequence[int],
    marks: Mapping[int, Sequence[_Framed]],
    said: str,
) -> Image.Image:
    rows = max(1, -(-len(numbers) // _COLUMNS))
    page = Image.new("RGB", (min(_COLUMNS, max(5, len(numbers))) * _WIDTH + _GAP, rows * _HEIGHT + _HEAD), _GROUND)
    drawing, font = ImageDraw.Draw(page), ImageFont.load_default(_FONT)
    drawing.text((_GAP * 2, _GAP * 2), said, fill=_INK, font=font)
    for place, number in enumerate(numbers):
        at = (_GAP + place % _COLUMNS * _WIDTH, _HEAD + place // _COLUMNS * _HEIGHT)
        _tile(page, drawing, at, thumbnails.get(number), marks[number])
        name = printable(examined.pictures[number].name)
        label = f"{number + 1} {name if len(name) <= _LETTERS else '..' + name[-_LETTERS + 2 :]}"
        _text(drawing, at, 0, label, _DIM, font)
        words = ", ".join(mark.words for mark in marks[number])
        _text(drawing, at, 1, words, marks[number][0].colour if marks[number] else _DIM, font)
    return page


def _tile(
    page: Image.Image,
    drawing: ImageDraw.ImageDraw,
    at: tuple[int, int],
    thumbnail: Image.Image | None,
    marks: Sequence[_Framed],
) -> None:
    left, top = at[0] + _GAP, at[1] + _GAP
    side = THUMB_SIDE + 2 * _FRAME
    if marks:
        drawing.rectangle((left, top, left + side - 1, top + side - 1), outline=marks[0].colour, width=_FRAME)
    if thumbnail is None:
        drawing.line((left + _FRAME, top + _FRAME, left + side - _FRAME, top + side - _FRAME), fill=_DIM)
        drawing.line((left + side - _FRAME, top + _FRAME, left + _FRAME, top + side - _FRAME), fill=_DIM)
        return
    page.paste(thumbnail, (left + (side - thumbnail.width) // 2, top + (side - thumbnail.height) // 2))


def _text(
    drawing: ImageDraw.ImageDraw,
    at: tuple[int, int],
    line: int,
    text: str,
    colour: tuple[int, int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """One line below a tile, cut where the next tile begins."""
    while text and drawing.textlength(text, font=font) > _WIDTH - _GAP:
        text = text[:-1]
    drawing.text((at[0] + _GAP, at[1] + _HEIGHT - (2 - line) * _LINE - 2), text, fill=colour, font=font)


def _marks(examined: ExaminedDataset) -> Mapping[int, Sequence[_Framed]]:
    """What frames each picture, by its number: what refuses it first."""
    marks: defaultdict[int, list[_Framed]] = defaultdict(list)
    by_file: defaultdict[str, set[int]] = defaultdict(set)
    for number, picture in enumerate(examined.pictures):
        by_file[picture.name].add(number)
        by_file[picture.caption_name].add(number)
    for finding in examined.report.findings:
        if finding.level is Level.TOLD or finding.code in (Code.COPIES, Code.NEAR_DUPLICATES):
            continue
        colour = _REFUSED if finding.level is Level.REFUSE else _WARNED
        words, colour = _WORDS.get(finding.code, (finding.code.value.replace("-", " "), colour))
        for number in sorted({number for name in finding.files for number in by_file.get(name, ())}):
            marks[number].append(_Framed(words, colour))
    for number, mark in _twin_marks(examined):
        marks[number].append(mark)
    return marks


def _twin_marks(examined: ExaminedDataset) -> Iterator[tuple[int, _Framed]]:
    numbers = {picture.name: number for number, picture in enumerate(examined.pictures)}
    for group in examined.report.twins:
        code = Code.COPIES if group.equal else Code.NEAR_DUPLICATES
        words, colour = _WORDS[code]
        of = " of" if group.equal else ""
        first, *others = (numbers[name] for name in group.names)
        yield first, _Framed(f"{words}{of} {others[0] + 1}", colour)
        for other in others:
            yield other, _Framed(f"{words}{of} {first + 1}", colour)
