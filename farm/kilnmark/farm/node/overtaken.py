"""Renders that another node was quicker with: a job that is raced, or was taken for lost, may have its result already.

The daemon gives up what it is still at then, since the first result counts.
"""

import contextlib
import logging

from kilnmark.client.aio import AsyncClient
from kilnmark.farm.documents import FarmJob
from kilnmark.farm.node.about import AboutNode
from kilnmark.farm.node.commit import Commits
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.errors import Cancelled

__all__ = ["Overtaken"]

_logger = logging.getLogger(__name__)


class Overtaken:
    """Gives up what came too late.

    Args:
        client: Of the node's daemon.
        commits: Where results are.
        about: What the node says of itself.
    """

    def __init__(self, client: AsyncClient, commits: Commits, about: AboutNode) -> None:
        self._client = client
        self._commits = commits
        self._about = about
        self._given_up: set[tuple[str, str]] = set()

    async def look(self, job: FarmJob) -> None:
        """Give the render of a job up where the job has ended. What cannot be asked now is asked again later."""
        key = (job.submitter, job.job_id)
        others = [each for each in self._about.running if each[1] == job.job_id and each != key]
        if key in self._given_up or others:  # the daemon may paint it for both
            return
        with contextlib.suppress(KilnmarkError):
            if (first := await self._commits.existing(job)) is None:
                return
            by = first.node or "somebody else"
            await self._client.cancel(job.job_id, f"{by} ended it first")
            self._given_up.add(key)
            _logger.info("%s of %s is given up: %s ended it first", job.job_id, job.submitter, by)

    def was_given_up(self, job: FarmJob, error: KilnmarkError | OSError) -> bool:
        """Whether that is why it ended."""
        return isinstance(error, Cancelled) and (job.submitter, job.job_id) in self._given_up

    def forget(self, job: FarmJob) -> None:
        """It is at this node no more."""
        self._given_up.discard((job.submitter, job.job_id))
