"""The socket: where it is, whose it is, and who answers there."""

from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from kilnmark.client.cli.doctor.observation import Observation, fault, ok, warning
from kilnmark.client.cli.doctor.patient import Patient
from kilnmark.client.cli.seat import ELSEWHERE, problem_of
from kilnmark.client.dial import is_served
from kilnmark.client.errors import DaemonUnavailable, UntrustedSocket
from kilnmark.protocol.wire.address import LOCK_SUFFIX
from kilnmark.protocol.wire.status import StatusResult, WorkerInfo

__all__ = ["look_at_socket"]


def look_at_socket(patient: Patient) -> Iterator[Observation]:
    """The way to it, then what stands there, then who answers."""
    path = Path(patient.socket)
    if (problem := problem_of(path)) is not None:
        yield fault("socket", f"{path}: {problem.found}", problem.mend)
        return
    answer = patient.answer
    if isinstance(answer, StatusResult):
        yield ok("socket", f"{path}, of {_owner(path)}")
        yield from _daemon(answer)
    elif isinstance(answer, UntrustedSocket):
        yield fault("socket", str(answer), ELSEWHERE)
    elif isinstance(answer, DaemonUnavailable):
        yield from _nobody(path, can_serve=patient.can_serve)
    else:
        yield fault("daemon", f"it does not answer as it should: {answer}", "stop it, and start it again")


def _nobody(path: Path, *, can_serve: bool) -> Iterator[Observation]:
    """No daemon: which is well, unless one holds the path and cannot be reached."""
    if is_served(str(path)) and _is_locked(path):
        pid = Path(f"{path}{LOCK_SUFFIX}").read_text(encoding="ascii", errors="replace").strip()
        found = f"{path}: process {pid} holds its lock, and nobody listens"
        yield fault("daemon", found, f"wait a moment; if it stays so, end process {pid} and start the daemon again")
        return
    left = "; a socket is left over from one that is gone, and the next one removes it" if path.exists() else ""
    yield ok("socket", f"{path} is free")
    mend = "`kilnmark serve` starts one" if can_serve else "start one where the daemon's part is installed"
    yield ok("daemon", f"none runs{left}", mend)


def _is_locked(path: Path) -> bool:
    import fcntl

    try:
        with Path(f"{path}{LOCK_SUFFIX}").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _daemon(status: StatusResult) -> Iterator[Observation]:
    """The daemon that answered: its version, its state, and what it could not tell by its log."""
    yield from _state(status)
    if status.version != version("kilnmark"):
        found = f"it is kilnmark {status.version}, and this is {version('kilnmark')}"
        yield warning("daemon", found, "start the daemon again, so that both are of one version")
    if status.process.dropped_lines:
        found = f"{status.process.dropped_lines} lines of its log were dropped, since nobody read them"
        yield warning("daemon", found, "let something read its stderr, or send it to a file")
    if status.process.dropped_telemetry:
        found = f"{status.process.dropped_telemetry} spans, points and lines of its telemetry were dropped"
        yield warning("daemon", found, "see to the collector, or the trace file; its log says what is wrong there")
    if status.process.settings_problem is not None:
        found = f"settings that it was to read again were not taken: {status.process.settings_problem}"
        yield warning("daemon", found, "mend them, then send SIGHUP again")
    if status.process.settings_waiting:
        found = f"{', '.join(status.process.settings_waiting)}: said anew, and not in force"
        yield warning("daemon", found, "start the daemon again")
    if status.power is not None and status.power.paused:
        yield ok("power", f"{', '.join(status.power.paused)} priority is paused: {status.power.because}")


def _state(status: StatusResult) -> Iterator[Observation]:
    about, worker = f"kilnmark {status.version}, process {status.pid}, is {status.state}", status.worker
    if worker.degraded is not None:
        found = f"{about} since {worker.degraded.since}, after {worker.degraded.tries} tries: {worker.degraded.reason}"
        yield fault("daemon", found, "mend that; it is tried again, and at once by `kilnmark warm-up`")
    elif status.state in ("failed", "degraded"):
        found = f"{about}: {worker.last_error or 'it does not say why'}"
        yield fault("daemon", found, "mend that, then run `kilnmark warm-up`")
    else:
        yield ok("daemon", about)
        if worker.restarts:
            yield _lost(worker)


def _lost(worker: WorkerInfo) -> Observation:
    """Workers that were lost, though there is one now."""
    death = worker.death
    last = worker.last_error if death is None else f"at {death.at}: {death.reason}"
    wrote = f"; it wrote: {death.words.first_failure}" if death is not None and death.words.first_failure else ""
    count = "1 was" if worker.restarts == 1 else f"{worker.restarts} were"
    found = f"{count} lost since the daemon's start" + (f", the last {last}{wrote}" if last else "")
    return warning("worker", found, "`kilnmark status` has its last words; a start of the daemon begins to count anew")


def _owner(path: Path) -> str:
    import pwd

    uid = path.stat().st_uid
    with suppress(KeyError):
        return f"user {pwd.getpwuid(uid).pw_name}"
    return f"user {uid}"
