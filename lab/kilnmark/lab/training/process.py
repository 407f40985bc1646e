"""A trainer's process: begun in a group of its own, known again after the command that began it has died, ended whole.

It writes into its log by itself, so nothing that happens to the command reaches it; what it says is read there.
"""

import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from kilnmark.lab.run.trained import TrainerProcess
from kilnmark.lab.training.errors import TrainerUnusable

__all__ = ["GoneOn", "OwnChild", "TrainerRunning", "begin_process", "is_alive", "is_held"]

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_ENDINGS = ((signal.SIGINT, 30.0), (signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0))
"""What a group is asked to end by, and the seconds that it is given for it."""


class TrainerRunning(Protocol):
    """A trainer at work."""

    def wait(self, seconds: float) -> bool:
        """Wait until it is over, or so many seconds; whether it is."""

    def end(self) -> None:
        """End it and all that it started."""

    @property
    def status(self) -> int | None:
        """Its exit status, negative for a signal; None: it is not over, or nobody can tell."""


class OwnChild:
    """One that this command began."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self.record = TrainerProcess(host=socket.gethostname(), pid=process.pid, began=_began_at(process.pid) or "")

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float) -> bool:
        """Wait until it is over, or so many seconds; whether it is."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self) -> None:
        """End it and all that it started."""
        _end(self._process.pid, self.wait)


class GoneOn:
    """One that outlived the command that began it; how it ends, nobody is told."""

    def __init__(self, record: TrainerProcess) -> None:
        self.record = record

    @property
    def status(self) -> int | None:
        """Nobody can tell."""
        return None

    def wait(self, seconds: float) -> bool:
        """Wait until it is over, or so many seconds; whether it is."""
        until = time.monotonic() + seconds
        while is_alive(self.record):
            left = until - time.monotonic()
            if left <= 0:
                return False
            select.select([], [], [], min(left, 0.2))
        return True

    def end(self) -> None:
        """End it and all that it started."""
        if is_alive(self.record):
            _end(self.record.pid, self.wait)


def begin_process(
    trainer: str, command: Sequence[str], *, folder: Path, log: Path, lock: Path, without: Sequence[str] = ()
) -> OwnChild:
    """Begin a trainer.

    Args:
        trainer: Its name, for what is said where it cannot be begun.
        command: All of it.
        folder: Where it is started.
        log: What it says is appended there, after the command itself.
        lock: A file that it holds as long as it lives, whether or not anybody has its number.
        without: Environment variables that it is not given.

    Raises:
        TrainerUnusable: It cannot be begun, or another one holds the lock.
    """
    environment = _environment(without)
    try:
        with log.open("ab") as output, _held(trainer, lock) as held, _heeding_ctrl_c():
            process = subprocess.Popen(  # noqa: S603 - what its owner asks for
                list(command),
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(held,),
            )
    except OSError as error:
        raise TrainerUnusable(trainer, f"{command[0]!r} cannot be begun ({error.strerror})", "install it") from error
    return OwnChild(process)


def _end(pid: int, wait: Callable[[float], bool]) -> None:
    """End a group, the more firmly the longer it takes, or where Ctrl-C says that it takes too long."""
    for number, seconds in _ENDINGS:
        _signal_group(pid, number)
        with suppress(KeyboardInterrupt):
            if wait(seconds):
                break
    _signal_group(pid, signal.SIGKILL)


def is_alive(record: TrainerProcess) -> bool:
    """Whether a process on record runs here still."""
    return record.host == socket.gethostname() and record.began != "" and _began_at(record.pid) == record.began


def is_held(lock: Path) -> bool:
    """Whether a trainer lives that was begun with this lock."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def _held(trainer: str, lock: Path) -> Iterator[int]:
    """The lock, open; whoever is given the descriptor holds it on."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    except BlockingIOError as error:
        raise TrainerUnusable(trainer, f"an earlier one still holds {lock}", "end that process, or wait") from error
    finally:
        os.close(descriptor)


@contextmanager
def _heeding_ctrl_c() -> Iterator[None]:
    """What is begun here can be interrupted, even where a shell began this in the background, deaf to it."""
    is_deaf = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if is_deaf and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    else:
        yield


def _environment(without: Sequence[str]) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in without}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _began_at(pid: int) -> str | None:
    """When a process began, so that no other of its number began then; None: it is over."""
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            return None if fields[0] in "ZX" else f"{_BOOT.read_text().strip()} {fields[19]}"
        except OSError:
            return None
    told = subprocess.run(  # noqa: S603 - a number
        ["/bin/ps", "-o", "lstart=,stat=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
    )
    *began, state = told.stdout.split() or [""]
    return None if not began or state.startswith("Z") else " ".join(began)
