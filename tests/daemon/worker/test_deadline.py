"""A deadline on a loop whose clock only moves when nothing else is to be done."""

import asyncio

from kilnmark.daemon.worker.deadline import Deadline
from tests.daemon.clocks import run


async def expiries(deadline_seconds: float, put_off_at: list[float], until: float) -> list[float]:
    loop, seen = asyncio.get_running_loop(), list[float]()
    deadline = Deadline(loop, lambda: seen.append(loop.time()))
    deadline.set(deadline_seconds)
    for moment in put_off_at:
        loop.call_at(moment, deadline.set, deadline_seconds)
    await asyncio.sleep(until)
    deadline.clear()
    return seen


def test_it_expires_once_when_nothing_puts_it_off() -> None:
    async def body() -> None:
        seen = await expiries(10.0, [], until=100.0)
        assert [round(moment) for moment in seen] == [10]

    run(body())


def test_it_does_not_expire_while_it_is_put_off_in_time() -> None:
    async def body() -> None:
        assert await expiries(10.0, [9.0, 18.0, 27.0], until=36.0) == []

    run(body())


def test_it_expires_after_the_last_time_it_was_put_off() -> None:
    async def body() -> None:
        seen = await expiries(10.0, [9.0, 18.0], until=100.0)
        assert [round(moment) for moment in seen] == [28]

    run(body())


def test_a_sign_of_life_just_after_the_moment_still_counts() -> None:
    async def body() -> None:
        assert await expiries(10.0, [10.05, 20.0], until=25.0) == []

    run(body())


def test_a_shorter_time_replaces_a_longer_one() -> None:
    async def body() -> None:
        loop, seen = asyncio.get_running_loop(), list[float]()
        deadline = Deadline(loop, lambda: seen.append(loop.time()))
        deadline.set(60.0)
        deadline.set(5.0)
        await asyncio.sleep(30.0)
        assert [round(moment) for moment in seen] == [5]

    run(body())


def test_a_cleared_one_never_expires() -> None:
    async def body() -> None:
        loop, seen = asyncio.get_running_loop(), list[float]()
        deadline = Deadline(loop, lambda: seen.append(loop.time()))
        deadline.set(5.0)
        deadline.clear()
        await asyncio.sleep(30.0)
        assert seen == []

    run(body())
