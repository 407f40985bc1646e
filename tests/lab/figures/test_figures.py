"""Figures over runs and batches: each of them counted by hand, in the span and outside of it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from kilnmark.client.batch.picks.said import PickWord
from kilnmark.client.batch.run.decisions import decide_picture
from kilnmark.client.batch.run.manifest import read_manifest
from kilnmark.lab.cli.main import lab
from kilnmark.lab.figures.figures import LabFigures, figures_of
from kilnmark.lab.figures.words import figure_rows, time_words
from kilnmark.lab.run.found import find_in
from tests.lab.runs import fill_judged, make_batch, make_run, make_set

UNTIL = datetime(2026, 11, 12, tzinfo=UTC)


def over(folder: Path, days: float = 30, until: datetime = UNTIL) -> LabFigures:
    return figures_of(find_in(folder), days=days, until=until)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    make_set(folder)
    for name in ("promoted", "bad", "checked"):
        make_run(folder, name, fill_judged)
    return folder


def test_time_to_publish_is_from_the_first_moment_to_the_promotion(runs: Path) -> None:
    assert over(runs).publishing.median == 9 * 86400
    assert over(runs, days=1).publishing.count == 0


def test_cost_is_by_approved_picture(runs: Path) -> None:
    (cost,) = over(runs).costs
    assert (cost.amount, cost.currency) == (9.0, "USD")
    assert cost.per_approved == pytest.approx(9.0 / 10)


def test_judged_cells_count_and_identity_is_told(runs: Path) -> None:
    found = over(runs)
    assert (found.judged.count, found.judged.of) == (10, 12)
    assert (found.identity.passed.count, found.identity.passed.of) == (10, 12)
    assert found.identity.deviation == pytest.approx(0.2040, abs=1e-4)
    assert found.approval == found.judged


def test_what_was_outside_of_the_span_does_not_count(runs: Path) -> None:
    found = over(runs, until=datetime(2026, 10, 1, tzinfo=UTC))
    assert (found.runs, found.costs, found.approval.of, found.approval.share) == (0, (), 0, None)
    assert [row.value for row in figure_rows(found)] == ["none yet"] * 4


def test_acceptances_of_batches_count_too(tmp_path: Path) -> None:
    batch = make_batch(tmp_path)
    done = [one.file for one in read_manifest(batch).pictures if one.status == "done"]
    for file, word in zip(done, ("accepted", "accepted", "rejected", "open"), strict=False):
        decide_picture(batch, file, PickWord(word))
    found = figures_of(find_in(tmp_path))
    assert (found.batches.count, found.batches.of) == (2, 3)
    assert found.approval == found.batches
    assert found.approval.within.is_wide
    assert "which is wide" in " ".join(row.of for row in figure_rows(found))


def test_picks_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (make_batch(tmp_path) / "picks.yaml").write_text("picks: [")
    found = figures_of(find_in(tmp_path))
    assert found.batches.of == 0
    assert "picks.yaml" in found.unread[0]


def test_what_cannot_be_read_is_told_and_the_rest_is_counted(runs: Path, tmp_path: Path) -> None:
    folder = make_run(tmp_path, "bad", fill_judged)
    (folder / "report" / "judge-1" / "judgement.json").write_text("{")
    (make_run(tmp_path, "good") / "state.json").write_text("{")
    found = over(tmp_path)
    assert sorted(sentence.partition(": ")[0].rpartition("/")[2] for sentence in found.unread) == [
        "judgement.json",
        "state.json",
    ]
    assert found.costs[0].amount == 4.5


def test_the_command_says_the_same(runs: Path) -> None:
    done = CliRunner().invoke(lab, ["figures", str(runs), "--days", "30", "--until", "2026-11-12", "--json"])
    assert json.loads(done.stdout)["publishing"]["median"] == 9 * 86400
    shown = CliRunner().invoke(lab, ["figures", str(runs), "--days", "30", "--until", "2026-11-12"])
    assert "9 d 0 h" in shown.stdout


@pytest.mark.parametrize(("seconds", "words"), [(4, "4 s"), (61, "1 min 1 s"), (7260, "2 h 1 min"), (90000, "1 d 1 h")])
def test_times_have_two_units(seconds: float, words: str) -> None:
    assert time_words(seconds) == words
