"""A batch whose end is to be told somewhere leaves it with the daemon, and paints nothing where that is not allowed."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kilnmark.client import Client
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import FakeWorker, Script
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.picture.report import Verdict
from tests.client.batch.packs import SmallPacks, make_packs
from tests.client.here import run_here

ADDRESS = "https://example.org/told"


@pytest.fixture
def packs(tmp_path: Path) -> SmallPacks:
    return make_packs(tmp_path / "packs", base_seed=7)


@pytest.fixture
def daemon(packs: SmallPacks) -> Iterator[InProcessDaemon]:
    worker = FakeWorker(Script(verdicts={"ink": Verdict.NOOP}))
    with InProcessDaemon(worker, lora_roots=(packs.root,), notify_hosts=("example.org",)) as serving:
        yield serving


def painted(daemon: InProcessDaemon, packs: SmallPacks, out: Path, address: str) -> "subprocess.CompletedProcess[str]":
    command = ["batch", "poi", "--packs", str(packs.root), "--out", str(out), "--socket", str(daemon.socket)]
    return run_here(*command, "--notify-url", address)


def test_its_end_is_kept_with_the_counts_and_the_dead(
    daemon: InProcessDaemon, packs: SmallPacks, tmp_path: Path
) -> None:
    done = painted(daemon, packs, tmp_path / "out", ADDRESS)
    assert done.returncode == ExitCode.NOT_ENGAGED
    with Client(daemon.socket) as client:
        [notice] = client.notices().notices
    batch = notice.batch
    assert (notice.notify_url, batch.kind, batch.state, batch.exit_code) == (ADDRESS, "poi", "done", 3)
    assert (batch.total, batch.painted, batch.failed, batch.dead) == (3, 1, 2, 2)
    assert Path(batch.manifest).is_file()


def test_where_its_address_is_not_allowed_nothing_is_painted(
    daemon: InProcessDaemon, packs: SmallPacks, tmp_path: Path
) -> None:
    done = painted(daemon, packs, tmp_path / "out", "https://other.example/told")
    assert done.returncode == ExitCode.USAGE
    with Client(daemon.socket) as client:
        assert client.jobs_list().jobs == []
        assert client.notices().notices == []
    assert "other.example is not allowed" in done.stderr
    assert not (tmp_path / "out").exists()
