"""One daemon with real adapters, and everything that an operator must see: what did well, what did not, and why.

What its telemetry must show then is said by tests.
"""

import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kilnmark.client import Client
from kilnmark.client.cli.demo.exhibits import gather_adapters
from kilnmark.client.cli.demo.own_daemon import own_daemon
from kilnmark.keymaps.files.safefile import read_file
from kilnmark.keymaps.zoo import flaws
from kilnmark.keymaps.zoo.write import write_tensors
from kilnmark.otel.names import metrics
from kilnmark.otel.names.prometheus import family_of
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import AdapterNotEngaged, Cancelled, UnknownJob
from kilnmark.protocol.wire.replies import Progress, RenderResult

__all__ = ["Done", "adapters", "compiled", "run", "work"]

PROMPT: Final = "a castle by the sea"
LONG: Final = 12
"""Steps of a render that something happens to meanwhile."""

_PATIENCE: Final = 300.0


@dataclass
class Done:
    """What was asked for, by the ids of its traces.

    Attributes:
        traces: By what it was.
    """

    traces: dict[str, str] = field(default_factory=dict)


def adapters(packs: Path, folder: Path) -> dict[str, Path]:
    """The trained ones of the sample pack, the dead ones of the demonstration, and one that is half dead."""
    found = gather_adapters(packs, folder)
    healthy = read_file(found["gouache"])
    tensors = flaws.one_dead({key: healthy.array(key) for key in healthy.tensors})
    found["half"] = write_tensors(folder / "half.safetensors", tensors, metadata=healthy.metadata)
    return found


def work(socket: str, paths: Mapping[str, Path]) -> Done:
    """Ask for all of it, and wait until all of it has ended."""
    done = Done()
    with Client(socket) as client:
        client.warm_up()
        done.traces["healthy"] = _render(client, paths, "gouache", "balloon").trace_id
        done.traces["dead"] = _render(client, paths, "gouache", "woodcut-renamed", "balloon").trace_id
        done.traces["partial"] = _render(client, paths, "half").trace_id
        done.traces["refused"] = _refused(client, paths)
        _render(client, paths, "gouache", cache=True)
        done.traces["cached"] = _render(client, paths, "gouache", cache=True).trace_id
        _nothing(client)
    _shared(socket)
    _cancelled(socket)
    done.traces["survived"] = _survived(socket).trace_id
    return done


def run(*command: str | Path, port: int, socket: str) -> None:
    """A command of the program's, with a page of its own for Prometheus at a port of loopback."""
    page = {"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT": str(port)}
    words = [sys.executable, "-m", "kilnmark.client.cli", *map(str, command), "--socket", socket]
    done = subprocess.run(
        words, env={**os.environ, **page}, capture_output=True, text=True, check=False, timeout=_PATIENCE
    )
    assert done.returncode in {ExitCode.DONE, ExitCode.NOT_ENGAGED}, done.stderr


@contextmanager
def compiled(home: Path, port: int) -> Iterator[str]:
    """Another daemon, whose base compiles its blocks, after a render; the name of what it counts."""
    home.mkdir()
    settings = Settings(
        socket=home / "daemon.sock",
        output_dir=home / "pictures",
        variant="standin",
        numerics="fast",
        compile="on",
        journal=home / "jobs.sqlite",
        metrics_port=port,
    )
    with own_daemon(settings, home / "daemon.log") as socket, Client(socket) as client:
        client.render(PROMPT, seed=3, width=64, height=64, steps=1)
        yield family_of(metrics.COMPILE_TRACES)


def _render(client: Client, paths: Mapping[str, Path], *names: str, **options: Any) -> RenderResult:
    chosen = {
        "seed": 7,
        "on_mismatch": "warn",
        "cache": False,
        "lora_paths": [paths[name] for name in names],
        **options,
    }
    return client.render(PROMPT, **chosen)


def _refused(client: Client, paths: Mapping[str, Path]) -> str:
    try:
        _render(client, paths, "gouache-zeroed", on_mismatch="error")
    except AdapterNotEngaged as error:
        return error.trace_id
    raise AssertionError("a dead adapter was not refused")


def _nothing(client: Client) -> None:
    """A request that can be nobody's."""
    with suppress(UnknownJob):
        client.jobs_get("nobody")


def _shared(socket: str) -> None:
    """Two who want the same at once."""

    def ask(_: int) -> RenderResult:
        with Client(socket) as client:
            return client.render(PROMPT, seed=11, steps=LONG)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(ask, range(2), timeout=_PATIENCE))


def _cancelled(socket: str) -> None:
    with suppress(Cancelled):
        _interrupted(socket, lambda other, job_id: other.cancel(job_id))


def _survived(socket: str) -> RenderResult:
    """A render whose worker is killed, and that another one paints."""

    def kill(other: Client, _: str) -> None:
        pid = other.status().worker.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    return _interrupted(socket, kill)


def _interrupted(socket: str, happens: Callable[[Client, str], object]) -> RenderResult:
    """A long render that something happens to once it has begun to be painted."""
    once, job_id = threading.Lock(), uuid.uuid4().hex

    def told(progress: Progress) -> None:
        if progress.message.startswith("denoise 2/") and once.acquire(blocking=False):
            with Client(socket) as other:
                happens(other, job_id)

    with Client(socket) as client:
        return client.render(PROMPT, seed=13, steps=LONG, cache=False, job_id=job_id, on_progress=told)
