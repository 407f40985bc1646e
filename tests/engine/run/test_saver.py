"""Pictures saved beside the painting: in order, each with an answer, whatever the disk or a picture does."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opentelemetry.trace import NoOpTracer
from PIL import Image

from kilnmark.engine.run.saver import Painting, Saver
from kilnmark.engine.trail import Trail
from kilnmark.keymaps.files.outputs import OutputFolder
from kilnmark.protocol.wire.errors import RenderFailed, StorageFailed
from kilnmark.protocol.wire.replies import StackInfo
from kilnmark.protocol.wire.work import Failed, Finished, RenderCommand
from tests.protocol.samples import BASE

SAVED_WITHIN_S = 20.0


class Ends:
    """How renders ended, as the saver tells it."""

    def __init__(self) -> None:
        self.told: list[Finished | Failed] = []
        self._changed = threading.Condition()

    def hear(self, end: Finished | Failed) -> None:
        with self._changed:
            self.told.append(end)
            self._changed.notify()

    def first(self, count: int) -> list[Finished | Failed]:
        """The first ends, once there are that many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.told) >= count, SAVED_WITHIN_S)
        return self.told[:count]


def painting(job_id: str) -> Painting:
    job = RenderCommand(
        job_id=job_id,
        variant="standin",
        prompt="a mill",
        negative_prompt=None,
        tier=None,
        seed=7,
        steps=1,
        guidance=3.5,
        width=64,
        height=64,
        lora_names=[],
        lora_paths=[],
        lora_scales=[],
        stack=StackInfo(source="paths", names=()),
        on_mismatch="error",
    )
    trail = Trail(job, tracer=NoOpTracer(), tell=lambda _: None, is_cancelled=lambda _: False)
    return Painting(job, trail, Image.new("RGB", (64, 64)), BASE, warnings=("a warning",))


@pytest.fixture
def ends() -> Ends:
    return Ends()


@pytest.fixture
def start(ends: Ends) -> Iterator[Callable[[Path], Saver]]:
    """Starts a saver for a folder; it is stopped afterwards."""
    started: list[Saver] = []

    def begin(folder: Path) -> Saver:
        started.append(Saver(OutputFolder(folder), ends.hear))
        started[-1].start()
        return started[-1]

    yield begin
    for saver in started:
        saver.stop(SAVED_WITHIN_S)


def test_pictures_are_saved_in_the_order_they_were_painted(
    start: Callable[[Path], Saver], ends: Ends, tmp_path: Path
) -> None:
    saver = start(tmp_path)
    for name in ("a", "b", "c"):
        saver.save(painting(name))
    told = ends.first(3)
    assert [end.job_id for end in told] == ["a", "b", "c"]
    for end in told:
        assert isinstance(end, Finished)
        assert end.warnings == ["a warning"]
        with Image.open(end.image_path) as picture:
            assert picture.size == (64, 64)


def test_a_folder_that_cannot_be_written_fails_the_render_by_that_name(
    start: Callable[[Path], Saver], ends: Ends, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("a file, where a folder should be")
    start(tmp_path / "out").save(painting("a"))
    (end,) = ends.first(1)
    assert isinstance(end, Failed)
    assert end.code == StorageFailed.code
    assert "output folder" in end.message


def test_a_defect_fails_its_own_render_and_the_next_is_saved(
    start: Callable[[Path], Saver], ends: Ends, tmp_path: Path
) -> None:
    saver, broken = start(tmp_path), painting("broken")
    broken.image.close()
    saver.save(broken)
    saver.save(painting("whole"))
    first, second = ends.first(2)
    assert isinstance(first, Failed)
    assert first.code == RenderFailed.code
    assert isinstance(second, Finished)


def test_what_was_handed_over_is_saved_before_the_saver_stops(
    start: Callable[[Path], Saver], ends: Ends, tmp_path: Path
) -> None:
    saver = start(tmp_path)
    saver.save(painting("a"))
    saver.save(painting("b"))
    saver.stop(SAVED_WITHIN_S)
    assert len(ends.told) == 2


def test_a_disk_that_hangs_does_not_keep_the_process(tmp_path: Path) -> None:
    released = threading.Event()

    def hang(_: Finished | Failed) -> None:
        released.wait(SAVED_WITHIN_S)

    saver = Saver(OutputFolder(tmp_path), hang)
    saver.start()
    for name in "abc":
        saver.save(painting(name))
    saver.stop(0.05)
    assert not released.is_set()
    released.set()
