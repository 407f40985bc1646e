"""The wire's fuzzer: nearly-requests for every method, sent to a daemon as a client would, and what must hold of each.

Only documented errors may come back, and no defect of the daemon's; what is whole is answered once, and after all else
a ping on the same connection is. The same seed gives the same cases. `make fuzz-wire` runs it.
"""

import json
import logging
import math
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import click

from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.methods import Method
from kilnmark.daemon.wire.exchange import Exchange
from kilnmark.daemon.worker.fake import FakeWorker, Script
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.errors import BY_CODE, InternalError
from kilnmark.protocol.wire.replies import ShutdownResult
from kilnmark.protocol.wire.requests import ShutdownParams
from tests.client.batch.packs import make_packs
from tests.daemon.wire.fuzz_cases import FuzzCase, case_of, cut

__all__ = ["WireRun", "fuzz"]

PER_CONNECTION = 25
"""Cases on one connection, which is then ended from here, and must have answered everything."""

NOTES = ("notifications/progress", "notifications/heartbeat", "notifications/job", "notifications/preview")

PATIENCE = 30.0
"""Seconds until an answer that does not come is a failure."""


class Broken(Exception):
    """The daemon did what it may not do."""


@dataclass(slots=True)
class WireRun:
    """What a run saw.

    Attributes:
        outcomes: How often a result, or an error by its code, came back.
        failures: The number of each case that broke a rule, or the first of its connection, and how.
    """

    seed: int
    cases: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"seed {self.seed}: {self.cases} cases in {self.seconds:.1f} s",
            *(f"{count:>9} {outcome}" for outcome, count in sorted(self.outcomes.items())),
            *(f"case {number}: {problem}" for number, problem in self.failures[:20]),
            f"{len(self.failures)} failures",
        ]
        return "\n".join(lines)


def fuzz(seconds: float, seed: int, *, first: int = 0, cases: float = math.inf) -> WireRun:
    """Run cases for a time, or so many; the last connection is finished.

    Args:
        first: The number of the first case.
    """
    run, began = WireRun(seed), time.perf_counter()
    with _served() as daemon, _defects() as defects:
        while run.seconds < seconds and run.cases < cases:
            number = first + run.cases
            try:
                _one_connection(run, daemon.socket, number)
            except (Broken, OSError, ValueError) as error:
                run.failures.append((number, f"{type(error).__name__}: {error}"))
            if defects:
                run.failures.append((number, defects.pop()))
                defects.clear()
            run.cases += PER_CONNECTION
            run.seconds = time.perf_counter() - began
    return run


@contextmanager
def _served() -> Iterator[InProcessDaemon]:
    """A daemon with adapters, packs and a journal, which stays when it is told to go."""
    worker = FakeWorker(Script(verdicts={"dead": Verdict.NOOP}))
    with tempfile.TemporaryDirectory(prefix="kiln-") as name:
        folder = Path(name)
        make_packs(folder / "packs", base_seed=7)
        make_adapter(folder / "ink.safetensors", rank=1, blocks=1)
        make_adapter(folder / "dead.safetensors", rank=1, blocks=1, dead=True)
        where: dict[str, Any] = {"packs": folder / "packs", "lora_roots": (folder,), "journal": folder / "jobs.sqlite"}
        with InProcessDaemon(worker, heartbeat_interval=0.01, queue_limit=20, **where) as daemon:
            made = daemon._daemon
            assert made is not None
            made._dispatch._table["shutdown"] = Method(ShutdownParams, _stay)
            made.watching.end()  # so that whoever watches is answered, too
            yield daemon


async def _stay(params: ShutdownParams, _: Exchange) -> ShutdownResult:
    return ShutdownResult(draining=params.drain, jobs=0)


@contextmanager
def _defects() -> Iterator[list[str]]:
    """What the daemon logs of its own defects."""
    found: list[str] = []

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info or record.levelno >= logging.CRITICAL:
                found.append(logging.Formatter().format(record))

    listening, root = Listening(), logging.getLogger()
    root.addHandler(listening)
    try:
        yield found
    finally:
        root.removeHandler(listening)


def _one_connection(run: WireRun, path: Path, first: int) -> None:
    random, answered, wanted = Random(f"{run.seed}/{first}/cuts"), Counter[str](), Counter[str]()
    cases = [case_of(run.seed, number) for number in range(first, first + PER_CONNECTION)]
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(str(path))
        lines = sock.makefile("rb")
        for number, case in enumerate(cases, first):
            wanted.update(case.wants)
            for part in cut(random, case.data):
                sock.sendall(part)
            ping = f"ping {number}"
            sock.sendall(b'\n{"jsonrpc":"2.0","id":"%s","method":"ping"}\n' % ping.encode())
            while not answered[ping]:
                _hear(run, lines.readline(), answered)
        sock.shutdown(socket.SHUT_WR)
        while line := lines.readline():
            _hear(run, line, answered)
    if missing := wanted - answered:
        raise Broken(f"no answer to {sorted(missing)}")
    if doubled := [name for name in wanted if answered[name] > _asked(cases, name)]:
        raise Broken(f"answered twice: {doubled}")


def _asked(cases: Iterable[FuzzCase], name: str) -> int:
    """How often an id was sent: where bytes are changed, one case's can become another's."""
    return sum(case.data.count(json.dumps(name).encode()) for case in cases)


def _hear(run: WireRun, line: bytes, answered: Counter[str]) -> None:
    """One line of the daemon's: a reply, several, or a notification."""
    if not line.endswith(b"\n"):
        raise Broken(f"the connection was closed after {line!r}")
    message = json.loads(line)
    for each in message if isinstance(message, list) else [message]:
        if each.get("jsonrpc") != "2.0":
            raise Broken(f"no JSON-RPC: {line[:200]!r}")
        if "method" in each:
            _check_note(each)
            continue
        run.outcomes[_outcome(each)] += 1
        answered[str(each["id"])] += 1


def _check_note(note: dict[str, Any]) -> None:
    if note["method"] not in NOTES or "id" in note:
        raise Broken(f"an unknown notification: {note}")


def _outcome(reply: dict[str, Any]) -> str:
    if "result" in reply:
        return "result"
    error = reply["error"]
    cls = BY_CODE.get(error["code"])
    if cls is None or cls is InternalError or error["data"]["kind"] != cls.kind or not error["message"]:
        raise Broken(f"an error that is not documented, or a defect: {error}")
    return f"{error['code']} {cls.kind}"


@click.command()
@click.option("--seconds", type=float, default=600)
@click.option("--seed", type=int, default=0)
@click.option("--first", type=int, default=0, help="The number of the first case.")
@click.option("--cases", type=int, help="As many as there is time for, where it is left out.")
def main(seconds: float, seed: int, first: int, cases: int | None) -> None:
    """Fuzz the daemon's end of the wire."""
    run = fuzz(seconds, seed, first=first, cases=math.inf if cases is None else cases)
    click.echo(str(run))
    if run.failures:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
