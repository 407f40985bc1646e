"""Verdicts: PROCEED only when all is there and holds, REJECT as soon as nothing could save it."""

from pathlib import Path

import pytest

from kilnmark.lab.judging.axes import standard_axes
from kilnmark.lab.judging.bars import Bars, check_bars, read_bars
from kilnmark.lab.judging.errors import JudgeUnusable
from kilnmark.lab.judging.report import CellStatus, JudgedCell, JudgingVerdict, Score
from kilnmark.lab.judging.verdict import Decided, decide, marked

AXES = standard_axes("subject")
DEFAULT = read_bars("default")


def cell(at: int, identity: float, photographic: float = 0.9) -> JudgedCell:
    scores = (Score("Q1", identity, "the scar is gone"), Score("Q4", photographic, "clean"))
    return JudgedCell(name=f"p1-s{at}", prompt="a", seed=at, status=CellStatus.JUDGED, scores=scores)


def missing(at: int, status: CellStatus = CellStatus.WAITING) -> JudgedCell:
    return JudgedCell(name=f"p1-s{at}", prompt="a", seed=at, status=status, why="a reply that did not fit, twice")


def decided(*cells: JudgedCell, bars: Bars = DEFAULT) -> Decided:
    return decide([marked(each, bars) for each in cells], AXES, bars)


def test_six_good_cells_proceed() -> None:
    found = decided(*(cell(at, 0.7) for at in range(6)))
    assert found.verdict is JudgingVerdict.PROCEED
    assert found.reasons[0] == "identity: 6 of 6 cells pass, 6 are wanted"
    assert [(share.axis, share.passed) for share in found.shares] == [("Q1", 6), ("Q4", 6), ("all", 6)]


def test_one_of_six_below_the_cells_bar_is_too_few_for_95_percent() -> None:
    found = decided(cell(0, 0.69), *(cell(at, 0.9) for at in range(1, 6)))
    assert found.verdict is JudgingVerdict.REJECT
    assert found.reasons == (
        "identity: 5 of 6 cells pass, 6 are wanted",
        "p1-s0: identity 0.69 is below 0.70: the scar is gone",
    )


def test_the_older_bar_lets_one_of_six_go() -> None:
    assert decided(cell(0, 0.1), *(cell(at, 0.9) for at in range(1, 6)), bars=read_bars("older")).verdict == "PROCEED"


def test_one_below_the_floor_is_enough_to_reject_among_many() -> None:
    found = decided(cell(0, 0.29), *(cell(at, 0.9) for at in range(1, 40)))
    assert found.verdict is JudgingVerdict.REJECT
    assert found.reasons[0] == "p1-s0: identity 0.29 is below 0.30, which no cell may be: the scar is gone"


def test_nineteen_of_twenty_are_95_percent() -> None:
    assert decided(cell(0, 0.5), *(cell(at, 0.9) for at in range(1, 20))).verdict is JudgingVerdict.PROCEED


@pytest.mark.parametrize("status", [CellStatus.UNPAINTED, CellStatus.WAITING, CellStatus.UNJUDGED])
def test_while_a_cell_is_missing_nothing_proceeds(status: CellStatus) -> None:
    found = decided(missing(0, status), *(cell(at, 0.9) for at in range(1, 40)))
    assert found.verdict is JudgingVerdict.IN_FLIGHT
    assert found.reasons == (f"p1-s0: {status}: a reply that did not fit, twice",)


def test_what_the_missing_cells_cannot_save_is_rejected_before_they_come() -> None:
    assert decided(cell(0, 0.5), *(missing(at) for at in range(1, 6))).verdict is JudgingVerdict.REJECT
    assert decided(cell(0, 0.9), *(missing(at) for at in range(1, 6))).verdict is JudgingVerdict.IN_FLIGHT


def test_no_cells_are_no_verdict() -> None:
    assert decided().verdict is JudgingVerdict.IN_FLIGHT


def test_bars_of_the_runs_own_go_before_the_presets(tmp_path: Path) -> None:
    own = tmp_path / "bars.toml"
    own.write_text('[default]\nversion = 9\nwhy = "ours"\ncell = { Q1 = 0.5 }\nover = { Q1 = 1.0 }\n')
    assert str(read_bars("default", own)) == "default 9"
    assert str(read_bars("older", own)) == "older 1"


@pytest.mark.parametrize(
    "text",
    [
        "[a",
        "a = 1",
        '[a]\nversion = 1\nwhy = ""\ncell = { Q1 = 7.0 }\nover = {}',
        '[a]\nversion = 1\nwhy = ""\ncell = {}',
    ],
)
def test_bars_that_cannot_be_meant_are_refused(tmp_path: Path, text: str) -> None:
    own = tmp_path / "bars.toml"
    own.write_text(text)
    with pytest.raises(JudgeUnusable, match=r"bars_file"):
        read_bars("default", own)


def test_bars_nobody_has_are_refused_with_those_there_are() -> None:
    with pytest.raises(JudgeUnusable, match="default, older, metric"):
        read_bars("strict")


def test_bars_ask_only_for_what_is_scored() -> None:
    check_bars(DEFAULT, {"Q1", "Q4"})
    with pytest.raises(JudgeUnusable, match="want Q4"):
        check_bars(DEFAULT, {"Q1"})
    with pytest.raises(JudgeUnusable, match="share of cells to pass Q2"):
        check_bars(Bars("own", 1, "", {}, {"Q2": 0.5}), {"Q2"})
