"""Signals in each state, standard streams that are full or closed, and several daemons that want the same socket."""

import os
import shutil
import signal
import socket
import stat
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from kilnmark.client import Client
from kilnmark.client.errors import ClientError
from tests.daemon.conftest import SMALL
from tests.daemon.fakeds import faked
from tests.daemon.test_signals import CLOSED, fill
from tests.faults.conftest import Found
from tests.faults.forked import Forked, daemon, settings_in

LONG: dict[str, Any] = {**SMALL, "steps": 100, "_meta": {"progressToken": "t"}}

STATES = ("load", "", "adapters", "encode", "denoise", "decode", "save")
"""Where everything is held when the signal comes; empty: nothing is to be done."""

ENDING = ("SIGTERM", "SIGINT", "SIGQUIT")


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.faults(
    "{number} while everything is held at {state!r} (empty: idle), with four renders accepted and a drain of 0.1 s",
    "those who wait are told -32002 and that their job is kept, the socket is gone, the exit status tells it; the next "
    " daemon paints all four",
)
def test_an_ending_signal_in_each_state(home: Path, found: Found, state: str, number: str) -> None:
    names = [f"j{i}" for i in range(4)] if state else []
    holds = [state] if state else []
    with daemon(home, holds=holds, drain_timeout=0.1) as running, running.wire() as wire:
        for i, name in enumerate(names):
            wire.send("render", {**LONG, "seed": i, "job_id": name, "_meta": {"progressToken": name}})
            wire.read_until(lambda message, name=name: message["params"]["progressToken"] == name)  # type: ignore[misc]
        assert wire.result("ping")["pid"] == running.pid
        began = time.monotonic()
        running.send(signal.Signals[number])
        errors = [wire.read_until(lambda message: "error" in message)["error"] for _ in names]
        status = running.ended()
        took = time.monotonic() - began
        assert not running.socket.exists()
    with daemon(home) as running, running.wire() as wire:
        states = Counter(wire.result("jobs.wait", {"job_id": name})["job"]["state"] for name in names)
    found(f"exit {status} after {took:.1f} s; {len(errors)} told; then {dict(states) or 'nothing to do'}")
    assert {(error["code"], error["data"]["detail"]["kept"]) for error in errors} <= {(-32002, True)}
    assert (status in (-signal.Signals[number], 128 + signal.Signals[number]), took < 10) == (True, True)
    assert states == Counter({"done": len(names)} if names else {})


@pytest.mark.faults("SIGTERM at 30 moments of a start", "it ends; the next daemon starts, and paints what was kept")
def test_a_signal_while_it_starts(home: Path, found: Found) -> None:
    with daemon(home, holds=["denoise"]) as running, running.wire() as wire:
        wire.send("render", {**LONG, "job_id": "kept"})
        wire.progressed("denoise")
    statuses: Counter[int] = Counter()
    for moment in range(30):
        running = Forked(home, settings_in(home, drain_timeout=0.0), holds=["denoise"])
        time.sleep(0.004 * moment)
        running.send(signal.SIGTERM)
        statuses[running.ended(20)] += 1
    with daemon(home) as running, running.wire() as wire:
        state = wire.result("jobs.wait", {"job_id": "kept"})["job"]["state"]
    found(f"ended with {dict(statuses)}; then {state}")
    assert (set(statuses), state) == ({-signal.SIGTERM}, "done")


@pytest.mark.parametrize("number", ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGCHLD", "SIGWINCH"])
@pytest.mark.faults("{number} a hundred times while a render is painted", "painted; the daemon serves on")
def test_a_signal_that_ends_nobody(home: Path, found: Found, number: str) -> None:
    with daemon(home, pace=0.005) as running, running.wire() as wire, running.wire() as other:
        render = wire.send("render", LONG)
        wire.progressed("denoise")
        for _ in range(100):
            running.send(signal.Signals[number])
        assert other.result("ping")["pid"] == running.pid
        assert wire.reply(render)["result"]["image_path"]
    found("its picture, the same process")


@pytest.mark.parametrize("second", ENDING)
@pytest.mark.faults(
    "SIGTERM, and {second} while it drains for an hour", "gone at once, orderly; the render is kept and no try is taken"
)
def test_a_second_signal(home: Path, found: Found, second: str) -> None:
    for _ in range(3):
        with daemon(home, holds=["denoise"], drain_timeout=3600) as running, running.wire() as wire:
            if "error" in wire.call("jobs.get", {"job_id": "kept"}):
                wire.send("render", {**LONG, "job_id": "kept"})
            while wire.result("status")["queue"]["running"] == 0:
                pass
            running.send(signal.SIGTERM)
            while wire.result("status")["state"] != "draining":
                pass
            began = time.monotonic()
            running.send(signal.Signals[second])
            status = running.ended()
            took = time.monotonic() - began
            assert not running.socket.exists()
    with daemon(home) as running, running.wire() as wire:
        state = wire.result("jobs.wait", {"job_id": "kept"})["job"]["state"]
    found(f"exit {status} after {took:.2f} s, three times; then {state}")
    assert (status, took < 3, state) == (128 + signal.Signals[second], True, "done")


@pytest.mark.faults(
    "standard error is a full pipe that nobody reads, with thousands of lines to be logged",
    "nobody waits: 20 pictures are made, ping answers, SIGTERM ends it",
)
def test_standard_error_is_a_full_pipe(home: Path, found: Found) -> None:
    reading, writing = os.pipe()
    fill(writing)
    try:
        with faked(home, stderr=writing) as running, running.wire() as wire:
            for seed in range(20):
                wire.result("render", {**SMALL, "seed": seed})
            for _ in range(2000):
                running.send(signal.SIGHUP)
                wire.result("ping")
            running.send(signal.SIGTERM)
            status = running.ended()
    finally:
        os.close(reading)
        os.close(writing)
    found(f"20 pictures, 2,000 pings, exit {status}")
    assert status == -signal.SIGTERM


@pytest.mark.faults(
    "started with stdin, stdout and stderr closed", "they are /dev/null: no file of its own lands on 0 to 2; it serves"
)
def test_closed_streams(home: Path, found: Found) -> None:
    with faked(home, before=CLOSED) as running, running.wire() as wire:
        assert wire.result("render", SMALL)
        streams = [str(Path(f"/proc/{running.process.pid}/fd/{number}").readlink()) for number in (0, 1, 2)]
    found(", ".join(streams))
    assert streams == ["/dev/null"] * 3


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.faults(
    "{count} daemons are started at once for one socket, ten times",
    "one serves, the others end with 75 and name it; its socket stays when they end",
)
def test_daemons_race_for_a_socket(home: Path, found: Found, count: int) -> None:
    statuses: Counter[int | None] = Counter()
    for _ in range(10):
        started = [Forked(home, settings_in(home, journal=str(home / f"{i}.sqlite"))) for i in range(count)]
        deadline = time.monotonic() + 30
        while sum(one.process.is_alive() for one in started) > 1:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (winner,) = (one for one in started if one.process.is_alive())
        winner.wait_until_it_answers()
        with winner.wire() as wire:
            assert wire.result("ping")["pid"] == winner.pid
        statuses.update(one.ended() for one in started if one is not winner)
        winner.kill()
    found(f"10 winners; the others ended with {dict(statuses)}")
    assert statuses == Counter({75: 10 * (count - 1)})


@pytest.mark.faults(
    "a second daemon is started on another socket with the same journal", "it ends with 75; the first goes on unharmed"
)
def test_daemons_race_for_a_journal(home: Path, found: Found) -> None:
    with daemon(home) as running, running.wire() as wire:
        second = Forked(home, settings_in(home, socket=str(home / "other.sock")))
        status = second.ended()
        made = wire.result("render", {**SMALL, "job_id": "a"})
        running.kill()
    with daemon(home) as running, running.wire() as wire:
        kept = wire.result("jobs.get", {"job_id": "a"})["result"]
    found(f"exit {status}, the first one's job is kept")
    assert (status, kept) == (75, made)


@pytest.mark.parametrize("names", [("daemon.sock",), ("daemon.sock", "daemon.sock.lock"), ()], ids=str)
@pytest.mark.faults(
    "files of the socket are removed under a living daemon: {names} (none: its folder, with everything in it)",
    "noticed and bound again; no second daemon starts beside it",
)
def test_the_socket_is_removed(home: Path, found: Found, names: tuple[str, ...]) -> None:
    run = home / "run"
    run.mkdir(mode=0o700)
    settings = settings_in(home, socket=str(run / "daemon.sock"))
    running = Forked(home, settings)
    running.wait_until_it_answers()
    began = time.monotonic()
    for name in names:
        (run / name).unlink()
    if not names:
        shutil.rmtree(run)
    while not running._answers():
        assert time.monotonic() - began < 30, running.log
        time.sleep(0.01)
    took = time.monotonic() - began
    second = Forked(home, {**settings, "journal": str(home / "second.sqlite")})
    status = second.ended()
    running.kill()
    found(f"there again after {took:.1f} s; a second daemon ended with {status}")
    assert status == 75


STRANGER = 12345
"""Another user's number."""


class Impostor:
    """Listens where the daemon should, and keeps what it is sent."""

    def __init__(self, path: Path, uid: int) -> None:
        self.heard = b""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        os.seteuid(uid)  # the kernel tells who listens by who they were when they began to
        self._listener.listen(8)
        os.seteuid(0)
        self._listener.settimeout(1.0)
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()

    def _hear(self) -> None:
        try:
            while True:
                peer, _ = self._listener.accept()
                with peer:
                    peer.settimeout(1.0)
                    self.heard += peer.recv(1 << 16)
        except OSError:
            return

    def end(self) -> None:
        self._thread.join(5)
        self._listener.close()


@pytest.mark.parametrize(
    "what",
    ["the folder is another user's", "others may write to the folder", "another user listens in a folder of ours"],
)
@pytest.mark.faults(
    "an impostor listens where clients look for the daemon: {what}",
    "the client refuses before its first byte, and says why",
)
def test_an_impostor(home: Path, found: Found, what: str) -> None:
    run = home / "run"
    run.mkdir(mode=0o700)
    impostor = Impostor(run / "daemon.sock", STRANGER if what.startswith("another") else os.geteuid())
    if what == "the folder is another user's":
        os.chown(run, STRANGER, STRANGER)
    elif what == "others may write to the folder":
        run.chmod(0o777)
    with Client(run / "daemon.sock", silence_timeout=2.0) as client, pytest.raises(ClientError) as refused:
        client.render("a secret", width=64, height=64, steps=1)
    impostor.end()
    found(f"{type(refused.value).__name__}, {len(impostor.heard)} bytes sent")
    assert impostor.heard == b""


@pytest.mark.faults(
    "the socket's grandparent may be written to by others, without the sticky bit", "the daemon does not start there"
)
def test_an_unsafe_grandparent(home: Path, found: Found) -> None:
    (home / "open").mkdir()
    (home / "open").chmod(0o777)
    running = Forked(home, settings_in(home, socket=str(home / "open" / "run" / "daemon.sock")))
    status = running.ended()
    found(f"exit {status}: {running.log.strip()[-80:]}")
    assert (status, "Traceback" in running.log) == (2, False)


@pytest.mark.faults("the socket's folder is made by the daemon with the umask 0", "0700, and the socket 0600")
def test_a_made_folder(home: Path, found: Found) -> None:
    before = os.umask(0)
    try:
        with faked(home / "a" / "run") as running, running.wire() as wire:
            assert wire.result("ping")
            places = [home / "a", home / "a" / "run", running.socket]
            modes = [stat.S_IMODE(place.stat().st_mode) for place in places]
    finally:
        os.umask(before)
    found(", ".join(f"{mode:o}" for mode in modes))
    assert modes == [0o700, 0o700, 0o600]


@pytest.mark.faults(
    "200 clients come while the daemon goes down and another starts, ten times",
    "nobody is told anything false, all get in",
)
def test_clients_in_between(home: Path, found: Found) -> None:
    answered, over = Counter[str](), threading.Event()

    def ask() -> None:
        while not over.is_set():
            with Client(home / "daemon.sock", start_timeout=30, away_timeout=30) as client:
                client.ping()
                answered["ping"] += 1

    with ExitStack() as stack:
        threads = [threading.Thread(target=ask, daemon=True) for _ in range(8)]
        for turn in range(10):
            running = stack.enter_context(daemon(home))
            if not turn:
                for thread in threads:
                    thread.start()
            until = answered["ping"] + 20
            deadline = time.monotonic() + 30
            while answered["ping"] < until:
                assert time.monotonic() < deadline
                time.sleep(0.001)
            running.send(signal.SIGTERM)
            running.ended()
        with daemon(home):
            over.set()
            for thread in threads:
                thread.join(30)
        alive = sum(thread.is_alive() for thread in threads)
    found(f"{answered['ping']} clients answered over 10 restarts, {alive} still wait")
    assert (answered["ping"] >= 200, alive) == (True, 0)
