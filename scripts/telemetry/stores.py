"""Phoenix and Prometheus running on loopback, for as long as a block takes.

What is sent to them and asked of them is not known here.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

from scripts.telemetry.programs import Programs

__all__ = ["Running", "StoreGone", "Stores", "Wanted", "configuration", "open_stores"]

START_TIMEOUT: Final = 120.0
"""Seconds until a store answers; Phoenix takes 15 on two idle cores."""

STOP_TIMEOUT: Final = 20.0
_LOOK_AGAIN: Final = 0.1
_LINES_SHOWN: Final = 5


class StoreGone(Exception):
    """A store did not come up, or ended by itself."""

    def __init__(self, name: str, log: Path) -> None:
        super().__init__(name, log)
        self.name, self.log = name, log

    def __str__(self) -> str:
        last = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LINES_SHOWN:]
        return f"{self.name} is not there; {self.log} ends with:\n" + "\n".join(f"  {line}" for line in last)


@dataclass(frozen=True)
class Wanted:
    """What runs where; every port is one of loopback.

    Attributes:
        folder: Everything that the stores write.
        pages: Where metrics are looked for: of a daemon, of a batch, of the lab, of a farm and its node.
        rules: Files of alert rules that Prometheus evaluates.
        interval: Seconds between two looks of Prometheus, at the daemon and at the rules.
    """

    folder: Path
    traces_port: int
    traces_grpc_port: int
    metrics_port: int
    pages: tuple[int, ...]
    rules: Sequence[Path]
    interval: float = 15.0


@dataclass(frozen=True)
class Running:
    """One store."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def look(self) -> None:
        """See whether it runs.

        Raises:
            StoreGone: it does not.
        """
        if self.process.poll() is not None:
            raise StoreGone(self.name, self.log)


@dataclass(frozen=True)
class Stores:
    """Where both answer, and the processes behind it."""

    traces: str
    metrics: str
    all: tuple[Running, ...]


def configuration(wanted: Wanted) -> str:
    """What Prometheus reads: the pages, and the rules."""
    rules = "".join(f"  - {path}\n" for path in wanted.rules)
    targets = ", ".join(f'"127.0.0.1:{port}"' for port in wanted.pages)
    every = f"{round(1000 * wanted.interval)}ms"
    return (
        f"global:\n  scrape_interval: {every}\n  scrape_timeout: {every}\n  evaluation_interval: {every}\n"
        f"rule_files:\n{rules}"
        "scrape_configs:\n  - job_name: kilnmark\n    static_configs:\n"
        f"      - targets: [{targets}]\n"
    )


@contextmanager
def open_stores(programs: Programs, wanted: Wanted) -> Iterator[Stores]:
    """Both stores, answering; ended by their ids whatever happened.

    Raises:
        StoreGone: one did not come up.
    """
    wanted.folder.mkdir(parents=True, exist_ok=True)
    traces, metrics = (f"http://127.0.0.1:{port}" for port in (wanted.traces_port, wanted.metrics_port))
    with ExitStack() as stack:
        phoenix = stack.enter_context(_started("Phoenix", _phoenix(programs), wanted.folder, _quiet(wanted)))
        prometheus = stack.enter_context(_started("Prometheus", _prometheus(programs, wanted), wanted.folder, {}))
        _wait_for(prometheus, f"{metrics}/-/ready")
        _wait_for(phoenix, f"{traces}/healthz")
        yield Stores(traces, metrics, (phoenix, prometheus))


def _phoenix(programs: Programs) -> list[str]:
    return [str(programs.phoenix), "serve"]


def _quiet(wanted: Wanted) -> dict[str, str]:
    """Phoenix on loopback alone, without its assistant, and telling nobody that it is used."""
    return {
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(wanted.traces_port),
        "PHOENIX_GRPC_PORT": str(wanted.traces_grpc_port),
        "PHOENIX_WORKING_DIR": str(wanted.folder / "phoenix"),
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
        "PHOENIX_DISABLE_AGENT_ASSISTANT": "true",
    }


def _prometheus(programs: Programs, wanted: Wanted) -> list[str]:
    read = wanted.folder / "prometheus.yml"
    read.write_text(configuration(wanted), encoding="utf-8")
    pages = [f"--web.local-assets={programs.pages}"] if programs.pages else []
    return [
        str(programs.prometheus),
        f"--config.file={read}",
        f"--storage.tsdb.path={wanted.folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{wanted.metrics_port}",
        "--enable-feature=exemplar-storage",
        "--log.level=warn",
        *pages,
    ]


@contextmanager
def _started(name: str, command: Sequence[str], folder: Path, environment: dict[str, str]) -> Iterator[Running]:
    log = folder / f"{name.lower()}.log"
    with log.open("wb") as written:
        # A session of its own: Ctrl-C is for whoever started the stores, who ends them in order.
        process = subprocess.Popen(
            command, stdout=written, stderr=written, env=_others() | environment, start_new_session=True
        )
    try:
        yield Running(name, process, log)
    finally:
        _end(process)


def _others() -> dict[str, str]:
    """The environment, without what asks for telemetry: the stores send none to themselves."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_TIMEOUT)


def _wait_for(store: Running, address: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not _answers(address):
        store.look()
        if time.monotonic() > deadline:
            raise StoreGone(store.name, store.log)
        time.sleep(_LOOK_AGAIN)


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=2.0):  # noqa: S310 - an address of ours
            return True
    except (URLError, TimeoutError, ConnectionError):
        return False
