"""The worker's process: its lines become events, and whatever it does instead ends with it being gone and quoted."""

import asyncio
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from kilnmark.daemon.worker.process import WorkerProcess
from kilnmark.protocol.wire import work

PRELUDE = "import os, sys, time\nfd = int(sys.argv[1])\n"


async def lived(
    code: str, *, told: work.Command | None = None, end: Callable[[WorkerProcess], None] | None = None
) -> tuple[int, list[work.Event], list[str]]:
    """A process that runs some code with the worker's socket as `fd`: its exit status, its events, its nonsense."""
    events, nonsense = list[work.Event](), list[str]()
    process: list[WorkerProcess] = []

    def refuse(problem: str) -> None:
        nonsense.append(problem)
        process[0].kill()

    process.append(await WorkerProcess.spawn(events.append, refuse, ("-c", PRELUDE + code)))
    if told is not None:
        process[0].tell(told)
    if end is not None:
        end(process[0])
    async with asyncio.timeout(60):
        status = await process[0].ended()
    return status, events, nonsense


def test_its_lines_are_events_in_order_also_those_of_its_last_breath() -> None:
    beat, loading = work.encode(work.Beat()), work.encode(work.Loading(variant="dev"))
    status, events, nonsense = asyncio.run(lived(f"os.write(fd, {beat!r} + {loading!r}); os._exit(3)"))
    assert (status, nonsense) == (3, [])
    assert events == [work.Beat(), work.Loading(variant="dev")]


def test_it_hears_commands_and_has_a_session_of_its_own() -> None:
    code = "line = os.read(fd, 1 << 16); os._exit(7 if b'warm_up' in line and os.getsid(0) == os.getpid() else 8)"
    status, _, _ = asyncio.run(lived(code, told=work.WarmUp(variant="dev")))
    assert status == 7


def test_a_line_that_is_no_event_is_quoted() -> None:
    status, events, [problem] = asyncio.run(lived("os.write(fd, b'nonsense\\n'); time.sleep(60)"))
    assert (status, events) == (-9, [])
    assert "no event" in problem


def test_one_that_hangs_up_without_leaving_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilnmark.daemon.worker.process.LAST_WORDS", 0.05)
    status, _, _ = asyncio.run(lived("os.close(fd); time.sleep(60)"))
    assert status == -9


def test_one_that_is_killed_is_gone_and_can_be_killed_again() -> None:
    def kill_twice(process: WorkerProcess) -> None:
        process.kill()
        process.kill()

    status, _, _ = asyncio.run(lived("time.sleep(60)", end=kill_twice))
    assert status == -9


def test_what_it_writes_is_read_however_much_it_is_and_the_last_of_it_is_there_at_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kilnmark.daemon.worker.process.LAST_WORDS", 0.3)
    said: list[WorkerProcess] = []
    code = """
import subprocess
print("on stdout, \\x1b[31m", flush=True)
os.write(2, b"an error first\\n" + b"and more of it\\n" * 30_000)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3)"], start_new_session=True)
os.write(2, b"last words")
os._exit(4)
"""
    status, _, _ = asyncio.run(lived(code, end=said.append))
    words = said[0].said.words
    assert (status, len(words.lines), words.lines_before) == (4, 200, 29_803)
    assert (words.lines[-1], words.first_failure) == ("last words", "an error first")


def test_nothing_of_it_stays_open() -> None:
    before = descriptors()
    asyncio.run(lived("os._exit(0)"))
    assert descriptors() <= before


@pytest.mark.parametrize("spare", [*range(1, 9), 20])
def test_where_descriptors_run_out_it_is_not_started_and_nothing_of_it_stays_open(spare: int) -> None:
    """At each of the descriptors that it needs: an OSError, which is tried again; never half a worker."""

    async def body() -> None:
        open_before = descriptors()
        with few_descriptors(spare):
            try:
                process = await WorkerProcess.spawn(lambda _: None, lambda _: None, ("-c", "pass"))
            except OSError:
                started.append(False)
            else:
                started.append(True)
                await process.ended()
        await asyncio.sleep(0)
        assert descriptors() <= open_before

    started = list[bool]()
    asyncio.run(body())
    assert len(started) == 1
    assert 3 < spare < 20 or started == [spare == 20]


def descriptors() -> set[int]:
    return {int(path.name) for path in Path("/dev/fd").iterdir()}


@contextmanager
def few_descriptors(spare: int) -> Iterator[None]:
    """So many may be opened, and no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as taken:
        taken.enter_context(open(os.devnull))  # noqa: PTH123 - any descriptor: the lowest that is free
        lowest = max(descriptors())
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 1, hard))
        try:
            while True:
                taken.enter_context(open(os.devnull))  # noqa: PTH123
        except OSError:
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 1 + spare, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
