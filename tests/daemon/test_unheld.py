"""The first base that cannot be held: who waits is told, what was accepted is kept, and the daemon ends."""

from pathlib import Path

import pytest

from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.daemon.worker.held import BaseNotHeld
from tests.daemon.conftest import SMALL, FakeDaemon

REASON = "/models/dev is no base: it has no transformer"


def without_base() -> FakeWorker:
    """Its base is loaded until it may go on, and then it is not held."""
    worker = FakeWorker()
    worker.hold("load")
    worker.script.unheld["standin"] = REASON
    return worker


def end_without_base(journal: Path) -> None:
    """Let a daemon find that it cannot hold its base, while two wait for it."""
    worker = without_base()
    with FakeDaemon(worker=worker, keep_failed=False, journal=journal) as daemon:
        with daemon.wire() as wire, daemon.wire() as other:
            render = wire.send("render", {**SMALL, "job_id": "early"})
            warm_up = other.send("warm_up")
            other.result("ping")
            wire.result("ping")
            worker.hold()
            assert REASON in other.reply(warm_up)["error"]["message"]
            answer = wire.reply(render)["error"]
            assert REASON in answer["message"]
            assert "kept as 'early'" in answer["message"]
        daemon.wait_until_ended()


def test_a_daemon_whose_first_base_cannot_be_held_tells_who_waits_and_ends_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(BaseNotHeld, match=r"it has no transformer .*doctor.*--keep-failed"):
        end_without_base(tmp_path / "jobs")
    with FakeDaemon(journal=tmp_path / "jobs") as daemon, daemon.wire() as wire:
        assert wire.result("jobs.wait", {"job_id": "early"})["result"]["job_id"] == "early"


def test_a_daemon_that_has_held_its_base_outlives_its_loss() -> None:
    worker = FakeWorker()
    with FakeDaemon(worker=worker, keep_failed=False, restart_delay_max=0.001) as daemon, daemon.wire() as wire:
        wire.result("warm_up")
        worker.script.unheld["standin"] = REASON
        worker.die()
        while (status := wire.result("status"))["state"] != "degraded":
            assert not daemon.has_ended
        assert status["worker"]["degraded"]["reason"] == REASON
        worker.script.unheld.clear()
        assert wire.result("warm_up")["base"]["variant"] == "standin"


def test_another_base_that_cannot_be_held_ends_nothing() -> None:
    worker = FakeWorker()
    worker.script.unheld["dev"] = REASON
    with FakeDaemon(worker=worker, keep_failed=False, bases={"dev": "standin"}) as daemon, daemon.wire() as wire:
        assert REASON in wire.error("warm_up", {"variant": "dev"})["message"]
        assert wire.result("warm_up")["base"]["variant"] == "standin"
        assert not daemon.has_ended
