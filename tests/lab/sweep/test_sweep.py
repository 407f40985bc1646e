"""A sweep through a daemon: each picture once, whatever stops it, and what a person picked stays picked."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kilnmark.client.errors import DaemonUnavailable
from kilnmark.client.sync import Client
from kilnmark.client.testing import fake_daemon
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.lab.errors import NotInstalled
from kilnmark.lab.run.folder import open_run, read_state
from kilnmark.lab.run.state import Sweep
from kilnmark.lab.sweep.errors import NoRoot
from kilnmark.lab.sweep.ledger import CellRecord, read_cells
from kilnmark.lab.sweep.report import SweepReport
from kilnmark.lab.sweep.sweep import pick_by_hand, sweep
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.errors import RenderFailed
from tests.lab.sweep.swept import PROMPTS, make_swept_run

CELLS = 9


@pytest.fixture
def daemon() -> Iterator[InProcessDaemon]:
    with fake_daemon() as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, daemon: InProcessDaemon) -> Path:
    return make_swept_run(tmp_path / "run", root=str(daemon.loras))


def swept(folder: Path, daemon: InProcessDaemon, *, pick_anew: bool = False) -> SweepReport:
    with open_run(folder) as run, Client(daemon.socket, away_timeout=0) as client:
        return sweep(run, client, pick_anew=pick_anew)


def state_of(folder: Path) -> Sweep:
    state = read_state(folder)
    assert state is not None
    assert state.sweep is not None
    return state.sweep


def rendered(daemon: InProcessDaemon) -> int:
    with Client(daemon.socket) as client:
        return client.status().rendered


def test_every_cell_is_painted_and_written_down_with_what_the_adapter_did(
    folder: Path, daemon: InProcessDaemon
) -> None:
    report = swept(folder, daemon)
    found = read_cells(folder / "cells")
    assert (len(found), report.painted, report.kept, report.failed) == (CELLS, CELLS, 0, 0)
    assert all((folder / "cells" / record.file).is_file() for record in found.values())
    assert all(record.numbers is not None for record in found.values())
    by_adapter = [record for record in found.values() if record.sha256]
    assert [len(record.reports) for record in by_adapter] == [1] * 6
    assert {record.reports[0].sha256 for record in by_adapter} == {record.sha256 for record in by_adapter}
    done = state_of(folder)
    assert (done.cells, done.painted, done.sheet) == (CELLS, CELLS, "report/sweep.png")
    assert done.ended is not None


def test_a_second_sweep_paints_nothing_and_says_the_same(folder: Path, daemon: InProcessDaemon) -> None:
    first, count = swept(folder, daemon), rendered(daemon)
    again = swept(folder, daemon)
    assert (rendered(daemon), again.kept, again.painted) == (count, CELLS, 0)
    assert again.verdicts == first.verdicts


def test_only_what_another_prompt_decides_is_painted_anew(folder: Path, daemon: InProcessDaemon) -> None:
    swept(folder, daemon)
    count, path = rendered(daemon), folder / "run.toml"
    path.write_text(path.read_text().replace("a whale", "a heron"))
    again = swept(folder, daemon)
    assert (rendered(daemon) - count, again.painted, again.kept) == (3, 3, 6)


def test_a_picture_that_was_spoilt_is_painted_anew(folder: Path, daemon: InProcessDaemon) -> None:
    swept(folder, daemon)
    spoilt = folder / "cells" / "bare-p1-s1.png"
    spoilt.write_bytes(b"spoilt")
    assert swept(folder, daemon).painted == 1
    assert spoilt.read_bytes() != b"spoilt"


def test_whoever_is_stopped_in_the_middle_goes_on_from_there(tmp_path: Path) -> None:
    with fake_daemon() as first:
        folder = make_swept_run(tmp_path / "run", root=str(first.loras))
        told: list[str] = []

        def leave(record: CellRecord, done: int, _: int) -> None:
            told.append(record.name)
            if done == 4:
                raise KeyboardInterrupt

        with open_run(folder) as run, Client(first.socket) as client, pytest.raises(KeyboardInterrupt):
            sweep(run, client, leave)
    before = state_of(folder)
    assert before.ended is None
    assert before.painted >= 4
    with fake_daemon(lora_roots=(folder,)) as second:
        report = swept(folder, second)
        assert report.painted + report.kept == CELLS
        assert (report.kept, rendered(second)) == (before.painted, CELLS - before.painted)
    assert state_of(folder).at == before.at


def test_a_daemon_that_leaves_ends_it_with_what_is_painted_written_down(folder: Path, daemon: InProcessDaemon) -> None:
    def end(_: CellRecord, done: int, __: int) -> None:
        if done == 2:
            daemon.shut_down()
            daemon.wait_until_ended()

    with open_run(folder) as run, Client(daemon.socket, away_timeout=0) as client, pytest.raises(KilnmarkError):
        sweep(run, client, end)
    assert 2 <= state_of(folder).painted < CELLS
    assert state_of(folder).ended is None


def test_without_a_daemon_nothing_is_begun(folder: Path, tmp_path: Path) -> None:
    with open_run(folder) as run, Client(tmp_path / "none.sock") as client, pytest.raises(DaemonUnavailable):
        sweep(run, client)
    state = read_state(folder)
    assert state is not None
    assert state.sweep is None


def test_a_package_that_is_missing_is_told_before_anything_is_painted(
    folder: Path, daemon: InProcessDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "skimage.metrics", None)
    with pytest.raises(NotInstalled, match=r"install kilnmark\[lab\]"):
        swept(folder, daemon)
    assert read_cells(folder / "cells") == {}


def test_a_cell_that_fails_stops_no_other_and_is_asked_for_again(folder: Path, daemon: InProcessDaemon) -> None:
    daemon.worker.script.failures[PROMPTS[1].text] = RenderFailed("out of memory")
    report = swept(folder, daemon)
    assert (report.failed, report.painted) == (3, 6)
    assert report.picked is None
    assert all("2 of 3 cells are painted" in each.missed for each in report.verdicts)
    daemon.worker.script.failures.clear()
    again = swept(folder, daemon)
    assert (again.failed, again.painted, again.kept) == (0, 3, 6)


def test_an_adapter_that_does_not_engage_is_told_by_cell(folder: Path, daemon: InProcessDaemon) -> None:
    daemon.worker.script.verdicts["0000400"] = Verdict.NOOP
    report = swept(folder, daemon)
    engaged = {each.row.step: each.row.engaged for each in report.verdicts}
    assert engaged == {200: 1.0, 400: 0.0}
    assert sum("step 400 at scale 1 did not engage in 3 of 3 cells" in each for each in report.warnings) == 1


def test_a_base_that_paints_nothing_is_told(folder: Path, daemon: InProcessDaemon) -> None:
    assert any("the base alone paints nothing" in each for each in swept(folder, daemon).warnings)


def test_a_persons_pick_stays_until_the_bars_are_asked_for(folder: Path, daemon: InProcessDaemon) -> None:
    with open_run(folder) as run:
        pick = pick_by_hand(run, 400, "better hands", "mira", 0.8)
    assert swept(folder, daemon).picked == pick
    assert state_of(folder).pick == pick
    anew = swept(folder, daemon, pick_anew=True)
    assert anew.picked == anew.pick
    assert state_of(folder).picks[0] == pick


def test_a_daemon_that_cannot_be_given_the_checkpoints_is_told_before_anything_is_painted(
    tmp_path: Path, daemon: InProcessDaemon
) -> None:
    folder = make_swept_run(tmp_path / "other")
    with pytest.raises(NoRoot, match=r"as `root` of \[sweep\] in run\.toml"):
        swept(folder, daemon)
    assert read_cells(folder / "cells") == {}
