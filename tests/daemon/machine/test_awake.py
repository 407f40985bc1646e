"""A Mac kept awake: by a program of that name that notes what it was told."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kilnmark.daemon.machine import rounds
from kilnmark.daemon.machine.awake import Awake
from kilnmark.daemon.machine.machine import Machine
from tests.daemon.conftest import SMALL, FakeDaemon, wait_until_gone

Said = Callable[..., list[str]]


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Said:
    """What `caffeinate` was told so far, a line each: its process number and its arguments. It stays until ended."""
    noted = tmp_path / "noted"
    os.mkfifo(tmp_path / "never")
    program = tmp_path / "caffeinate"
    program.write_text(f'#!/bin/sh\necho "$$ $@" >> {noted}\nread _ < {tmp_path}/never\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def lines(count: int = 1) -> list[str]:
        while not noted.exists() or noted.read_text().count("\n") < count:
            os.sched_yield()
        return noted.read_text().splitlines()

    return lines


def test_a_mac_is_kept_awake_for_as_long_as_it_is_wanted_and_as_this_process_is_there(said: Said) -> None:
    awake = Awake("darwin")
    for _ in range(3):
        awake.keep(wanted=True)
    (line,) = said()
    pid, _, told = line.partition(" ")
    assert told == f"-i -w {os.getpid()}"
    awake.keep(wanted=False)
    wait_until_gone(int(pid))
    awake.end()


def test_a_daemon_keeps_it_awake_while_it_paints_and_no_longer(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "LOOK_INTERVAL", 0.01)
    with FakeDaemon(machine=Machine(awake=Awake("darwin"))) as daemon, daemon.wire() as wire:
        daemon.worker.hold("denoise")
        rendering = wire.send("render", SMALL)
        (line,) = said()
        daemon.worker.hold()
        assert "result" in wire.reply(rendering)
        wait_until_gone(int(line.split()[0]))
        daemon.worker.hold("denoise")
        wire.send("render", {**SMALL, "seed": 8})
        last = int(said(2)[1].split()[0])
    wait_until_gone(last)


def test_one_that_is_lost_is_replaced_and_that_is_told(said: Said, caplog: pytest.LogCaptureFixture) -> None:
    awake = Awake("darwin")
    awake.keep(wanted=True)
    (line,) = said()
    os.kill(int(line.split()[0]), 9)
    while not caplog.records:
        awake.keep(wanted=True)
    awake.keep(wanted=True)
    awake.end()
    assert "ended by itself" in caplog.text


def test_where_there_is_no_such_program_it_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    awake = Awake("darwin")
    for _ in range(3):
        awake.keep(wanted=True)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_elsewhere_nothing_is_started_nor_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    Awake("linux").keep(wanted=True)
    assert not caplog.records
