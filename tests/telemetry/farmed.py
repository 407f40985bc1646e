"""A farm on one machine, whose only node is a daemon that is there: a picture that is painted, and a job that is lost.

Both of its processes have a page for Prometheus for as long as they run.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from kilnmark.farm.broker.credentials import load_credentials
from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.broker.people import credentials_file
from tests.farm.broker.test_keeper import hand_in, job_of, lose

__all__ = ["farm"]

_PATIENCE: Final = 300.0


@contextmanager
def farm(socket: str, folder: Path, adapter: Path, pages: tuple[int, int], seen: Callable[[], None]) -> Iterator[None]:
    """A farm until the block ends, that painted two pictures and lost a job.

    Args:
        socket: Of the daemon.
        adapter: Of the pictures.
        pages: Ports of loopback, of whoever looks after it and of its node.
        seen: Waits until what the first picture came to was looked at.
    """
    store, (keeper, node) = folder / "store", pages
    with ExitStack() as stack:
        up = ("up", "--store", store, "--port", "0", "--submitter", "ann", "--node", "desk")
        told = stack.enter_context(_running(keeper, folder / "up.log", "the broker is up at ", *up))
        address = told.partition(";")[0]
        ann, desk = (credentials_file(store, *who) for who in (("ann", "submitter"), ("desk", "node")))
        at: tuple[str | Path, ...] = ("--farm", address, "--farm-credentials")
        work = ("work", *at, desk, "--socket", socket)
        stack.enter_context(_running(node, folder / "work.log", "desk works for ", *work))
        for seed in (17, 18):
            lines = folder / f"{seed}.jsonl"
            lines.write_text(json.dumps({"prompt": "a mill", "seed": seed, "lora_paths": [str(adapter)]}) + "\n")
            command = _command("submit", lines, "--wait", "--out", folder / "pictures", *at, ann)
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)
            assert done.returncode == 0, done.stderr
            seen()
        asyncio.run(_lost(address, credentials_file(store, "operator", "operator")))
        yield


async def _lost(address: str, operator: Path) -> None:
    """A job that whoever had it went away with, as often as the broker hands one out."""
    async with farm_link(address, load_credentials(operator)) as link:
        job = job_of("lost", 1)
        await hand_in(link, job)
        await lose(link, job)


def _command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "kilnmark.client.cli", "farm", *map(str, words)]


@contextmanager
def _running(port: int, log: Path, says: str, *words: str | Path) -> Iterator[str]:
    """A command of the farm's, once it has said something; what it said behind that."""
    page = {"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT": str(port)}
    with (
        log.open("w") as kept,
        subprocess.Popen(
            _command(*words), env={**os.environ, **page}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            for line in process.stdout:
                kept.write(line)
                if says in line:
                    yield line.partition(says)[2].strip()
                    break
            else:
                raise AssertionError(f"{says!r} was never said: {log.read_text()}")
        finally:
            process.terminate()
            process.communicate(timeout=_PATIENCE)
