"""A worker that outlived its daemon is ended by the next one, and no other process ever is."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kilnmark.daemon.worker import survivor
from kilnmark.daemon.worker.process import WorkerProcess
from kilnmark.daemon.worker.survivor import RecordedSpawn, WorkerRecord, began_at, end_survivor, record_of
from kilnmark.protocol.wire import work


@pytest.fixture
def stopped() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is stopped."""
    command = [sys.executable, "-c", "import os, signal, time; os.kill(os.getpid(), signal.SIGSTOP); time.sleep(60)"]
    with subprocess.Popen(command) as process:
        os.waitpid(process.pid, os.WUNTRACED)
        yield process
        process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return record_of(tmp_path / "d.sock")


def write(path: Path, pid: int, began: str | None) -> None:
    assert began is not None
    path.write_bytes(msgspec.json.encode(WorkerRecord(pid, began)))


def test_a_stopped_survivor_is_ended(stopped: "subprocess.Popen[bytes]", path: Path) -> None:
    write(path, stopped.pid, began_at(stopped.pid))
    assert end_survivor(path) == stopped.pid
    assert stopped.wait(60) == -signal.SIGKILL
    assert end_survivor(path) is None


def test_whoever_has_its_number_now_is_left_alone(stopped: "subprocess.Popen[bytes]", path: Path) -> None:
    for other in (str(began_at(os.getpid())), "another boot 1", ""):
        write(path, stopped.pid, other)
        assert end_survivor(path) is None
    assert stopped.poll() is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"pid": "x", "began": ""}', b'{"pid": 1}', b"1" * 9000])
def test_a_record_that_is_none_ends_nobody(path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert end_survivor(path) is None
    assert not caplog.records
    path.write_bytes(content)
    assert end_survivor(path) is None
    assert "cannot be told" in caplog.text


def test_a_link_in_the_records_place_is_followed_nowhere(
    stopped: "subprocess.Popen[bytes]", path: Path, tmp_path: Path
) -> None:
    write(tmp_path / "elsewhere", stopped.pid, began_at(stopped.pid))
    path.symlink_to(tmp_path / "elsewhere")
    assert end_survivor(path) is None
    assert stopped.poll() is None


def test_each_worker_is_on_record_from_its_start_and_none_once_there_is_none(path: Path) -> None:
    async def body() -> None:
        def spawn(on_event: object, on_nonsense: object) -> object:
            return WorkerProcess.spawn(lambda _: None, lambda _: None, ("-c", "import time; time.sleep(60)"))

        recorded = RecordedSpawn(spawn, path)  # type: ignore[arg-type]
        process = await recorded(lambda _: None, lambda _: None)
        assert on_record(path) == (process.pid, began_at(process.pid), 0o600)
        process.tell(work.Exit())
        process.kill()
        await process.ended()
        recorded.forget()
        recorded.forget()

    asyncio.run(body())
    assert not path.exists()


def on_record(path: Path) -> tuple[int, str, int]:
    record = msgspec.json.decode(path.read_bytes(), type=WorkerRecord)
    return record.pid, record.began, path.stat().st_mode & 0o777


def test_without_proc_the_second_it_began_at_is_told_by_ps(stopped: "subprocess.Popen[bytes]") -> None:
    began = survivor._told_by_ps(stopped.pid)
    assert began is not None
    assert (began == survivor._told_by_ps(stopped.pid), began_at(1 << 30)) == (True, None)
    assert survivor._told_by_ps(1 << 22) is None
