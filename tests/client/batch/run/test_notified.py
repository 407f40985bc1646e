"""The end of a batch is left with the daemon, where its address is allowed, and outlives it."""

import asyncio
from pathlib import Path

import pytest

from kilnmark.client import AsyncClient, ConnectionLost, InvalidParams
from kilnmark.client.batch.run.notified import batch_end, leave_batch_end, require_notify_host
from kilnmark.client.batch.run.tally import Became, ItemEnding, Tally
from kilnmark.client.testing import fake_daemon
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.notices import BatchEnd, NoticeInfo

ASH = AdapterReport(name="ash", path="/l/ash", verdict=Verdict.NOOP, reason="it is zero")
OAK = AdapterReport(name="oak", path="/l/oak", verdict=Verdict.ENGAGED, reason="it engaged")


def ended() -> BatchEnd:
    tally = Tally(4)
    tally.endings = {
        "a.png": ItemEnding(Became.PAINTED, loras=(OAK,)),
        "b.png": ItemEnding(Became.FAILED, "ash is noop", (OAK, ASH)),
        "c.png": ItemEnding(Became.KEPT),
    }
    files = {"manifest": Path("/o/manifest.json"), "page": Path("/o/index.html")}
    return batch_end("poi", tally, Path("/o"), **files, exit_code=3, error=ConnectionLost((), "it was closed"))


def kept(daemon: InProcessDaemon) -> list[NoticeInfo]:
    async def run() -> list[NoticeInfo]:
        async with AsyncClient(daemon.socket) as client:
            return (await client.notices()).notices

    return asyncio.run(run())


def test_what_is_told_has_the_counts_and_the_dead() -> None:
    end = ended()
    counts = (end.total, end.painted, end.found, end.kept, end.failed, end.left, end.dead)
    assert counts == (4, 1, 0, 1, 1, 1, 1)
    assert (end.state, end.exit_code, "it was closed" in end.reason) == ("stopped", 3, True)


def test_a_notice_is_kept_over_daemons_and_left_once(tmp_path: Path) -> None:
    url, journal = "https://example.org/told", tmp_path / "jobs.sqlite"
    with fake_daemon(notify_hosts=("example.org",), journal=journal) as daemon:
        asyncio.run(leave_batch_end(str(daemon.socket), url, ended()))
        [notice] = kept(daemon)
        assert (notice.notify_url, notice.batch) == (url, ended())

        async def again() -> NoticeInfo:
            async with AsyncClient(daemon.socket) as client:
                return (await client.leave_notice(notice.notice_id, url, ended())).notice

        assert asyncio.run(again()) == notice
    with fake_daemon(journal=journal) as daemon:
        assert kept(daemon) == [notice]


def test_an_address_that_is_not_allowed_is_refused_before_and_after() -> None:
    with fake_daemon() as daemon:
        with pytest.raises(InvalidParams, match="it allows none"):
            asyncio.run(require_notify_host(str(daemon.socket), "https://example.org/told"))
        with pytest.raises(InvalidParams, match="it allows none"):
            asyncio.run(leave_batch_end(str(daemon.socket), "https://example.org/told", ended()))
        assert kept(daemon) == []
