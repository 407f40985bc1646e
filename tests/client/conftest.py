"""A real daemon for the client's tests, and real peers that are silent, full or hang up."""

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from kilnmark.client import Client
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import FakeWorker, Script
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict
from tests.client.here import KILNMARK, run_here

__all__ = ["KILNMARK"]

START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0


@dataclass(frozen=True)
class Daemon:
    """A daemon that serves; `folder` is its adapter root, and `packs` in it the folder of its packs."""

    socket: Path
    pid: int
    folder: Path
    process: subprocess.Popen[str]


@contextmanager
def serving(folder: Path, **settings: object) -> Iterator[Daemon]:
    """Run `kilnmark serve` until the block ends; it is ended by its own pid whatever happened.

    Args:
        folder: Its home.
        settings: Some that the command line does not offer; the daemon is then started by its module.
    """
    path = folder / "daemon.sock"
    command = [KILNMARK, "serve", "--socket", str(path), "--output-dir", str(folder / "pictures")]
    (folder / "packs").mkdir(exist_ok=True)
    command += ["--lora-root", str(folder), "--packs", str(folder / "packs")]
    if settings:
        chosen = {"socket": str(path), "output_dir": str(folder / "pictures"), "lora_roots": [str(folder)], **settings}
        command = [sys.executable, "-m", "kilnmark.daemon", json.dumps(chosen)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=folder) as process:
        ready = threading.Event()
        reader = threading.Thread(target=_read_log, args=(process, ready))
        reader.start()
        try:
            assert ready.wait(START_TIMEOUT), "the daemon did not say that it is ready"
            yield Daemon(path, process.pid, folder, process)
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
            reader.join(STOP_TIMEOUT)


def _read_log(process: subprocess.Popen[str], ready: threading.Event) -> None:
    """Read to the end, so that the daemon never waits for a reader."""
    assert process.stderr is not None
    for line in process.stderr:
        if "listening on" in line:
            ready.set()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of our own whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="kilnmark-") as name:
        yield Path(name)


@dataclass(frozen=True)
class FakeDaemon:
    """A daemon within this process, whose worker is a fake; `folder` is its adapter root, with its `packs` in it."""

    socket: Path
    pid: int
    folder: Path
    worker: FakeWorker


@pytest.fixture(scope="session")
def daemon() -> Iterator[FakeDaemon]:
    """One daemon for all tests that need nothing painted, whose worker finds the adapters named so dead."""
    with tempfile.TemporaryDirectory(prefix="kilnmark-") as name:
        folder = Path(name)
        (folder / "packs").mkdir()
        worker = FakeWorker(Script(verdicts={"dead": Verdict.NOOP, "bog": Verdict.NOOP}))
        with InProcessDaemon(worker, lora_roots=(folder,), packs=folder / "packs") as running:
            yield FakeDaemon(running.socket, os.getpid(), folder, worker)


@pytest.fixture
def held(daemon: FakeDaemon) -> Iterator[FakeWorker]:
    """The fake worker, whose renders wait at each of their denoise steps until the end of the test."""
    daemon.worker.hold("denoise")
    yield daemon.worker
    daemon.worker.hold()


@pytest.fixture(scope="session")
def painter() -> Iterator[Daemon]:
    """One daemon on `standin` for all tests that leave it as it was."""
    with tempfile.TemporaryDirectory(prefix="kilnmark-") as name, serving(Path(name)) as running:
        yield running


@pytest.fixture(scope="session")
def healthy(daemon: FakeDaemon) -> Path:
    """An adapter of the first blocks that engages."""
    return make_adapter(daemon.folder / "healthy.safetensors", rank=2, blocks=1)


@pytest.fixture(scope="session")
def dead(daemon: FakeDaemon) -> Path:
    """An adapter whose every update is zero."""
    return make_adapter(daemon.folder / "dead.safetensors", rank=2, blocks=1, dead=True)


@pytest.fixture(scope="session")
def packs(daemon: FakeDaemon, healthy: Path, dead: Path) -> Path:
    """One genre, `ink`, with a world, `mire`, whose adapter is dead."""
    folder = daemon.folder / "packs"
    (folder / "ink" / "worlds" / "mire").mkdir(parents=True)
    (folder / "ink" / "visual_style.yaml").write_text(
        "positive_suffix: ink on paper\nbase_seed: 12\nloras:\n"
        "  - {name: wash, file: ../../healthy.safetensors, scale: 0.5, applies_to: [portrait], trigger: inkwash}\n"
    )
    (folder / "ink" / "worlds" / "mire" / "visual_style.yaml").write_text(
        "loras:\n  add:\n    - {name: bog, file: dead.safetensors, scale: 1, applies_to: [portrait]}\n"
    )
    return folder


@pytest.fixture
def run(daemon: FakeDaemon) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run one command of the command line against the daemon; what traces has a process of its own."""

    def call(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        named = {"KILNMARK_SOCKET": str(daemon.socket)} | env
        if not any(name.startswith("OTEL") for name in env):
            return run_here(*arguments, env=named)
        variables = os.environ | named
        return subprocess.run(
            [KILNMARK, *arguments], capture_output=True, text=True, env=variables, check=False, timeout=60
        )

    return call


@contextmanager
def listening(folder: Path) -> Iterator[tuple[Path, socket.socket]]:
    """A socket that the test itself answers, or does not."""
    path = folder / "test.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(8)
        listener.settimeout(STOP_TIMEOUT)
        yield path, listener


@contextmanager
def silent_daemon(folder: Path) -> Iterator[Path]:
    """A socket that takes connections and never says a word."""
    with listening(folder) as (path, _):
        yield path


@contextmanager
def full_backlog(folder: Path) -> Iterator[Path]:
    """A socket that takes no further connection: as many wait as fit."""
    path = folder / "full.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(0)
        waiting: list[socket.socket] = []
        try:
            with suppress(BlockingIOError):
                while True:
                    waiting.append(socket.socket(socket.AF_UNIX))
                    waiting[-1].setblocking(False)
                    waiting[-1].connect(str(path))
            yield path
        finally:
            for each in waiting:
                each.close()


@contextmanager
def peer_that_says(folder: Path, *answers: bytes, after: int = 1) -> Iterator[Path]:
    """A peer that gives each connection its answer, and hangs up; the first once it has been asked `after` times."""
    with listening(folder) as (path, listener):
        thread = threading.Thread(target=_answer_each, args=(listener, answers, after))
        thread.start()
        try:
            yield path
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(STOP_TIMEOUT)


def _answer_each(listener: socket.socket, answers: tuple[bytes, ...], after: int) -> None:
    for wanted, answer in zip([after] + [1] * len(answers), answers, strict=False):
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(STOP_TIMEOUT)
            asked = 0
            while asked < wanted and (data := connection.recv(65536)):
                asked += data.count(b"\n")
            connection.sendall(answer)


@contextmanager
def cancelled_afterwards(daemon: FakeDaemon) -> Iterator[str]:
    """The render that the block starts under the yielded job id is cancelled when the block has ended.

    A named render outlives its connection, and this one waits at its first step, so only a cancel that arrived can
    have ended it.
    """
    job_id = uuid.uuid4().hex
    daemon.worker.hold("denoise")
    try:
        yield job_id
        with Client(daemon.socket) as client:
            assert client.jobs_wait(job_id, 40.0).job.state == "cancelled"
    finally:
        daemon.worker.hold()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that exists and does nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class Terminal:
    """The screen's side of a pseudo-terminal: what was written to it so far."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self.seen = b""

    def read_until(self, word: bytes, seconds: float) -> bool:
        """Whether the word appeared before the other side closed or the time was over."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._handle, selectors.EVENT_READ)
            while word not in self.seen and selector.select(seconds):
                try:
                    data = os.read(self._handle, 65536)
                except OSError:
                    return False
                self.seen += data
        return word in self.seen


@contextmanager
def on_a_terminal(*arguments: str, **env: str) -> Iterator[tuple[subprocess.Popen[bytes], Terminal]]:
    """Run a command whose stderr is a terminal; it is ended with the block."""
    screen, keyboard = os.openpty()
    variables = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"} | env
    with (
        closing(os.fdopen(screen, "rb", buffering=0)),
        subprocess.Popen([KILNMARK, *arguments], stdout=subprocess.PIPE, stderr=keyboard, env=variables) as process,
    ):
        os.close(keyboard)
        try:
            yield process, Terminal(screen)
        finally:
            process.kill()
