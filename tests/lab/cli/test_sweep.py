"""`kilnmark lab sweep` and `deploy`: exit codes, one document, and picks that a person makes."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from kilnmark.client.cli.exits import exit_code_of
from kilnmark.client.testing import fake_daemon
from kilnmark.lab.cli.deploy import deploy
from kilnmark.lab.cli.sweep import sweep
from kilnmark.lab.run.folder import read_state
from kilnmark.lab.run.state import Pick
from kilnmark.lab.sweep.deploy import Deployed
from kilnmark.lab.sweep.errors import CannotDeploy, CannotPick
from kilnmark.lab.sweep.report import SweepReport
from kilnmark.protocol.exits import ExitCode
from tests.lab.sweep.swept import PROMPTS, make_swept_run


def ask(command: object, *words: object) -> Result:
    assert command in {sweep, deploy}
    return CliRunner().invoke(sweep if command is sweep else deploy, [str(word) for word in words])


def test_a_sweep_tells_every_cell_and_ends_with_one_where_nothing_passes(tmp_path: Path) -> None:
    with fake_daemon() as daemon:
        run = make_swept_run(tmp_path / "run", (200,), root=str(daemon.loras), prompts=PROMPTS[:1])
        result = ask(sweep, run, "--socket", daemon.socket, "--json")
        shown = ask(sweep, run, "--socket", daemon.socket)
    assert result.exit_code == shown.exit_code == ExitCode.FAILED
    report = msgspec.json.decode(result.stdout, type=SweepReport)
    assert (report.painted, report.picked) == (2, None)
    assert "1/2 bare-p1-s1" in result.stderr
    assert "none: no checkpoint passes every bar" in shown.stdout
    assert "0 painted, 2 kept, 0 failed" in shown.stdout
    assert f"kilnmark lab sweep {run} --pick STEP --why REASON" in shown.stderr
    assert "kilnmark" not in result.stderr


def test_a_person_picks_and_deploys(tmp_path: Path) -> None:
    run, place = make_swept_run(tmp_path / "run"), tmp_path / "loras"
    place.mkdir()
    picked = ask(sweep, run, "--pick", 400, "--why", "better hands", "--by", "mira", "--scale", "0.8", "--json")
    pick = msgspec.json.decode(picked.stdout, type=Pick)
    assert (pick.step, pick.scale, pick.why, pick.by) == (400, 0.8, "better hands", "mira")
    done = msgspec.json.decode(ask(deploy, run, "--to", place, "--json").stdout, type=Deployed)
    assert (done.step, done.scale, done.sha256) == (400, 0.8, pick.sha256)
    shown = ask(deploy, run, "--to", place)
    assert shown.exit_code == 0
    assert "it was there already" in shown.stdout
    assert shown.stderr.splitlines()[0].endswith(f"kilnmark lab verify --run {run}")
    state = read_state(run)
    assert state is not None
    assert len(state.deployments) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--why", "x"], "go with --pick STEP"), (["--pick", "last"], "neither a step nor `bars`")],
)
def test_what_cannot_be_meant_is_usage(tmp_path: Path, words: list[str], said: str) -> None:
    result = ask(sweep, make_swept_run(tmp_path / "run"), *words)
    assert result.exit_code == ExitCode.USAGE
    assert said in result.stderr


def test_a_pick_without_a_reason_and_a_place_that_is_taken_have_exit_codes() -> None:
    assert exit_code_of(CannotPick("a", "b")) == ExitCode.USAGE
    assert exit_code_of(CannotDeploy("a", "b", "c")) == ExitCode.FAILED
