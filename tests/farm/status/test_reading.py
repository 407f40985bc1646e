"""The time left of one submitter's jobs, beside others' and after they were handed in twice."""

import asyncio

import msgspec
import pytest

from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.content.local import keymaps_digest
from kilnmark.farm.documents import FarmResult, NodeInfo, SubmissionPart
from kilnmark.farm.names import NODES, WORK, results_of
from kilnmark.farm.node.work import consumer_settings
from kilnmark.farm.status import reading
from kilnmark.farm.status.reading import read_status
from kilnmark.farm.submit.sending import Sending
from tests.farm.node.handed_in import hand_in


def test_the_time_left_is_of_the_jobs_that_are_seen_each_once(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "seconds_left", lambda jobs, *_: jobs)

    async def ask() -> None:
        async with farm_link(broker) as link:
            for submission in ("first", "again"):
                part = SubmissionPart(submission=submission, submitter="ann", what="", jobs=("had", "one", "two"))
                await Sending(link, "ann").write_down(part)
            for submitter, name in (("ann", "one"), ("ann", "two"), ("bob", "three")):
                job = await hand_in(link, name, submitter=submitter)
            await link.js.add_consumer(WORK, consumer_settings(job.partition))
            node = NodeInfo(name="desk", version="0.1.0", keymaps=keymaps_digest(), state="idle")
            await (await link.js.key_value(NODES)).put("desk", msgspec.json.encode(node))
            had = FarmResult(job_id="had", submitter="ann", submission="first", state="done")
            await (await link.js.key_value(results_of("ann"))).put("had", msgspec.json.encode(had))
            status = await read_status(link, ["ann"])
            assert status.waiting == 3
            assert [(each.jobs, each.open) for each in status.submissions] == [(3, 2), (3, 2)]
            assert status.left_s == 2

    asyncio.run(ask())
