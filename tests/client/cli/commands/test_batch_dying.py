"""A batch one of whose adapters dies while it is painted: terminal, log and page tell it at first sight."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kilnmark.client.batch.page.page import PAGE
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import FakeWorker, Script
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.picture.report import Verdict
from tests.client.batch.packs import SmallPacks, make_packs
from tests.client.conftest import on_a_terminal
from tests.client.here import run_here

WHY = "a fake worker was told to say so; it looked at no tensor"


@pytest.fixture
def packs(tmp_path: Path) -> SmallPacks:
    return make_packs(tmp_path / "packs", base_seed=7)


@pytest.fixture
def dying(packs: SmallPacks) -> Iterator[InProcessDaemon]:
    """A daemon that finds the genre's `ink` dead, which two of the three pictures have."""
    with InProcessDaemon(FakeWorker(Script(verdicts={"ink": Verdict.NOOP})), lora_roots=(packs.root,)) as daemon:
        yield daemon


def command(daemon: InProcessDaemon, packs: SmallPacks, out: Path) -> list[str]:
    return ["batch", "poi", "--packs", str(packs.root), "--out", str(out), "--socket", str(daemon.socket)]


def test_a_terminal_of_80_columns_names_it_whole_and_once(
    dying: InProcessDaemon, packs: SmallPacks, tmp_path: Path
) -> None:
    with on_a_terminal(*command(dying, packs, tmp_path / "out"), COLUMNS="80") as (process, terminal):
        terminal.read_until(b"2 failed", 60)
        assert process.stdout is not None
        summary = process.stdout.read().decode()
        assert process.wait(60) == ExitCode.NOT_ENGAGED
    seen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.seen.decode())
    told = " ".join(seen.split())
    assert told.count(f"dead ink is noop: {WHY}") == 1
    assert re.search(r"[23]/3(, \d+ s left)?; [12] failed; ", told)
    assert summary.splitlines()[:2] == [
        f"dead    ink ({packs.ink}) is noop: {WHY}",
        "        2 pictures failed by it: ash/mire/Glass Stair, ash/mire/Old Kiln",
    ]


def test_a_nights_log_has_a_line_a_picture_and_the_page_has_it_on_top(
    dying: InProcessDaemon, packs: SmallPacks, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = run_here(*command(dying, packs, out))
    assert done.returncode == ExitCode.NOT_ENGAGED
    lines = (done.stderr + done.stdout).splitlines()
    assert [line for line in lines if re.match(r"\d of 3: ash/\S+ (painted|failed)", line)][:3] == lines[:3]
    assert sum(f"failed: ink: {WHY}" in line for line in lines) == 2
    page = (out / PAGE).read_text()
    headline = page[page.index("<h1") : page.index("<article") if "<article" in page else None]
    assert "2 failed" in headline or "2 pictures failed" in headline
    assert WHY in headline
