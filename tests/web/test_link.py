"""The daemon is looked at all the time, whatever one look or one of those who hear of it comes to."""

import asyncio
from pathlib import Path

import pytest

from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.web import link
from kilnmark.web.link import DaemonLink, DaemonStanding


def test_a_daemon_that_comes_and_goes_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(socket: Path) -> list[bool]:
        seen, changed = DaemonLink(str(socket)), asyncio.Event()
        answers: list[bool] = []

        def heard(standing: DaemonStanding) -> None:
            answers.append(standing.status is not None)
            changed.set()
            raise RuntimeError("a defect of one who hears")

        await seen.begin()
        seen.on_change(heard)
        with InProcessDaemon(socket=socket):
            while True not in answers:
                changed.clear()
                await changed.wait()
        while answers[-1]:
            changed.clear()
            await changed.wait()
        await seen.end()
        return answers

    monkeypatch.setattr(link, "INTERVAL", 0.01)
    answers = asyncio.run(asyncio.wait_for(run(tmp_path / "d.sock"), 30))
    assert (answers[0], answers[-1]) == (True, False)
