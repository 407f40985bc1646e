"""The sheet of the demonstration: each picture in its place, framed in the colour of what was found of it."""

import re
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest
from PIL import Image, ImageColor

from kilnmark.client.cli.demo.exhibits import DEAD, EXHIBITS, DemoResult, Finding, WorldShown
from kilnmark.client.cli.demo.page import write_page
from kilnmark.client.cli.demo.sheet import (
    COLUMNS,
    FRAME,
    GAP,
    GREEN,
    GREY,
    HEAD,
    MARGIN,
    MARK,
    RED,
    TEXT,
    TILE,
    draw_sheet,
)
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.replies import StackInfo, Timings


def picture(folder: Path, name: str, colour: str) -> str:
    path = folder / f"{name}.png"
    Image.new("RGB", (128, 128), colour).save(path)
    return str(path)


def reports(names: tuple[str, ...], verdict: Verdict) -> list[AdapterReport]:
    return [AdapterReport(name=name, path=f"/{name}", verdict=verdict, reason="so") for name in names]


@pytest.fixture
def result(tmp_path: Path) -> DemoResult:
    """As a demonstration that came out as it must."""
    findings = [
        Finding(
            name=exhibit.name,
            says=exhibit.says,
            expected=exhibit.expected,
            reports=reports(exhibit.adapters, exhibit.expected),
            pixels_moved=31.4 if exhibit.expected is Verdict.ENGAGED else 0.0,
            picture=picture(tmp_path, exhibit.name, "blue" if exhibit.expected is Verdict.ENGAGED else "white"),
            timings=Timings(),
        )
        for exhibit in EXHIBITS
    ]
    return DemoResult(
        prompt="a windmill",
        findings=findings,
        refusal=f"1 of 3 adapters: {DEAD} is noop: no key is known; export it again",
        accused=[DEAD],
        base_unchanged=True,
        base_picture=picture(tmp_path, "without", "white"),
        worlds=[
            WorldShown(
                prompt="a bog",
                stack=StackInfo(source="style", world="mire", names=("moss",)),
                loras=reports(("moss",), Verdict.ENGAGED),
                picture=picture(tmp_path, "mire", "yellow"),
            )
        ],
    )


def tiles(page: Image.Image, count: int) -> list[tuple[object, object]]:
    """The colours of the frame and of the middle of each."""
    corners = (
        (MARGIN + number % COLUMNS * (TILE + GAP), MARGIN + HEAD + number // COLUMNS * (TILE + TEXT + GAP))
        for number in range(count)
    )
    return [(page.getpixel((x - FRAME, y - FRAME)), page.getpixel((x + TILE // 2, y + TILE // 2))) for x, y in corners]


def test_healthy_ones_are_green_dead_ones_red_and_the_refused_stack_has_no_picture(
    result: DemoResult, tmp_path: Path
) -> None:
    assert result.holds
    with Image.open(draw_sheet(result, tmp_path / "sheet.png")) as opened:
        page = opened.convert("RGB")
    found = tiles(page, 9)
    grey, green, red = (ImageColor.getrgb(colour) for colour in (GREY, GREEN, RED))
    white, blue, yellow = (ImageColor.getrgb(colour) for colour in ("white", "blue", "yellow"))
    assert found[:7] == [(grey, white), *[(green, blue)] * 4, *[(red, white)] * 2]
    assert found[7][0] == red
    assert found[8] == (green, yellow)


def test_what_was_found_is_marked_in_a_shape_that_needs_no_colour(result: DemoResult, tmp_path: Path) -> None:
    with Image.open(draw_sheet(result, tmp_path / "sheet.png")) as opened:
        page = opened.convert("RGB")
    marks = []
    for number in (0, 1, 5, 8):
        row, column = divmod(number, COLUMNS)
        x, y = MARGIN + column * (TILE + GAP) + TILE - 8, MARGIN + HEAD + row * (TILE + TEXT + GAP) + 8
        mark = page.crop((x - MARK // 2, y - MARK // 2, x + MARK // 2, y + MARK // 2))
        marks.append([mark.getpixel((across, down)) == (255, 255, 255) for across in range(16) for down in range(16)])
    none, healthy, dead, world = marks
    assert healthy == world != dead
    assert none not in (healthy, dead)
    assert all(map(any, (healthy, dead)))


def test_a_world_does_without_what_it_left_out_and_did_not_add_again(result: DemoResult) -> None:
    (mire,) = result.worlds
    stack = StackInfo(source="style", names=("moss",), excluded=("reed", "moss"))
    assert msgspec.structs.replace(mire, stack=stack).left_out == ("reed",)


def test_nothing_runs_beyond_the_page(result: DemoResult, tmp_path: Path) -> None:
    with Image.open(draw_sheet(result, tmp_path / "sheet.png")) as opened:
        page = opened.convert("RGB")
    paper = page.getpixel((0, 0))
    edge = page.crop((page.width - MARGIN // 2, 0, page.width, page.height))
    assert edge.getcolors() == [(edge.width * edge.height, paper)]


def test_the_page_shows_every_picture_with_its_verdict_and_nothing_in_it_acts(
    result: DemoResult, tmp_path: Path
) -> None:
    page = write_page(msgspec.structs.replace(result, refusal="1 of 3: <script>"), tmp_path / "index.html").read_text()
    sources = re.findall(r'<img src="([^"]+)"', page)
    assert len(sources) == len(EXHIBITS) + 2
    assert all((tmp_path / unquote(source)).is_file() for source in sources)
    assert "2 dead adapters, and each was caught" in page
    assert page.count('<li class="caught">') == 2
    assert "1 of 3: &lt;script&gt;" in page
    changed = msgspec.structs.replace(result, base_unchanged=False)
    assert "not what should have come out" in write_page(changed, tmp_path / "index.html").read_text()
