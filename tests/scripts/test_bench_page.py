"""The page of the benchmarks: every figure in the table, what is missing named, the plot a picture, the prose kept."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from scripts.bench import HEADLINES, document, lacking
from scripts.bench_page import table, write_page
from tests.benchmarks.figures import FIGURES, Figure, Headline, Line, Missing, Platform, read_lines, tell

FLIP = Figure(
    part="switch", base="directory", what="A-B-A flip", who="kilnmark", value=1.734, ratio=0.0123, against="cold"
)
STEP = Figure(
    part="step",
    base="directory",
    what="4 of rank 16",
    who="mflux, unbaked layers",
    value=212.4,
    ratio=1.14,
    against="none",
)
BAKED = Missing(part="step", base="standin", what="4 of rank 16", who="mflux, baked weights", reason="48 GB")
LINES: list[Line] = [Platform(facts={"cores": "2"}), FLIP, STEP, BAKED, Headline(name="flip_ms", value=1.734)]


def test_the_table_has_every_figure_with_what_it_is_compared_to() -> None:
    rows = [line.split("|") for line in table(LINES).splitlines() if "A-B-A" in line or "unbaked" in line]
    cells = [[cell.strip() for cell in row[1:-1]] for row in rows]
    assert cells == [
        ["A-B-A flip", "kilnmark", "1.73 ms", "0.0123 of cold", "1"],
        ["4 of rank 16", "mflux, unbaked layers", "212 ms", "1.14 of none", "1"],
    ]


def test_what_could_not_be_measured_stands_in_its_row_with_the_reason() -> None:
    (row,) = (line for line in table(LINES).splitlines() if "baked weights" in line)
    assert "not measured: 48 GB" in row


def test_a_headline_that_was_not_measured_is_null_and_named() -> None:
    found = document(LINES)
    assert found["flip_ms"] == 1.734
    assert [found[name] for name in HEADLINES[1:]] == [None] * 5
    assert lacking(LINES) == list(HEADLINES[1:])


def test_the_page_keeps_its_prose_and_gets_a_new_table_and_a_plot(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("before\n<!-- bench: begin -->\nstale\n<!-- bench: end -->\nafter\n")
    write_page(tmp_path, LINES)
    text = page.read_text()
    assert (text.startswith("before\n"), text.endswith("after\n"), "stale" in text) == (True, True, False)
    root = ET.fromstring((tmp_path / "benchmarks.svg").read_text())  # our own file, a moment old
    bars = root.findall("{http://www.w3.org/2000/svg}rect")
    assert len(bars) == 1


def test_lines_come_back_as_they_were_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FIGURES, str(tmp_path / "lines"))
    for line in LINES:
        tell(line)
    assert read_lines(tmp_path / "lines") == LINES
