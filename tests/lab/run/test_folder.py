"""A run's folder: held by one command at a time, its state written whole, and read as it was written."""

from pathlib import Path

import pytest

from kilnmark.lab.errors import RunInUse, RunMissing, RunUnusable
from kilnmark.lab.run.folder import STATE, open_run, read_state
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import DatasetPlan, Prompt, RunPlan, SweepPlan, read_plan
from kilnmark.lab.run.state import Outcome, Preflight


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    new_run(tmp_path / "ink", plan())
    return tmp_path / "ink"


def plan() -> RunPlan:
    prompts = (Prompt(role="familiar", text='a "mill", inkwash'), Prompt(role="control", text="a mill — plain"))
    sweep = SweepPlan(scales=(0.5, 1.0), prompts=prompts)
    return RunPlan(
        name="ink", kind="style", trigger="inkwash", base="mini", dataset=DatasetPlan(path="../set"), sweep=sweep
    )


def test_what_is_decided_is_read_as_it_was_written(folder: Path) -> None:
    assert read_plan(folder) == plan()


def test_a_new_run_never_takes_the_place_of_another(folder: Path) -> None:
    with pytest.raises(RunUnusable, match="there is one already"):
        new_run(folder, plan())


def test_a_folder_without_a_plan_is_no_run(tmp_path: Path) -> None:
    with (
        pytest.raises(RunMissing, match=r"kilnmark lab new \S+ --kind KIND --dataset DIR --base VARIANT"),
        open_run(tmp_path),
    ):
        pass


def test_an_entry_that_cannot_be_meant_is_named(folder: Path) -> None:
    path = folder / "run.toml"
    path.write_text(path.read_text().replace("[training]", "[training]\nrnak = 3"))
    with pytest.raises(RunUnusable, match=r"run\.toml: training\.rnak: .*mend the entry"):
        read_plan(folder)


def test_a_change_is_on_disk_when_it_returns(folder: Path) -> None:
    found = Preflight(at="2026-01-01T00:00:00+00:00", outcome=Outcome.PASSED, pairs=150, sha256="ab")
    assert read_state(folder) is None
    with open_run(folder) as run:
        run.change(preflight=found)
        state = read_state(folder)
    assert state is not None
    assert (state.preflight, state.run_id) == (found, run.state.run_id)


def test_two_commands_do_not_work_in_one_run(folder: Path) -> None:
    with open_run(folder), pytest.raises(RunInUse), open_run(folder):
        pass
    with open_run(folder):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run_id":1}', "\xff"])
def test_a_state_that_cannot_be_read_is_told_and_left(folder: Path, text: str) -> None:
    path = folder / STATE
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RunUnusable, match=STATE), open_run(folder):
        pass
    assert path.read_bytes() == text.encode("latin-1")


def test_the_state_of_a_newer_program_is_refused(folder: Path) -> None:
    (folder / STATE).write_text('{"run_id":"a","created":"b","kilnmark":"c","version":2}')
    with pytest.raises(RunUnusable, match="newer program"):
        read_state(folder)


def test_a_file_that_cannot_be_written_while_a_run_is_held_is_told(folder: Path) -> None:
    """As on a full disk: not with a traceback, and with the file."""
    with (
        pytest.raises(RunUnusable, match=r"cells/1\.png: No such file.*the same command then goes on"),
        open_run(folder),
    ):
        (folder / "cells" / "1.png").write_bytes(b"")
