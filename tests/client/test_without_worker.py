"""A daemon whose worker does not get ready: what passes is waited out, what somebody has to mend is told at once."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kilnmark.client import Client, NoWorker, RenderResult
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import FakeWorker
from tests.client.test_outliving import SMALL, asyncio_render, blocking_render, meanwhile, wait_for_jobs


@pytest.fixture
def cold() -> Iterator[InProcessDaemon]:
    """A daemon whose base is being loaded until it may go on."""
    worker = FakeWorker()
    worker.hold("load")
    with InProcessDaemon(worker=worker, restart_delay_max=0.001, degraded_delay_max=0.001, cache_bytes=0) as daemon:
        yield daemon


def lose_workers(daemon: InProcessDaemon) -> None:
    """Let one after another die while it loads, until the daemon is degraded."""
    lost: int | None = None
    with Client(daemon.socket) as client:
        while (status := client.status()).state != "degraded":
            if status.loading is not None and status.worker.pid != lost:
                lost = status.worker.pid
                daemon.worker.die()


@pytest.mark.parametrize("render", [blocking_render, asyncio_render])
def test_a_render_outlives_a_while_without_a_worker(cold: InProcessDaemon, render: Callable[..., RenderResult]) -> None:
    with meanwhile(lambda: render(cold.socket)) as future:
        (job_id,) = wait_for_jobs(cold, 1)
        lose_workers(cold)
        cold.worker.hold()
        assert future.result(20).job_id == job_id
    with Client(cold.socket) as client:
        assert client.status().rendered == 1


def test_patience_ends_with_why_there_is_no_worker(cold: InProcessDaemon) -> None:
    lose_workers(cold)
    with Client(cold.socket, away_timeout=0.1) as client:
        with pytest.raises(NoWorker, match="5 workers in a row were lost") as told:
            client.render("a kiln", **SMALL)
        assert told.value.retryable
        assert client.uncancelled == ()


def test_a_base_that_has_to_be_mended_is_told_at_once(cold: InProcessDaemon) -> None:
    cold.worker.script.unheld["standin"] = "no such directory"
    with meanwhile(lambda: blocking_render(cold.socket)) as future:
        wait_for_jobs(cold, 1)
        cold.worker.hold()
        with pytest.raises(NoWorker, match="no such directory") as told:
            future.result(20)
    asked: dict[str, Any] = {"away_timeout": 3600.0}
    with Client(cold.socket, **asked) as client, pytest.raises(NoWorker, match="mend that"):
        client.render("a kiln", **SMALL)
    assert not told.value.retryable
