"""The last jobs go to a second node where they take long, and the first result counts."""

import asyncio

import msgspec

from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.documents import FarmJob, FarmNeeds, FarmResult, NodeInfo, ServedBase
from kilnmark.farm.names import NODES, WORK
from kilnmark.farm.submit.jobs import MadeJob
from kilnmark.farm.submit.racing import Racing
from kilnmark.farm.submit.sending import Sending
from kilnmark.protocol.wire.requests import RenderParams


def job(job_id: str) -> FarmJob:
    needs = FarmNeeds(variant="mini", version="1", keymaps="k")
    return FarmJob(job_id=job_id, submitter="ann", submission="s", needs=needs, asked=RenderParams(prompt="a", seed=1))


def test_what_takes_twice_as_long_as_its_like_is_handed_out_once_more(broker: str) -> None:
    async def race(link: FarmLink) -> None:
        late, racing = job("late"), Racing(link)
        await Sending(link, "ann").send(MadeJob(late, (), ()))
        nodes = await link.js.key_value(NODES)
        bases = (ServedBase(variant="mini"),)
        slow = NodeInfo(name="slow", version="1", keymaps="k", state="working", running=("late",))
        free = NodeInfo(name="free", version="1", keymaps="k", state="idle")
        for each in (slow, free):
            await nodes.put(each.name, msgspec.json.encode(each))
        began, ended = "2026-01-01T00:00:00.000+00:00", "2026-01-01T00:00:10.000+00:00"
        done = FarmResult(job_id="x", submitter="ann", submission="s", state="done", began=began, ended=ended)
        racing.ended(job("x"), done)
        assert await racing.look([late], 100.0) == ()  # it is seen for the first time
        assert await racing.look([late, job("waits")], 130.0) == ()
        assert await racing.look([late], 119.0) == ()
        assert await racing.look([late], 121.0) == ()  # who is idle does not serve its base
        await nodes.put("free", msgspec.json.encode(msgspec.structs.replace(free, bases=bases)))
        assert await racing.look([late], 121.0) == ("late",)
        assert await racing.look([late], 200.0) == ()
        assert (await link.js.stream_info(WORK)).state.messages == 2

    async def ask() -> None:
        async with farm_link(broker) as link:
            await race(link)

    asyncio.run(ask())
