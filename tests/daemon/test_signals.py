"""The process as others treat it: signals of every kind, and standard streams that are closed or full."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from kilnmark.daemon.jobs.jobs import TRIES
from tests.daemon.conftest import SMALL
from tests.daemon.faked import HELD
from tests.daemon.fakeds import Faked, faked

LONG: dict[str, Any] = {**SMALL, "steps": 100, "_meta": {"progressToken": "t"}}
CLOSED = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]


def test_sighup_reads_the_settings_again_wholly_or_not_at_all(home: Path) -> None:
    said, log = home / "said.json", home / "log"
    chosen = {"socket": str(home / "daemon.sock"), "output_dir": str(home / "pictures"), "queue_limit": 1}

    def say(text: str, told: str) -> None:
        said.write_text(text)
        before = log.read_text().count(told)
        daemon.send(signal.SIGHUP)
        while log.read_text().count(told) == before:
            assert daemon.process.poll() is None

    log.touch()
    again = ["cat", str(said)]
    with (
        log.open("ab") as stderr,
        faked(home, pace=60, stderr=stderr.fileno(), again=again) as daemon,
        daemon.wire() as wire,
    ):
        for seed in range(2):
            wire.send("render", {**LONG, "seed": seed})
            wire.progressed("queued" if seed else "denoise")
        say(json.dumps({**chosen, "journal": str(home / "jobs.sqlite"), "cache_bytes": 0}), "were read again")
        assert wire.error("render", {**SMALL, "seed": 8})["code"] == -32001
        say(json.dumps({**chosen, "queue_limit": 0}), "stay as they are: the settings are not usable: queue_limit")
        say("no JSON", "stay as they are")
        process = wire.result("status")["process"]
        assert (process["settings_refused"], process["settings_waiting"]) == (2, [])
        assert process["settings_problem"].startswith("the settings are not usable: ")
        assert wire.error("render", {**SMALL, "seed": 8})["code"] == -32001
        say(json.dumps({**chosen, "queue_limit": 2, "variant": "dev"}), "these need a start: variant, journal")
        wire.send("render", {**LONG, "seed": 8})
        wire.progressed("queued")
        process = wire.result("status")["process"]
        assert (process["settings_problem"], process["settings_waiting"][:2]) == (None, ["variant", "journal"])


def test_settings_that_were_said_while_older_ones_were_read_are_read_too(home: Path) -> None:
    said, gate = home / "said.json", home / "gate"
    chosen = {"socket": str(home / "daemon.sock"), "output_dir": str(home / "pictures")}
    said.write_text(json.dumps({**chosen, "journal": str(home / "jobs.sqlite"), "cache_bytes": 0}))
    os.mkfifo(gate)
    with faked(home, again=["cat", str(said), str(gate)]) as daemon, daemon.wire() as wire:
        daemon.send(signal.SIGHUP)
        with gate.open("w"):  # which waits until the first document was read
            said.write_text(json.dumps({**chosen, "variant": "dev"}))
            daemon.send(signal.SIGHUP)
            assert [wire.result("ping")["pid"] for _ in range(2)] == [daemon.process.pid] * 2
            gate.unlink()
            gate.touch()  # so that the second reading waits for nobody
        status = wire.status_once(lambda status: bool(status["process"]["settings_waiting"]))
        assert status["process"]["settings_waiting"][0] == "variant"


@pytest.mark.slow
def test_a_daemon_that_is_told_twice_to_end_takes_no_try_from_a_render(home: Path) -> None:
    for _ in range(TRIES):
        with faked(home, pace=60) as daemon, daemon.wire() as wire:
            wire.send("render", {**LONG, "job_id": "patient"})
            wire.progressed("denoise")
            daemon.send(signal.SIGTERM)
            wire.status_once(lambda status: status["state"] == "draining")
            daemon.send(signal.SIGTERM)
            assert daemon.ended() == 128 + signal.SIGTERM
    with faked(home) as daemon, daemon.wire() as wire:
        assert wire.result("jobs.wait", {"job_id": "patient"})["job"]["state"] == "done"


@pytest.mark.slow
def test_what_is_not_painted_in_time_is_kept_for_the_next_start(home: Path) -> None:
    with faked(home, pace=60, drain_timeout=0.05) as daemon:
        with daemon.wire() as wire:
            for seed in range(3):
                wire.send("render", {**LONG, "seed": seed, "job_id": f"j{seed}"})
                wire.progressed("queued" if seed else "denoise")
            daemon.send(signal.SIGINT)
            told = [wire.read_until(lambda message: "error" in message)["error"] for _ in range(3)]
            assert {error["data"]["job_id"] for error in told} == {"j0", "j1", "j2"}
            assert {error["code"] for error in told} == {-32002}
        assert daemon.ended() in (130, -signal.SIGINT)
    with faked(home) as daemon, daemon.wire() as wire:
        assert {wire.result("jobs.wait", {"job_id": f"j{i}"})["job"]["state"] for i in range(3)} == {"done"}


@pytest.mark.slow
def test_a_second_signal_ends_at_once_and_nothing_is_lost(home: Path) -> None:
    with faked(home, pace=60, drain_timeout=3600) as daemon, daemon.wire() as wire:
        wire.send("render", {**LONG, "job_id": "kept"})
        wire.progressed("denoise")
        daemon.send(signal.SIGTERM)
        wire.status_once(lambda status: status["state"] == "draining")
        daemon.send(signal.SIGQUIT)
        assert daemon.ended() == 128 + signal.SIGQUIT
    with faked(home) as daemon, daemon.wire() as wire:
        assert wire.result("jobs.wait", {"job_id": "kept"})["job"]["state"] == "done"


def test_closed_streams_are_null_and_signals_that_mean_nothing_are_ignored_to_an_orderly_end(home: Path) -> None:
    """A closed stream is none of the files that are opened later."""
    with faked(home, before=CLOSED) as daemon:
        with daemon.wire() as wire:
            for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE):
                daemon.send(number)
                assert wire.result("ping")["pid"] == daemon.process.pid
            assert wire.result("render", SMALL)
            if Path("/proc/self/fd").exists():
                streams = [Path(f"/proc/{daemon.process.pid}/fd/{number}").readlink() for number in (0, 1, 2)]
                assert streams == [Path("/dev/null")] * 3
        daemon.send(signal.SIGQUIT)
        assert daemon.ended() == 128 + signal.SIGQUIT
        assert not daemon.socket.exists()


def fill(pipe: int) -> None:
    """Write into a pipe until it takes no more."""
    os.set_blocking(pipe, False)
    try:
        while True:
            os.write(pipe, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(pipe, True)


def test_a_full_stderr_stops_nobody_and_after_sigterm_what_was_accepted_is_painted(home: Path) -> None:
    reading, writing = os.pipe()
    fill(writing)
    try:
        (home / HELD).touch()
        with faked(home, pace=0.01, stderr=writing) as daemon:
            paint_on_after_sigterm(daemon, home)
    finally:
        os.close(reading)
        os.close(writing)


def paint_on_after_sigterm(daemon: Faked, home: Path) -> None:
    with daemon.wire() as wire, daemon.wire() as late:
        ids = [wire.send("render", {**LONG, "steps": 5, "seed": seed}) for seed in range(3)]
        wire.progressed("denoise")
        daemon.send(signal.SIGTERM)
        late.status_once(lambda status: status["state"] == "draining")
        assert late.error("render", SMALL)["code"] == -32002
        (home / HELD).unlink()
        assert [wire.reply(id_)["result"]["seed"] for id_ in ids] == [0, 1, 2]
    assert daemon.ended() == -signal.SIGTERM
    assert not daemon.socket.exists()
