"""Runs that were looked at and are ready to be trained: at a fake remote, or by a script that plays a trainer."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from kilnmark.lab.run.folder import read_state
from kilnmark.lab.run.trained import Training
from tests.lab.faults.benches import ADAPTER, EARLIER, training_template
from tests.lab.faults.remote_bench import KEY, FakeRemote, fake_remote

MakeRun = Callable[..., Path]

START = "POST /v1/models"
LOOK = r"GET /v1/trainings/\w"
"""Calls to a remote, as faults are put upon them."""


@pytest.fixture(scope="session", name="fake")
def _fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeRemote]:
    with fake_remote(tmp_path_factory.mktemp("fake")) as remote:
        yield remote


@pytest.fixture(scope="session", name="template")
def _template(fake: FakeRemote, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_template(tmp_path_factory.mktemp("template") / "home", fake.url)


@pytest.fixture(name="remote")
def _remote(fake: FakeRemote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRemote:
    """The fake with a new account, whose trainings come to two adapters; its key is in the environment."""
    account = tmp_path / "account"
    account.mkdir()
    shutil.copy(ADAPTER, account / "result.safetensors")
    shutil.copy(EARLIER, account / "result_step500.safetensors")
    fake.anew(account)
    monkeypatch.setenv("REPLICATE_API_TOKEN", KEY)
    return fake


@pytest.fixture(name="make_run")
def _make_run(template: Path, tmp_path: Path) -> MakeRun:
    """A copy of the run; what is given replaces lines of its `run.toml`, `name=value` as TOML has it."""

    def make(**lines: Any) -> Path:
        run = tmp_path / "home" / "run"
        shutil.copytree(template, run, symlinks=True)
        (run.parent / "set").symlink_to(template.parent / "set")
        set_lines(run, **lines)
        return run

    return make


def unheard(line: str) -> None:
    """Takes lines for people, where no test asks for them."""


def set_lines(run: Path, **lines: str) -> None:
    """Put other values into a run's `run.toml`."""
    path = run / "run.toml"
    text = path.read_text()
    for name, value in lines.items():
        found = [line for line in text.splitlines() if line.startswith(f"{name} = ")]
        assert len(found) == 1, (name, found)
        text = text.replace(f"{found[0]}\n", f"{name} = {value}\n")
    path.write_text(text)


def spoil(path: Path) -> None:
    """Make an adapter dead: all its up matrices zeros."""
    tensors = {name: np.asarray(tensor) for name, tensor in load_file(path).items()}
    save_file({name: np.zeros_like(one) if "up" in name else one for name, one in tensors.items()}, path)


def known(run: Path) -> Training:
    """The run's training, as its state has it."""
    state = read_state(run)
    assert state is not None
    assert state.training is not None
    return state.training


def spent(run: Path) -> float:
    """All that the run has spent or reserved."""
    state = read_state(run)
    assert state is not None
    return sum(entry.amount for entry in state.spending)


@pytest.fixture
def no_key_anywhere(tmp_path: Path, told: list[str], caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever happened in a test: the key is in no file of the run, in no line, no log."""
    caplog.set_level("DEBUG")
    yield
    home = tmp_path / "home"
    assert [path for path in home.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []
    assert KEY not in "\n".join(told)
    assert KEY not in caplog.text


@pytest.fixture(name="told")
def _told() -> list[str]:
    """What a call said to people, when its `append` is who it tells."""
    return []
