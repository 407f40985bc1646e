"""The page of the benchmarks: every figure in the table, what is missing named, the plot a picture, the prose kept."""

import math
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from scripts.bench import document
from scripts.bench_page import KEPT, keep, table, write_page
from scripts.bench_promises import PROMISES, broken, lacking, promise_rows
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
    others = [name for name in PROMISES if name != "flip_ms"]
    assert [found[name] for name in others] == [None] * len(others)
    assert lacking(LINES) == others


@pytest.mark.parametrize(
    ("name", "kept", "missed", "words"),
    [
        ("flip_ms", 5.0, 5.01, "5 or less"),
        ("cold_switch_speedup_vs_rebuild", 50.0, 49.9, "50 or more"),
        ("scale_change_vs_cold", 0.6, 0.61, "0.6 or less"),
        ("step_4x16_vs_none", 1.05, 1.051, "1.05 or less"),
        ("throughput_vs_bare_loop", 0.98, 0.979, "0.98 or more"),
        ("share_bf16", 1.002, 1.003, "0.998 to 1.002"),
        ("share_q4", 0.998, 0.997, "0.998 to 1.002"),
    ],
)
def test_a_broken_promise_is_named_and_shown(name: str, kept: float, missed: float, words: str) -> None:
    for value, is_broken in [(kept, False), (missed, True), (math.nan, True)]:
        lines: list[Line] = [Headline(name=name, value=value)]
        assert broken(lines) == [name] * is_broken
        (row,) = promise_rows(lines)
        assert (row[0], *row[2:]) == (name, words, "NO" if is_broken else "yes")
        assert all(cell in table(lines) for cell in row)


def test_what_is_there_to_compare_with_breaks_nothing() -> None:
    lines: list[Line] = [Headline(name="mflux_step_4x16_vs_none", value=9.0)]
    assert broken(lines) == []
    assert "to compare with" in table(lines)


def test_the_page_keeps_its_prose_and_gets_a_new_table_and_a_plot(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("before\n<!-- bench: begin -->\nstale\n<!-- bench: end -->\nafter\n")
    write_page(tmp_path, LINES)
    text = page.read_text()
    assert (text.startswith("before\n"), text.endswith("after\n"), "stale" in text) == (True, True, False)
    root = ET.fromstring((tmp_path / "benchmarks.svg").read_text())  # our own file, a moment old
    bars = root.findall("{http://www.w3.org/2000/svg}rect")
    assert len(bars) == 1


def test_a_run_of_some_parts_takes_the_place_of_what_it_measured_anew(tmp_path: Path) -> None:
    keep(tmp_path, LINES, whole=True)
    faster = msgspec.structs.replace(FLIP, value=0.5)
    again: list[Line] = [Platform(facts={"cores": "4"}), faster, Headline(name="flip_ms", value=0.5)]
    here = Platform(facts={"cores": "4"}, parts=("switch",))
    expected = [LINES[0], faster, STEP, BAKED, again[2], here]
    assert "cores 2\n\nMeasured again, switch: cores 4" in table(expected)
    assert keep(tmp_path, again, whole=False) == expected
    assert read_lines(tmp_path / KEPT) == expected
    assert keep(tmp_path, again, whole=True) == again


def test_lines_come_back_as_they_were_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FIGURES, str(tmp_path / "lines"))
    for line in LINES:
        tell(line)
    assert read_lines(tmp_path / "lines") == LINES
