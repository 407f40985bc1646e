"""The broker's own client, as the farm uses it: nobody who gives up to wait is made to wait."""

import asyncio

import pytest

from kilnmark.farm.broker.connection import Refusals


def test_a_cancel_that_comes_with_the_answer_is_no_less_a_cancel() -> None:
    async def give_up() -> None:
        answer, refusals = asyncio.get_running_loop().create_future(), Refusals()

        async def ask() -> None:
            async with refusals.heeded("a.subject"):
                await asyncio.wait_for(answer, 10)

        asking = asyncio.create_task(ask())
        await asyncio.sleep(0)
        answer.set_result(b"")
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(give_up())
