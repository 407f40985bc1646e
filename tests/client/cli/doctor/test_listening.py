"""The socket: what stands in the way, what is left over, and a daemon that does not answer as it should."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from kilnmark.client.cli.doctor.listening import look_at_socket
from kilnmark.client.cli.doctor.observation import Health, Observation
from kilnmark.client.cli.doctor.patient import Patient
from kilnmark.protocol.wire.status import DegradedInfo, PowerInfo, ProcessInfo, WorkerDeath, WorkerInfo, WorkerWords
from tests.client.cli.doctor.patients import healths, the_one
from tests.client.conftest import FakeDaemon, peer_that_says, silent_daemon

OK, WARNING, FAULT = Health.OK, Health.WARNING, Health.FAULT


def look(path: Path) -> list[Observation]:
    return list(look_at_socket(Patient(str(path), None)))


@contextmanager
def mode(path: Path, bits: int) -> Iterator[None]:
    path.chmod(bits)
    yield
    path.chmod(0o700)


def test_a_free_path_is_well_even_where_its_folder_is_still_to_be_made(folder: Path) -> None:
    assert healths(look(folder / "a" / "b" / "daemon.sock")) == [OK, OK]


def test_a_folder_where_others_may_write_is_a_fault_with_its_mend(folder: Path) -> None:
    with mode(folder, 0o777):
        (found,) = look(folder / "daemon.sock")
    assert found.health is FAULT
    assert "0777" in found.found
    assert "--socket" in found.mend


def test_nobody_is_told_to_close_a_folder_that_is_everybodys_on_purpose(folder: Path) -> None:
    with mode(folder, 0o1777):
        (found,) = look(folder / "daemon.sock")
    assert (found.health, "has mode 1777" in found.found, "chmod" in found.mend) == (FAULT, True, False)


def test_what_is_no_socket_is_a_fault(folder: Path) -> None:
    (folder / "daemon.sock").write_text("")
    (found,) = look(folder / "daemon.sock")
    assert (found.health, found.mend.startswith("move it away")) == (FAULT, True)


def test_a_link_is_no_socket_whatever_it_leads_to(folder: Path) -> None:
    """The daemon binds nothing in its place."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "other.sock"))
        (folder / "daemon.sock").symlink_to("other.sock")
        (found,) = look(folder / "daemon.sock")
    assert (found.health, found.mend.startswith("move it away")) == (FAULT, True)


def test_a_path_that_is_too_long_is_a_fault(folder: Path) -> None:
    (found,) = look(folder / ("x" * 120))
    assert (found.health, "103" in found.found) == (FAULT, True)


def test_a_socket_that_was_left_over_is_well(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "daemon.sock"))
    found = look(folder / "daemon.sock")
    assert healths(found) == [OK, OK]
    assert "left over" in found[1].found


def test_a_process_that_holds_the_path_and_does_not_listen_is_a_fault(folder: Path) -> None:
    lock = folder / "daemon.sock.lock"
    lock.write_text(f"{os.getpid()}\n")
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        (found,) = look(folder / "daemon.sock")
    assert (found.health, f"process {os.getpid()}" in found.found) == (FAULT, True)
    assert healths(look(folder / "daemon.sock")) == [OK, OK]


def test_a_daemon_that_hangs_is_a_fault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilnmark.client.cli.doctor.patient.REPLY_TIMEOUT", 0.1)
    with silent_daemon(folder) as path:
        (found,) = look(path)
    assert (found.health, "status was not answered" in found.found) == (FAULT, True)


def test_a_peer_that_is_no_daemon_is_a_fault(folder: Path) -> None:
    with peer_that_says(folder, b"HTTP/1.1 400 Bad Request\r\n\r\n") as path:
        (found,) = look(path)
    assert found.health is FAULT


def told(daemon: FakeDaemon, **changed: object) -> list[Observation]:
    """What is made of the daemon's status with some of it changed."""
    patient = Patient(str(daemon.socket), None)
    assert patient.status is not None
    patient.__dict__["answer"] = msgspec.structs.replace(patient.status, **changed)
    return list(look_at_socket(patient))


def test_a_daemon_that_is_well_says_so(daemon: FakeDaemon) -> None:
    assert healths(told(daemon)) == [OK, OK]


def test_another_version_is_a_warning(daemon: FakeDaemon) -> None:
    found = the_one(told(daemon, version="9.9.9"), WARNING)
    assert "9.9.9" in found.found
    assert "again" in found.mend


def test_a_base_that_could_not_be_loaded_is_a_fault_with_its_reason(daemon: FakeDaemon) -> None:
    status = Patient(str(daemon.socket), None).status
    assert status is not None
    worker = msgspec.structs.replace(status.worker, last_error="no weights there")
    assert "no weights there" in the_one(told(daemon, state="failed", worker=worker), FAULT).found


def test_a_daemon_without_a_worker_is_a_fault_with_its_reason(daemon: FakeDaemon) -> None:
    since = DegradedInfo(since="2026-01-01T00:00:00Z", reason="out of memory", tries=7)
    worker = WorkerInfo(pid=None, restarts=7, degraded=since)
    found = the_one(told(daemon, state="degraded", worker=worker), FAULT).found
    assert "after 7 tries: out of memory" in found


def test_lost_workers_are_a_warning_with_what_the_last_one_wrote(daemon: FakeDaemon) -> None:
    words = WorkerWords(lines=["bye"], first_failure="CUDA error: no memory")
    death = WorkerDeath(at="2026-01-01T00:00:00Z", pid=9, reason="it was ended by SIGKILL", words=words)
    found = the_one(told(daemon, worker=WorkerInfo(pid=1, restarts=3, death=death)), WARNING).found
    assert found.startswith("3 were lost")
    assert "ended by SIGKILL; it wrote: CUDA error: no memory" in found
    assert the_one(told(daemon, worker=WorkerInfo(pid=1, restarts=1)), WARNING).found.startswith("1 was lost")


@pytest.mark.parametrize(
    "process",
    [
        ProcessInfo(dropped_lines=5),
        ProcessInfo(dropped_telemetry=5),
        ProcessInfo(settings_problem="no"),
        ProcessInfo(settings_waiting=["socket"]),
    ],
)
def test_what_the_log_could_not_tell_is_a_warning(daemon: FakeDaemon, process: ProcessInfo) -> None:
    assert the_one(told(daemon, process=process), WARNING).about == "daemon"


def test_what_is_paused_as_it_was_asked_for_is_well(daemon: FakeDaemon) -> None:
    found = told(daemon, power=PowerInfo(on_battery=True, paused=["low"], because="on battery"))
    assert healths(found) == [OK, OK, OK]
