"""A trainer on this machine: begun, watched, interrupted, gone on with; its checkpoints taken as they appear."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kilnmark.lab.run.folder import read_state
from kilnmark.lab.run.plan import TrainingPlan, read_plan
from kilnmark.lab.run.progress import show_training
from kilnmark.lab.run.state import RunState
from kilnmark.lab.run.trained import TrainingStatus
from kilnmark.lab.training import local, process
from kilnmark.lab.training.errors import (
    DeadCheckpoint,
    EnvironmentChanged,
    NewTrainingNeeded,
    TrainerUnusable,
    TrainingEnded,
)
from kilnmark.lab.training.train import Wish, train_run
from kilnmark.otel import names
from tests.lab.faults.benches import ADAPTER, looked_at_run
from tests.lab.training.conftest import set_lines, spoil, unheard
from tests.otel.reading import Metered

TRAINER = Path(__file__).with_name("trainer.py")
COMMAND = ("{python}", str(TRAINER), "{output}", "{steps}", "{save_every}", str(ADAPTER))


@pytest.fixture(scope="module", name="looked_at")
def _looked_at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    training = TrainingPlan(trainer="kohya", steps=4, save_every=2, command=COMMAND, checkout=".")
    return looked_at_run(tmp_path_factory.mktemp("local") / "home", training)


@pytest.fixture(name="run")
def _run(looked_at: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(local, "_LOOK", 0.02)
    run = tmp_path / "home" / "run"
    shutil.copytree(looked_at, run, symlinks=True)
    (run.parent / "set").symlink_to(looked_at.parent / "set")
    return run


def command(run: Path, *more: str, adapter: Path = ADAPTER) -> None:
    words = [*COMMAND[:-1], str(adapter), *more]
    set_lines(run, command="[" + ", ".join(f'"{word}"' for word in words) + "]")


def state_of(run: Path) -> RunState:
    state = read_state(run)
    assert state is not None
    assert state.training is not None
    return state


def status(run: Path) -> TrainingStatus:
    training = state_of(run).training
    assert training is not None
    return training.status


def test_its_checkpoints_are_taken_and_inspected(run: Path, told: list[str]) -> None:
    training = train_run(run, told.append)
    assert (training.status, training.step) == (TrainingStatus.SUCCEEDED, 4)
    found = state_of(run).checkpoints
    assert [(one.step, one.verdict, one.matched_key_count) for one in found] == [(2, "engaged", 60), (4, "engaged", 60)]
    assert all((run / one.file).read_bytes() == ADAPTER.read_bytes() for one in found)
    assert any("60 of 60 keys" in line for line in told)


def test_a_trainer_is_given_no_key(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("REPLICATE_API_TOKEN", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "JUDGES_OWN_KEY"):
        monkeypatch.setenv(variable, "a-key-that-nobody-may-see")
    monkeypatch.setenv("OF_THE_TRAINERS", "a-word-for-the-trainer")
    command(run, "tell")
    plan = run / "run.toml"
    plan.write_text(plan.read_text().replace("[judge]\n", '[judge]\nkey_from = "JUDGES_OWN_KEY"\n'))
    assert read_plan(run).judge.key_from == "JUDGES_OWN_KEY"
    log = train_run(run, unheard).log
    assert log is not None
    text = (run / log).read_text()
    assert ("a-word-for-the-trainer" in text, "a-key-that-nobody-may-see" in text) == (True, False)


def test_the_whole_command_is_logged_and_recorded(run: Path) -> None:
    training = train_run(run, unheard)
    assert training.log is not None
    first = (run / training.log).read_text().splitlines()[0]
    assert first == f"$ {sys.executable} {TRAINER} {run}/training/1/output 4 2 {ADAPTER}"
    assert training.command[0] == sys.executable


def test_the_first_line_that_failed_is_told(run: Path) -> None:
    command(run, "fail")
    with pytest.raises(TrainingEnded, match=r"^RuntimeError: the first thing that went wrong \(log: .*train\.log\)"):
        train_run(run, unheard)
    assert status(run) is TrainingStatus.FAILED
    assert [one.step for one in state_of(run).checkpoints] == [2]


def test_a_failed_one_is_gone_on_with_when_asked(run: Path, told: list[str]) -> None:
    command(run, "fail")
    with pytest.raises(TrainingEnded):
        train_run(run, unheard)
    command(run)
    with pytest.raises(EnvironmentChanged, match=r"training\.command"):
        train_run(run, unheard)
    training = train_run(run, told.append, Wish(new_training=True))
    assert training.status is TrainingStatus.SUCCEEDED
    assert training.folder == "training/2"


def test_one_that_cannot_go_on_begins_anew_and_says_so(run: Path, told: list[str], tmp_path: Path) -> None:
    """The same command, which fails once."""
    once = tmp_path / "once.py"
    once.write_text(
        "import pathlib, runpy, sys\n"
        f"mark = pathlib.Path({str(tmp_path / 'mark')!r})\n"
        "if not mark.exists():\n"
        "    mark.touch()\n"
        "    sys.exit('no luck')\n"
        "runpy.run_path(sys.argv[1])['main'](*sys.argv[2:])\n"
    )
    words = ["{python}", str(once), *COMMAND[1:]]
    set_lines(run, command="[" + ", ".join(f'"{word}"' for word in words) + "]")
    with pytest.raises(TrainingEnded, match="no luck"):
        train_run(run, unheard)
    assert train_run(run, told.append).status is TrainingStatus.SUCCEEDED
    assert "kohya cannot go on from a checkpoint: it begins anew" in told


def test_one_that_leaves_nothing_has_failed(run: Path) -> None:
    command(run, "nothing")
    with pytest.raises(TrainingEnded, match="left no checkpoint"):
        train_run(run, unheard)


def test_a_dead_checkpoint_ends_it(run: Path, tmp_path: Path) -> None:
    """The trainer would wait for ever behind it."""
    dead = tmp_path / "dead.safetensors"
    dead.write_bytes(ADAPTER.read_bytes())
    spoil(dead)
    command(run, "wait", adapter=dead)
    with pytest.raises(DeadCheckpoint, match="is dead"):
        train_run(run, unheard)
    assert status(run) is TrainingStatus.DEAD
    with pytest.raises(NewTrainingNeeded, match="dead"):
        train_run(run, unheard)


def interrupted(number: signal.Signals, word: str = "checkpoints/") -> Callable[[str], None]:
    """Takes lines, and sends a signal to this process at the first with a word."""

    def tell(line: str) -> None:
        if word in line:
            threading.Thread(target=os.kill, args=(os.getpid(), number)).start()

    return tell


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_trainer_and_the_state_says_so(run: Path, number: signal.Signals) -> None:
    command(run, "wait")
    with pytest.raises(KeyboardInterrupt):
        train_run(run, interrupted(number))
    found = state_of(run)
    assert status(run) is TrainingStatus.CANCELLED
    assert found.training is not None
    assert found.training.process is None
    assert not process.is_held(run / "training" / "1" / local.LOCK)
    assert [one.step for one in found.checkpoints] == [2]


def test_one_that_does_not_listen_is_killed(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_ENDINGS", ((signal.SIGINT, 0.1), (signal.SIGKILL, 10.0)))
    command(run, "stop")
    with pytest.raises(KeyboardInterrupt):
        train_run(run, interrupted(signal.SIGINT))
    assert not process.is_held(run / "training" / "1" / local.LOCK)


@pytest.fixture(name="orphan")
def _orphan(run: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """`lab train`, killed when its trainer has left a checkpoint and waits."""
    command(run, "wait")
    program = [sys.executable, "-P", "-m", "kilnmark.client.cli", "lab", "train", str(run)]
    with subprocess.Popen(program, stderr=subprocess.PIPE) as child:
        assert child.stderr is not None
        for line in child.stderr:
            if b"checkpoints/" in line:
                break
        child.kill()
        child.wait()
        yield child
    known = state_of(run).training
    if known is not None and known.process is not None:
        process.GoneOn(known.process).end()


def test_a_trainer_outlives_the_command_and_is_gone_on_with(
    run: Path, orphan: "subprocess.Popen[bytes]", told: list[str]
) -> None:
    """Ctrl-C in the second command ends the trainer that the first one began."""
    with pytest.raises(NewTrainingNeeded, match="still works"):
        train_run(run, told.append, Wish(new_training=True))
    interrupt = interrupted(signal.SIGINT, "step 2 of 4")

    def tell(line: str) -> None:
        told.append(line)
        interrupt(line)

    with pytest.raises(KeyboardInterrupt):
        train_run(run, tell)
    assert any("still works, as process" in line for line in told)
    assert not process.is_held(run / "training" / "1" / local.LOCK)
    assert status(run) is TrainingStatus.CANCELLED


def test_versions_and_numbers_stay_the_same_in_the_middle(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(run, "fail")
    with pytest.raises(TrainingEnded):
        train_run(run, unheard)
    monkeypatch.setattr("kilnmark.lab.training.environment.version", {"kilnmark": "9.9"}.get)
    with pytest.raises(EnvironmentChanged, match=r"kilnmark: 0\.1\.0 -> 9\.9; go back to that"):
        train_run(run, unheard)
    monkeypatch.undo()
    set_lines(run, rank="3")
    with pytest.raises(EnvironmentChanged, match=r"training\.rank: 16 -> 3"):
        train_run(run, unheard)


def test_the_trainer_is_not_given_the_key_of_a_remote(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATE_API_TOKEN", "secret-of-mine")
    set_lines(run, command=f'["{sys.executable}", "-c", "import os; print(sorted(os.environ.items()))"]')
    with pytest.raises(TrainingEnded):
        train_run(run, unheard)
    log = (run / "training" / "1" / "train.log").read_text()
    assert "PYTHONUNBUFFERED" in log
    assert "secret-of-mine" not in log


def test_a_program_that_is_not_here_is_told(run: Path) -> None:
    set_lines(run, command='["no-such-program"]')
    with pytest.raises(TrainerUnusable, match="'no-such-program' is not here"):
        train_run(run, unheard)


def test_what_never_began_is_decided_anew(run: Path) -> None:
    set_lines(run, command='["no-such-program"]')
    with pytest.raises(TrainerUnusable):
        train_run(run, unheard)
    command(run)
    set_lines(run, save_every="4")
    training = train_run(run, unheard)
    assert (training.status, training.folder) == (TrainingStatus.SUCCEEDED, "training/1")
    assert training.numbers["training.save_every"] == "4"


def test_a_place_that_stands_for_nothing_is_told(run: Path) -> None:
    set_lines(run, command='["{python}", "{stepz}"]')
    with pytest.raises(TrainerUnusable, match=r"\{stepz\} in its command stands for nothing; there are .*\{steps\}"):
        train_run(run, unheard)


def test_how_far_it_is_can_be_looked_at_whenever_it_is_wanted(run: Path) -> None:
    metered = Metered()
    show_training(metered.measures, run)
    assert metered.of(names.LAB_PROGRESS) == []
    train_run(run, unheard)
    assert metered.of(names.LAB_PROGRESS) == [({"kilnmark.lab.part": "training"}, 1.0)]
