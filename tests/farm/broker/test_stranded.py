"""What ended and waits still, where no node would take it, is taken off the queue; what did not end stays."""

import asyncio
from datetime import timedelta

from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.broker.stranded import take_away_stranded
from kilnmark.farm.names import WORK, results_of, work_subject
from tests.farm.broker.test_keeper import hand_in, job_of


def test_a_job_that_ended_waits_no_more_where_no_node_takes_it(broker: str) -> None:
    async def ask() -> None:
        async with farm_link(broker) as link:
            jobs = [job_of(name, 1) for name in ("ended", "open")]
            for job in jobs:
                await hand_in(link, job)
            await (await link.js.key_value(results_of("ann"))).put("ended", b"{}")
            assert await take_away_stranded(link) == []
            ended, waiting = (work_subject(job.partition, "ann", job.job_id) for job in jobs)
            assert await take_away_stranded(link, timedelta(0)) == [ended]
            assert await take_away_stranded(link, timedelta(0)) == []
            assert (await link.js.get_msg(WORK, subject=waiting)).subject == waiting

    asyncio.run(ask())
