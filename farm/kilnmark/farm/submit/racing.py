"""The last jobs of a submission, if that is asked for: those that take far longer than their like go to a second node.

Whichever is done first counts, as the result's key has it. Which are late is `placement.race`'s to say.
"""

import asyncio
import time
from collections.abc import Collection, Mapping
from datetime import datetime
from statistics import median

import msgspec

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.broker.patience import patiently
from kilnmark.farm.broker.setup import PER_SUBJECT
from kilnmark.farm.documents import FarmJob, FarmResult, NodeInfo
from kilnmark.farm.names import WORK, work_subject
from kilnmark.farm.placement.race import LateJob, stragglers
from kilnmark.farm.placement.views import Policy, fits, refusal
from kilnmark.farm.submit.nodes import seen_nodes

__all__ = ["RACE_AFTER", "Racing"]

RACE_AFTER = 2.0
"""So many times what its like took is late."""

_LOOK = 2.5
"""Seconds between two looks: half of those between two words of a node."""


class Racing:
    """Sees which jobs are late.

    Args:
        link: To the broker.
        policy: Whose `race_after` says what is late.
    """

    def __init__(self, link: FarmLink, policy: Policy | None = None) -> None:
        self._link = link
        self._policy = policy or Policy(race_after=RACE_AFTER)
        self._began: dict[str, float] = {}
        self._took: dict[tuple[str, str], list[float]] = {}
        self._raced: set[str] = set()

    def ended(self, job: FarmJob, ending: FarmResult) -> None:
        """One was painted: how long it took is what its like take."""
        if ending.state == "done" and ending.began and ending.ended:
            seconds = datetime.fromisoformat(ending.ended) - datetime.fromisoformat(ending.began)
            self._took.setdefault(job.partition[:2], []).append(seconds.total_seconds())

    async def watch(self, waiting: Mapping[str, FarmJob]) -> None:
        """Race those that are late, until cancelled.

        Args:
            waiting: All jobs that have not ended; it changes as they end.

        Raises:
            FarmError: The broker was away for too long.
        """
        while True:
            await asyncio.sleep(_LOOK)
            await patiently(lambda: self.look(list(waiting.values()), time.monotonic()))

    async def look(self, waiting: Collection[FarmJob], now: float) -> tuple[str, ...]:
        """Race those that are late now. Returns their ids.

        Args:
            waiting: All jobs that have not ended.
            now: By a monotonic clock, in seconds.

        Raises:
            FarmError: The broker does not answer.
        """
        nodes, clock = await seen_nodes(self._link), await self._link.broker_time()
        at_nodes = {job for node in nodes for job in node.info.running}
        running = [job for job in waiting if job.job_id in at_nodes]
        running_now = [self._late(job, now) for job in running]
        idle = [node.info for node in nodes if node.state(clock) == "idle"]
        able = {job.job_id: [node for node in idle if _does(node, job)] for job in running}
        late = stragglers(
            [each for each in running_now if able[each.job_id]],
            waiting=len(waiting) - len(running),
            idle=len({node.name for each in able.values() for node in each}),
            policy=self._policy,
        )
        jobs = {job.job_id: job for job in running}
        for each in late:
            await self._hand_out(jobs[each.job_id])
        return tuple(each.job_id for each in late)

    def _late(self, job: FarmJob, now: float) -> LateJob:
        took = self._took.get(job.partition[:2])
        return LateJob(
            job_id=job.job_id,
            partition=job.partition,
            running_s=now - self._began.setdefault(job.job_id, now),
            usual_s=median(took) if took else 0.0,
            copies=2 if job.job_id in self._raced else 1,
        )

    async def _hand_out(self, job: FarmJob) -> None:
        from nats.js.errors import APIError

        subject = work_subject(job.partition, job.submitter, job.job_id, copy=1)
        with self._link.telling("race a job"):
            try:
                await self._link.js.publish(subject, msgspec.json.encode(job), stream=WORK)
            except APIError as error:  # it is raced already, by whoever handed it in before
                if error.err_code != PER_SUBJECT:
                    raise
        self._raced.add(job.job_id)


def _does(node: NodeInfo, job: FarmJob) -> bool:
    """Whether it would take such work."""
    return fits(job.needs, node) and not refusal(*job.partition[:2], node)
