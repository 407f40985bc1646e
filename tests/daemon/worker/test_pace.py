"""How long a step may take follows from those before it, of one size on one base in one process."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from kilnmark.daemon.asked.accept import accept
from kilnmark.daemon.asked.served import Served
from kilnmark.daemon.worker.pace import FIRST_STEP_FACTOR, Paces, StepBound
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.pace import PaceInfo
from kilnmark.protocol.wire.requests import RenderParams

SETTINGS = Settings(socket=Path("/run/kiln/d.sock"), output_dir=Path("/nowhere"))
JOB = accept(RenderParams(prompt="a mill", steps=4), Served(SETTINGS), "a").command
UNKNOWN = 600.0


class Timed:
    """Paces, and a clock."""

    def __init__(self) -> None:
        self.paces = Paces()
        self.now = 0.0

    def told(self, stage: work.Stage, step: int, after: float = 0.0) -> bool:
        self.now += after
        event = work.Stepped(job_id=JOB.job_id, stage=stage, step=step, steps=JOB.steps)
        return self.paces.stepped(event, self.now)

    def render(self, *steps: float, decode: float = 1.0) -> None:
        """A whole render whose steps take so long."""
        self.paces.begin(JOB)
        self.told("denoise", 0)
        for done, seconds in enumerate(steps, 1):
            self.told("denoise", done, seconds)
        self.told("decode", len(steps))
        self.now += decode
        self.paces.painted(self.now)

    def bound(self, stage: work.Stage, step: int, **other: Any) -> StepBound:
        """What may follow there, in a render that begins; of another size or base where that is said."""
        self.paces.begin(msgspec.structs.replace(JOB, **other))
        self.told(stage, step)
        return self.paces.bound(UNKNOWN)


@pytest.fixture
def timed() -> Timed:
    return Timed()


def test_what_was_seen_is_told_by_base_and_size(timed: Timed) -> None:
    assert timed.paces.info == []
    timed.render(40.0, 8.0, 9.0, 10.0, decode=2.0)  # the first compiles, perhaps
    assert timed.paces.info == [
        PaceInfo(variant=JOB.variant, width=JOB.width, height=JOB.height, step_ms=9500.0, decode_ms=2000.0)
    ]
    timed.paces.forget()
    assert timed.paces.info == []


def test_nothing_is_known_before_the_first_step_and_never_of_what_is_no_step(timed: Timed) -> None:
    assert timed.bound("denoise", 1) == StepBound(UNKNOWN)
    timed.render(8.0, 8.0)
    for stage in work.STAGES[:2] + work.STAGES[-1:]:
        assert timed.bound(stage, 0) == StepBound(UNKNOWN)


def test_it_is_ten_times_the_median_so_that_one_slow_step_changes_nothing(timed: Timed) -> None:
    timed.render(8.0, 8.0, 500.0, 8.0)
    bound = timed.bound("denoise", 2)
    assert (bound.seconds, str(bound)) == (80.0, "for 80 seconds, where a step of 128x128 on standin takes 8 s")


def test_the_first_step_of_a_render_has_more_time_and_decoding_its_own(timed: Timed) -> None:
    timed.render(8.0, 8.0, decode=20.0)
    assert timed.bound("denoise", 0).seconds == FIRST_STEP_FACTOR * 80.0
    assert timed.bound("decode", 4).seconds == 200.0


def test_steps_that_a_start_leaves_out_took_no_time_and_the_first_that_is_painted_has_more(timed: Timed) -> None:
    started: dict[str, Any] = {"start": "c" * 64, "strength": 0.3}
    timed.paces.begin(msgspec.structs.replace(JOB, **started))
    for step, seconds in ((0, 0.0), (1, 0.0), (2, 8.0), (3, 8.0)):
        timed.told("denoise", step, seconds)
    assert timed.bound("denoise", 2, **started).seconds == 80.0
    assert timed.bound("denoise", 1, **started).seconds == FIRST_STEP_FACTOR * 80.0


def test_half_a_minute_is_always_given_unless_less_is_given_to_the_unknown(timed: Timed) -> None:
    timed.render(0.0, 0.0)
    assert timed.bound("denoise", 2).seconds == 30.0
    assert timed.paces.bound(5.0).seconds == 5.0
    assert str(timed.paces.bound(5.0)).endswith("takes 0.001 s")


def test_what_is_told_again_is_no_progress_and_no_step(timed: Timed) -> None:
    timed.paces.begin(JOB)
    assert [timed.told("denoise", step, 8.0) for step in (0, 1, 1, 0, 1, 2)] == [True, True, False, False, False, True]
    assert timed.paces.bound(UNKNOWN).seconds == 10 * (8.0 + 32.0) / 2
    assert not timed.told("adapters", 0)
    timed.paces.begin(JOB)
    assert timed.told("adapters", 0)


def test_time_that_went_by_in_sleep_is_no_steps(timed: Timed) -> None:
    timed.paces.begin(JOB)
    timed.told("denoise", 0)
    timed.paces.interrupt()
    timed.told("denoise", 1, 9999.0)
    timed.told("denoise", 2, 8.0)
    assert timed.paces.bound(UNKNOWN).seconds == 80.0


@pytest.mark.parametrize("other", [{"width": 64}, {"height": 64}, {"variant": "dev"}])
def test_another_base_and_another_size_know_nothing_of_it(timed: Timed, other: dict[str, Any]) -> None:
    timed.render(8.0, 8.0)
    assert timed.bound("denoise", 2, **other) == StepBound(UNKNOWN)
    assert timed.bound("denoise", 2).seconds == 80.0


def test_another_process_knows_nothing_of_it(timed: Timed) -> None:
    timed.render(8.0, 8.0)
    timed.paces.forget()
    assert timed.bound("denoise", 2) == StepBound(UNKNOWN)
