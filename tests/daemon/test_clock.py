"""Time that is missing is noticed by whichever clock shows it, and a busy second is none."""

import asyncio

import pytest

from kilnmark.daemon.clock import LEAST_JUMP, Clock, Jump, Vigil
from tests.daemon.clocks import VirtualClockLoop, run


class Clocks:
    """Both clocks, on top of the loop's, with what a test adds to them."""

    def __init__(self, loop: VirtualClockLoop) -> None:
        self.loop = loop
        self.added = {"monotonic": 0.0, "wall": 0.0, "loop": 0.0}

    def clock(self) -> Clock:
        """The loop's own clock alone is no sign of the others."""

        def read(name: str) -> float:
            return self.loop.now - self.added["loop"] + self.added[name]

        return Clock(monotonic=lambda: read("monotonic"), wall=lambda: read("wall"))

    def add(self, name: str, seconds: float) -> None:
        self.added[name] += seconds
        if name == "loop":
            self.loop.now += seconds


@pytest.mark.parametrize(
    ("added", "seconds"),
    [
        ({"wall": 3600.0}, 3600.0),  # a laptop slept, by Linux's clocks; or somebody set the clock
        ({"loop": 60.0}, 60.0),  # the same by a loop whose clock goes on meanwhile
        ({"monotonic": 60.0, "wall": 60.0}, 60.0),  # the process was stopped
        ({"wall": LEAST_JUMP - 0.5}, None),
        ({"monotonic": 2.0, "wall": 2.0, "loop": 2.0}, None),  # a busy machine
        ({"wall": -3600.0}, None),  # the clock was set back: nothing is missing
    ],
)
def test_what_is_missing_is_told_once(added: dict[str, float], seconds: float | None) -> None:
    async def body() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualClockLoop)
        clocks, heard = Clocks(loop), list[Jump | None]()
        vigil = Vigil(loop, clocks.clock())
        vigil.on_jump(lambda: heard.append(vigil.latest))
        vigil.begin()
        await asyncio.sleep(10.5)
        assert heard == []
        for name, more in added.items():
            clocks.add(name, more)
        await asyncio.sleep(10.0)
        assert [jump and round(jump.seconds) for jump in heard] == ([] if seconds is None else [seconds])
        vigil.end()
        clocks.add("wall", 3600.0)
        await asyncio.sleep(10.0)
        assert len(heard) == (seconds is not None)

    run(body())
