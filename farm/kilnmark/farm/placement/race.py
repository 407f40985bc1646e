"""Which of the last renders are raced by a second node, if that was asked for: the one that is done first counts."""

from collections.abc import Sequence
from dataclasses import dataclass

from kilnmark.farm.names import Partition
from kilnmark.farm.placement.views import Policy

__all__ = ["LateJob", "stragglers"]


@dataclass(frozen=True, slots=True)
class LateJob:
    """A job that a node has.

    Attributes:
        job_id: Of it.
        partition: Where it came from.
        running_s: Seconds since it was handed out.
        usual_s: Seconds that the median of its like took; 0: none is done.
        copies: How many nodes have been asked for it.
    """

    job_id: str
    partition: Partition
    running_s: float
    usual_s: float
    copies: int = 1


def stragglers(running: Sequence[LateJob], *, waiting: int, idle: int, policy: Policy) -> tuple[LateJob, ...]:
    """Those that a second node is to be asked for, the latest first.

    Args:
        running: All jobs of a submission that nodes have.
        waiting: Jobs of it that no node has: as long as there are any, nothing is raced.
        idle: Nodes that have nothing to do; no more jobs are raced.
        policy: With `race_after`; None: nothing is raced.
    """
    if policy.race_after is None or waiting:
        return ()
    late = [
        job for job in running if job.copies == 1 and job.usual_s and job.running_s > policy.race_after * job.usual_s
    ]
    return tuple(sorted(late, key=lambda job: (job.usual_s - job.running_s, job.job_id))[:idle])
