"""Jobs that are taken back, and dead ones that are handed out once more."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Literal

import msgspec

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.broker.patience import patiently
from kilnmark.farm.documents import FarmResult
from kilnmark.farm.names import CANCELS, cancel_key, results_of, token_of
from kilnmark.farm.submit.buckets import open_bucket
from kilnmark.farm.submit.jobs import MadeJob
from kilnmark.farm.submit.results import Results
from kilnmark.farm.submit.sending import Sending
from kilnmark.protocol.wire.errors import Cancelled
from kilnmark.protocol.wire.replies import JobError

__all__ = ["CancelledJobs", "SentAgain", "cancel_jobs", "send_again"]

_AT_ONCE = 64

SentAgain = Literal["sent", "not_dead", "not_kept", "no_files"]
"""What became of a dead job: it waits again; it is not dead any more; the broker does not keep what was asked, or not
all of its files."""


class CancelledJobs(msgspec.Struct, frozen=True, kw_only=True):
    """What became of jobs that were taken back.

    Attributes:
        cancelled: Their ids.
        ended: Those that had ended before.
    """

    cancelled: list[str]
    ended: list[str]


async def cancel_jobs(link: FarmLink, jobs: Sequence[tuple[str, str]]) -> CancelledJobs:
    """Take jobs back; that is their result from then on, unless they have one.

    Args:
        jobs: Submitters and ids.

    Raises:
        FarmError: The broker does not answer, or does not allow it.
    """
    free = asyncio.Semaphore(_AT_ONCE)
    cancels = await open_bucket(link, CANCELS, "take work back")

    async def cancel(submitter: str, job_id: str) -> bool:
        from nats.js.errors import KeyWrongLastSequenceError

        error = JobError(
            code=Cancelled.code, kind=Cancelled.kind, message="its submitter took it back", retryable=False
        )
        result = FarmResult(job_id=job_id, submitter=submitter, submission="", state="cancelled", error=error)
        async with free:
            results = await open_bucket(link, results_of(submitter), "take work back")
            with link.telling("take work back"):
                try:
                    await results.create(token_of(job_id), msgspec.json.encode(result))
                except KeyWrongLastSequenceError:
                    return False
                await cancels.put(cancel_key(submitter, job_id), msgspec.json.encode((submitter, job_id)))
        return True

    done = await asyncio.gather(*(patiently(partial(cancel, *one)) for one in jobs))
    pairs = list(zip(jobs, done, strict=True))
    return CancelledJobs(
        cancelled=[job for (_, job), was in pairs if was], ended=[job for (_, job), was in pairs if not was]
    )


async def send_again(link: FarmLink, submitter: str, job_id: str) -> SentAgain:
    """Hand a dead job out once more, as it was handed in.

    Raises:
        FarmError: The broker does not answer, or does not allow it.
    """
    results = Results(link, submitter)
    found = await results.find(job_id)
    if found is None or found.result.state != "dead":
        return "not_dead"
    if found.result.job is None:
        return "not_kept"
    sending = Sending(link, submitter)
    if not await sending.files_lie_there(found.result.job):
        return "no_files"
    await results.forget(job_id)
    await sending.send(MadeJob(found.result.job, (), ()))
    return "sent"
