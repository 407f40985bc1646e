"""Daemons for tests, and a raw wire to talk to them byte by byte.

Most rules are tested with one that lives in this process, whose worker is a fake and waits where a test wants it to.
`painter` holds a Pinhole, every other daemon that is started as a process the standin where nothing else is said. Each
is ended by its own process id, and every wait on it has an end.
"""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import Script

__all__ = ["SMALL", "Daemon", "FakeDaemon", "StartDaemon", "Wire", "running_daemon", "wait_until_gone"]

PATIENCE = 60.0
"""Seconds any single wait may take before the test fails."""

SMALL: dict[str, Any] = {"prompt": "tor", "width": 64, "height": 64, "steps": 1, "seed": 7}
"""The smallest picture: about a second on one core, of which every letter of the prompt takes its share."""

Message = dict[str, Any]


class Wire:
    """A socket to a daemon, with a deadline on every read."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self._received = b""
        self._last_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send_bytes(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send(self, method: str, params: object = None, **more: object) -> int:
        """Send a request and return its id; `id=None` makes it a notification."""
        self._last_id += 1
        message: Message = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params or {}, **more}
        if message["id"] is None:
            del message["id"]
        self.send_bytes(json.dumps(message).encode() + b"\n")
        return self._last_id

    def read(self) -> Any:
        """The next message."""
        while b"\n" not in self._received:
            data = self.socket.recv(1 << 16)
            if not data:
                raise EOFError("the daemon closed the connection")
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return json.loads(line)

    def read_until(self, wanted: Callable[[Message], bool]) -> Message:
        """The first message that is wanted; those before it are dropped."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            message: Message = self.read()
            if wanted(message):
                return message
        raise TimeoutError("the wanted message did not come")

    def reply(self, id_: object) -> Message:
        """The reply to one request."""
        return self.read_until(lambda message: "method" not in message and message.get("id") == id_)

    def call(self, method: str, params: object = None) -> Message:
        """A request and its reply."""
        return self.reply(self.send(method, params))

    def result(self, method: str, params: object = None) -> Message:
        """A request that must succeed, and its result."""
        reply = self.call(method, params)
        assert "error" not in reply, reply
        result: Message = reply["result"]
        return result

    def error(self, method: str, params: object = None) -> Message:
        """A request that must fail, and its error."""
        reply = self.call(method, params)
        assert "result" not in reply, reply
        error: Message = reply["error"]
        return error

    def status_once(self, wanted: Callable[[Message], bool]) -> Message:
        """The daemon's status as soon as it is as wanted."""
        deadline = time.monotonic() + PATIENCE
        while not wanted(status := self.result("status")):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the status did not become as wanted: {status}")
            select.select([], [], [], 0.002)
        return status

    def once_ready(self, *job_ids: str) -> None:
        """Wait until these jobs wait for the worker alone, behind one that it holds.

        `queue` counts those, too, whose files are being looked at. They are listed behind all that are ready: so behind
        one without adapters, however little that is preferred.
        """
        last = self.send("render", {**SMALL, "job_id": "behind-them", "priority": "low"})
        self.status_once(lambda status: set(job_ids) <= set(_before("behind-them", status["jobs"])))
        self.result("cancel", {"job_id": "behind-them"})
        assert self.reply(last)["error"]["code"] == -32800

    def is_silent(self) -> bool:
        """Nothing to read: asked after an answer that came later than what should be missing."""
        return not self._received and not select.select([self.socket], [], [], 0)[0]

    def progressed(self, stage: str) -> Message:
        """Wait for the progress notification whose message begins with a stage's name."""
        return self.read_until(
            lambda message: (
                message.get("method") == "notifications/progress" and message["params"]["message"].startswith(stage)
            )
        )


def _before(job_id: str, listed: list[Message]) -> list[str]:
    """The ids that are listed before one; none where it is not listed."""
    ids = [job["job_id"] for job in listed]
    return ids[: ids.index(job_id)] if job_id in ids else []


class Reachable:
    """What can be asked of any daemon."""

    socket: Path

    def wire(self) -> Wire:
        return Wire(self.socket)

    def status(self) -> Message:
        with self.wire() as wire:
            return wire.result("status")

    def warm(self) -> Self:
        with self.wire() as wire:
            wire.result("warm_up")
        return self


class FakeDaemon(Reachable, InProcessDaemon):
    """A daemon in this process, whose worker is a fake. Unless it is given `cache_bytes` it paints every picture."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"cache_bytes": 0, **settings})


class Daemon(Reachable):
    """A started daemon process and where to find what is its own."""

    def __init__(self, home: Path, process: "subprocess.Popen[bytes]") -> None:
        self.home = home
        self.socket = home / "daemon.sock"
        self.pictures = home / "pictures"
        self.loras = home / "loras"
        self.process = process

    @property
    def log(self) -> str:
        return (self.home / "log").read_text()

    def worker_pid(self) -> int:
        """Of the worker, once there is one: the socket answers before it is started."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            pid: int | None = self.status()["worker"]["pid"]
            if pid is not None:
                return pid
        raise TimeoutError("no worker was started")

    def ended(self) -> int:
        """Wait for the process to end; its exit status."""
        return self.process.wait(PATIENCE)


StartDaemon = Callable[..., Daemon]


@contextmanager
def running_daemon(env: Mapping[str, str] | None = None, **settings: object) -> Iterator[Daemon]:
    """Start a daemon whose socket answers; end it, whatever happened, by its process id.

    Unless it is given `cache_bytes` it paints every picture anew, as most tests ask for the same one; unless it is
    given `drain_timeout` it finishes nothing after a signal.
    """
    home = Path(tempfile.mkdtemp(prefix="kiln-"))
    (home / "loras").mkdir()
    chosen = {
        "socket": str(home / "daemon.sock"),
        "output_dir": str(home / "pictures"),
        "lora_roots": [str(home / "loras")],
        "cache_bytes": 0,
        "drain_timeout": 0,
        **settings,
    }
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "kilnmark.daemon", json.dumps(chosen)],
            stdout=subprocess.DEVNULL,
            stderr=log,
            env={**os.environ, **(env or {})},
        )
    daemon = Daemon(home, process)
    try:
        _wait_for_socket(daemon)
        yield daemon
    finally:
        _end(process)
        shutil.rmtree(home, ignore_errors=True)


def _wait_for_socket(daemon: Daemon) -> None:
    deadline = time.monotonic() + PATIENCE
    while "listening on" not in daemon.log:
        if daemon.process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the daemon did not start:\n{daemon.log}")
        select.select([], [], [], 0.02)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


def wait_until_gone(pid: int) -> None:
    """Wait until a process that need not be our child runs no more; a zombie does not run."""
    deadline = time.monotonic() + PATIENCE
    while _runs(pid):
        if time.monotonic() > deadline:
            pytest.fail(f"process {pid} still runs")
        select.select([], [], [], 0.02)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not Path("/proc").exists()
    return state not in ("Z", "X")


@pytest.fixture(scope="session")
def daemon() -> Iterator[FakeDaemon]:
    """One daemon in this process for every test that leaves it as it was, whose batches last as long as they like."""
    with FakeDaemon(heartbeat_interval=0.05, batch_delay=3600) as running:
        yield running.warm()


@pytest.fixture(scope="session")
def painter() -> Iterator[Daemon]:
    """One warm daemon process that really paints, with a Pinhole, for every test that leaves it as it was."""
    from tests.daemon.shuttered import shuttered

    with shuttered(heartbeat_interval=0.2, batch_delay=3600) as running:
        yield running.warm()


@pytest.fixture
def wire(daemon: FakeDaemon) -> Iterator[Wire]:
    """A fresh connection to the shared daemon, which must still answer at the end; its worker heeds no script then."""
    with daemon.wire() as wire:
        yield wire
    daemon.worker.hold()
    daemon.worker.script = Script()
    with daemon.wire() as after:
        assert after.result("ping")["pid"] == os.getpid()


@pytest.fixture
def other(daemon: FakeDaemon) -> Iterator[Wire]:
    """A second caller."""
    with daemon.wire() as wire:
        yield wire


@pytest.fixture
def paints(painter: Daemon) -> Iterator[Wire]:
    """A fresh connection to the shared daemon that really paints, which must still answer at the end."""
    with painter.wire() as wire:
        yield wire
    with painter.wire() as after:
        assert after.result("ping")["pid"] == painter.process.pid


@pytest.fixture
def start_daemon() -> Iterator[StartDaemon]:
    """Starts daemons that a test may break: `start_daemon(beat_timeout=2.0)`."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running_daemon(**settings))


@pytest.fixture
def home() -> Iterator[Path]:
    """A private directory with a path short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="kiln-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)
