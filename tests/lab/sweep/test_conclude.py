"""What cells come to: of checkpoints that learnt nothing, a style, pictures, and too much, the right one is picked."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kilnmark.lab.measures.measure import Picture, read_picture
from kilnmark.lab.run.folder import Run, open_run
from kilnmark.lab.sweep.cells import Cell
from kilnmark.lab.sweep.conclude import conclude
from kilnmark.lab.sweep.report import REPORT, SHEET, SweepReport, read_report
from tests.lab.measures.scenes import hatched, noisier, scene
from tests.lab.sweep.swept import PROMPTS, chance, dataset, make_swept_run, painted, save

NOTHING, STYLE, BY_HEART, RUIN, EMPTY, ALWAYS = 100, 200, 300, 400, 500, 600


@pytest.fixture(scope="module")
def concluded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, SweepReport]]:
    """One run, concluded once: six checkpoints, three prompts."""
    folder = tmp_path_factory.mktemp("concluded")
    dataset(folder / "set")
    path = make_swept_run(folder / "run", (NOTHING, STYLE, BY_HEART, RUIN, EMPTY, ALWAYS), seeds=(1,))
    with open_run(path) as run:
        yield run, conclude(run, painted(run, lambda cell: paint(cell, folder / "set")), pick_anew=False)


def paint(cell: Cell, taught: Path) -> Picture:
    number = 10 * cell.number + cell.seed
    bare = scene(number, 64)
    step = cell.checkpoint.step if cell.checkpoint else 0
    if step == BY_HEART:
        return read_picture(taught / f"{number % 6}.png")
    if step == STYLE and cell.prompt.role == "control":
        return noisier(bare, 1)
    empty = np.full_like(bare, 128)
    made = {0: bare, NOTHING: noisier(bare, 1), RUIN: chance(step), EMPTY: empty}
    return made[step] if step in made else hatched(bare)


def missed(report: SweepReport, step: int) -> str:
    return next("; ".join(each.missed) for each in report.verdicts if each.row.step == step)


def test_the_earliest_good_one_is_picked(concluded: tuple[Run, SweepReport]) -> None:
    _, report = concluded
    assert missed(report, STYLE) == ""
    assert report.pick is not None
    assert (report.pick.step, report.picked) == (STYLE, report.pick)


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (NOTHING, "change where the trigger is"),
        (BY_HEART, "a training picture nearly"),
        (RUIN, "prompts kept apart by content"),
        (RUIN, "prompts kept apart by layout"),
        (EMPTY, "show nothing"),
        (ALWAYS, "how much more it changes with its trigger"),
    ],
)
def test_each_other_is_told_what_is_wrong_with_it(concluded: tuple[Run, SweepReport], step: int, says: str) -> None:
    assert says in missed(concluded[1], step)


def test_only_what_is_wrong_is_told(concluded: tuple[Run, SweepReport]) -> None:
    _, report = concluded
    rows = {each.row.step: each.row for each in report.verdicts}
    assert [step for step, row in rows.items() if row.memorised] == [BY_HEART]
    assert [step for step, row in rows.items() if row.collapsed] == [EMPTY]
    assert len(rows[BY_HEART].memorised_cells) == 2
    assert rows[STYLE].learnt == pytest.approx(1, abs=0.3)


def test_the_report_is_read_as_it_was_written_and_the_questions_stand_in_it(
    concluded: tuple[Run, SweepReport],
) -> None:
    run, report = concluded
    assert read_report(run.report) == report
    assert (run.report / REPORT).is_file()
    assert [one.questions for one in report.questions] == [("Is there one whale?",)]


def test_the_sheet_has_a_row_for_each_checkpoint_and_a_column_for_each_picture(
    concluded: tuple[Run, SweepReport],
) -> None:
    run, _ = concluded
    with Image.open(run.report / SHEET) as sheet:
        assert sheet.width > 236 + 3 * 148
        assert sheet.height > 7 * 148
        assert len(sheet.convert("RGB").getcolors(1 << 20) or []) > 100


def test_without_training_pictures_nothing_is_held_to_them_and_that_is_told(tmp_path: Path) -> None:
    with open_run(make_swept_run(tmp_path / "run", (STYLE,))) as run:
        report = conclude(run, painted(run, lambda cell: paint(cell, tmp_path)), pick_anew=False)
    assert report.pick is not None
    assert "not held to what could not be measured" in report.pick.why
    assert any("no training picture was found" in each for each in report.warnings)


def test_a_style_that_needs_no_trigger_is_told_where_no_prompt_is_without_it(tmp_path: Path) -> None:
    with open_run(make_swept_run(tmp_path / "run", (STYLE,), prompts=PROMPTS[:2])) as run:
        report = conclude(run, painted(run, lambda cell: paint(cell, tmp_path)), pick_anew=False)
    assert any("no prompt is without the trigger" in each for each in report.warnings)


def test_few_greys_are_no_collapse_where_the_training_pictures_have_no_more(tmp_path: Path) -> None:
    def flat(seed: int) -> Picture:
        return np.where(scene(seed, 64).mean(axis=2, keepdims=True) > 128, 200, 30).repeat(3, axis=2).astype(np.uint8)

    for seed in range(4):
        save(flat(seed), tmp_path / "set" / f"{seed}.png")
    with open_run(make_swept_run(tmp_path / "run", (STYLE,))) as run:
        number = {0: lambda cell: noisier(scene(cell.number, 64), 6), STYLE: lambda cell: flat(50 + cell.number)}
        swept = painted(run, lambda cell: number[cell.checkpoint.step if cell.checkpoint else 0](cell))
        report = conclude(run, swept, pick_anew=False)
    assert report.verdicts[0].row.collapsed == 0


def test_the_trigger_is_told_by_one_scene_with_and_without_it_whatever_others_change(tmp_path: Path) -> None:
    """The second prompt changes little by itself; it has no partner without the trigger, and says nothing here."""

    def paint_here(cell: Cell) -> Picture:
        bare = scene({"inkwash, a whale": 9}.get(cell.prompt.text, 3), 64)
        return hatched(bare) if cell.checkpoint and cell.prompt.text == "inkwash, a mill" else bare

    with open_run(make_swept_run(tmp_path / "run", (STYLE,))) as run:
        row = conclude(run, painted(run, paint_here), pick_anew=False).verdicts[0].row
    assert row.changed is not None
    assert row.discrimination == pytest.approx(2 * row.changed)
    assert row.unasked == pytest.approx(0, abs=1e-9)
