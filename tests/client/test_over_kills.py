"""Callers of every kind over a daemon process that is killed and started again: it costs them time alone."""

import asyncio
import random
import select
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kilnmark.client import AsyncClient, Client, Rendered, RenderResult, WorkerLost
from kilnmark.client.batch.run.manifest import read_manifest
from kilnmark.client.request import RenderRequest
from kilnmark.daemon.jobs.events import JobEnded, RenderBegun, decode_event
from kilnmark.daemon.jobs.jobs import TRIES
from kilnmark.daemon.journal.file import JournalFile
from tests.client.batch.packs import make_packs
from tests.client.conftest import KILNMARK
from tests.daemon.fakeds import faked

SIZE: dict[str, Any] = {"width": 64, "height": 64, "steps": 3}
LIVES = 6
COUNT = 12

Ending = RenderResult | WorkerLost
"""A picture; or what two daemons died of, which no third one tries."""


def requests(words: str) -> list[RenderRequest]:
    return [{"prompt": f"{words} {i}", "seed": i, **SIZE} for i in range(COUNT)]  # type: ignore[typeddict-item]


def one_by_one(path: Path) -> list[Ending]:
    def ending(request: RenderRequest) -> Ending:
        try:
            return client.render(**request)
        except WorkerLost as error:
            return error

    with Client(path, start_timeout=30) as client:
        return [ending(request) for request in requests("one by one")]


async def ending_of(client: AsyncClient, request: RenderRequest) -> Ending:
    try:
        return await client.render(**request)
    except WorkerLost as error:
        return error


def all_at_once(path: Path) -> list[Ending]:
    async def main() -> list[Ending]:
        async with AsyncClient(path, start_timeout=30) as client:
            return await asyncio.gather(*(ending_of(client, request) for request in requests("at once")))

    return asyncio.run(main())


def many(path: Path) -> list[Ending]:
    with Client(path, start_timeout=30) as client:
        made: list[Rendered] = list(client.render_many(requests("many")))
    endings = [each.result or each.error for each in made]
    assert all(isinstance(each, RenderResult | WorkerLost) for each in endings), endings
    return [each for each in endings if isinstance(each, RenderResult | WorkerLost)]


def all_under_names(path: Path) -> list[Ending]:
    """By job ids of the caller's own, each asked for twice at once."""

    async def main() -> list[Ending]:
        named: list[RenderRequest] = [{**each, "job_id": f"named-{i}"} for i, each in enumerate(requests("named"))]
        async with AsyncClient(path, start_timeout=30) as client, AsyncClient(path, start_timeout=30) as other:
            calls = [ending_of(each, request) for request in named for each in (client, other)]
            return (await asyncio.gather(*calls))[::2]

    return asyncio.run(main())


CALLERS: list[Callable[[Path], list[Ending]]] = [one_by_one, all_at_once, many, all_under_names]


def kill_again_and_again(home: Path, chance: random.Random, calls: "Iterable[Future[Any]]") -> None:
    """Lives of the daemon, each ended by SIGKILL somewhere within, and a last one until everybody is served."""
    settings: dict[str, Any] = {"lora_roots": [str(home)], "packs": str(home / "packs"), "jobs_kept": 10_000}
    for _ in range(LIVES):
        with faked(home, pace=0.001, **settings) as daemon:
            select.select([], [], [], chance.uniform(0.02, 0.3))
            daemon.process.kill()
            daemon.ended()
    with faked(home, **settings):
        for call in calls:
            call.result(120)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_caller_gets_every_picture_over_kills_of_the_daemon(folder: Path) -> None:
    packs, out = make_packs(folder / "packs", base_seed=7), folder / "out"
    path = folder / "daemon.sock"
    command = [KILNMARK, "batch", "poi", "--packs", str(packs.root), "--out", str(out), "--socket", str(path)]
    with ThreadPoolExecutor(len(CALLERS) + 1) as pool:
        calls = [pool.submit(call, path) for call in CALLERS]
        batch = pool.submit(painted_in_the_end, [*command, "--seeds", "4", "--steps", "3"])
        kill_again_and_again(folder, random.Random(13), [*calls, batch])
    assert batch.result() in (0, 1)
    lost = assert_each_ended_once(folder / "jobs.sqlite")
    endings = [ending for call in calls for ending in call.result()]
    made = [ending for ending in endings if isinstance(ending, RenderResult)]
    assert all(result.job_id == f"named-{result.seed}" for result in made if result.job_id.startswith("named"))
    assert all(Path(result.image_path).is_file() for result in made)
    assert {ending.job_id for ending in endings if isinstance(ending, WorkerLost)} <= lost
    statuses = Counter(picture.status for picture in read_manifest(out).pictures)
    assert (len(endings), statuses.total()) == (len(CALLERS) * COUNT, 12)
    assert len(endings) - len(made) + statuses["failed"] == len(lost)
    assert len(lost) < LIVES


def painted_in_the_end(command: list[str]) -> int:
    """A batch's exit code; one that finds no daemon yet is begun again."""
    while True:
        done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False, timeout=200)
        if done.returncode != 69:
            return done.returncode


def assert_each_ended_once(journal: Path) -> set[str]:
    """The jobs that two daemons died of; all others have their picture, and each has one end."""
    file = JournalFile(journal)
    events = [decode_event(document) for document in file.documents()]
    file.close()
    ended = [event for event in events if isinstance(event, JobEnded)]
    assert max(Counter(event.job_id for event in ended).values()) == 1
    failed = {event.job_id: event.error for event in ended if event.error is not None}
    assert all((error.code, error.retryable) == (WorkerLost.code, False) for error in failed.values()), failed
    begun = Counter(name for event in events if isinstance(event, RenderBegun) for name in event.job_ids)
    assert all(begun[name] == TRIES for name in failed)
    return set(failed)
