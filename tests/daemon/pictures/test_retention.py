"""Which pictures leave the output folder, and which never do."""

import logging
import os
from logging.handlers import QueueHandler
from pathlib import Path
from queue import SimpleQueue

import pytest

from kilnmark.daemon.clock import Clock
from kilnmark.daemon.pictures.retention import GRACE, RemovedPictures, Retention
from kilnmark.protocol.settings import Settings
from tests.daemon.conftest import PATIENCE, SMALL, FakeDaemon

DAY = 86_400.0


@pytest.fixture(scope="module")
def painted() -> bytes:
    """A picture of a daemon."""
    with FakeDaemon() as daemon, daemon.wire() as wire:
        return Path(wire.result("render", SMALL)["image_path"]).read_bytes()


@pytest.fixture
def folder(tmp_path: Path, painted: bytes) -> Path:
    """Pictures of one, two and three days, and of this moment."""
    for days in range(4):
        put(tmp_path, f"2026112800000000{days}-j{days}.png", painted, days * DAY)
    return tmp_path


def put(folder: Path, name: str, data: bytes, age: float) -> Path:
    path = folder / name
    path.write_bytes(data)
    at = Clock().wall() - age
    os.utime(path, (at, at))
    return path


def swept(folder: Path, needed: tuple[str, ...] = (), **kept: float) -> RemovedPictures:
    settings = Settings(socket=folder / "d.sock", output_dir=folder, **kept)  # type: ignore[arg-type]
    return Retention(settings, Clock(), lambda _since: ()).sweep(needed)


def left(folder: Path) -> list[str]:
    return sorted(path.name.rpartition("-")[2] for path in folder.iterdir())


def test_what_is_too_old_leaves(folder: Path, painted: bytes) -> None:
    assert swept(folder, pictures_kept_for=1.5 * DAY) == RemovedPictures(2, 2 * len(painted))
    assert left(folder) == ["j0.png", "j1.png"]


def test_of_what_is_too_much_the_oldest_leave(folder: Path, painted: bytes) -> None:
    assert swept(folder, pictures_bytes=3 * len(painted)).removed == 1
    assert left(folder) == ["j0.png", "j1.png", "j2.png"]
    assert swept(folder, pictures_bytes=3 * len(painted)) == RemovedPictures()


def test_one_of_this_hour_stays_however_little_may(folder: Path, painted: bytes) -> None:
    put(folder, "20261128000000009-new.png", painted, GRACE / 2)
    assert swept(folder, pictures_bytes=1, pictures_kept_for=1.0).removed == 3
    assert left(folder) == ["j0.png", "new.png"]


def test_one_that_an_open_job_is_made_of_stays(folder: Path) -> None:
    needed = str((folder / "20261128000000003-j3.png").resolve())
    assert swept(folder, (needed,), pictures_kept_for=DAY / 2).removed == 2
    assert "j3.png" in left(folder)


def test_what_the_daemon_did_not_paint_stays(folder: Path) -> None:
    put(folder, "mine.png", b"mine", 9 * DAY)
    put(folder, "20261128000000008-mine.png", b"mine", 9 * DAY)
    (folder / "20261128000000007-link.png").symlink_to(folder / "mine.png")
    swept(folder, pictures_kept_for=DAY / 2)
    assert left(folder) == ["j0.png", "link.png", "mine.png", "mine.png"]


def test_one_with_a_second_name_counts_nothing_and_outlives_its_first(folder: Path, painted: bytes) -> None:
    batch = folder / "batch"
    batch.mkdir()
    os.link(folder / "20261128000000003-j3.png", batch / "a.png")
    assert swept(folder, pictures_bytes=3 * len(painted)) == RemovedPictures()
    assert swept(folder, pictures_kept_for=2.5 * DAY) == RemovedPictures(1, 0)
    assert (batch / "a.png").read_bytes() == painted


def test_a_daemon_sweeps_at_its_start_and_says_so(
    folder: Path, painted: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    said: SimpleQueue[logging.LogRecord] = SimpleQueue()
    logger = logging.getLogger("kilnmark.daemon.pictures.retention")
    logger.addHandler(handler := QueueHandler(said))
    try:
        with caplog.at_level("INFO"), FakeDaemon(output_dir=folder, pictures_kept_for=1.5 * DAY):
            told = said.get(timeout=PATIENCE).getMessage()
    finally:
        logger.removeHandler(handler)
    bounds = f"(pictures_kept_for {1.5 * DAY:g} s, pictures_bytes 0)"
    assert told == f"2 pictures with {2 * len(painted)} bytes were removed from {folder} {bounds}"
