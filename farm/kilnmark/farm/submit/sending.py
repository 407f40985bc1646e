"""Jobs on their way to the broker: their files, what their partition asks for, then the job itself, each once.

All of it can be said again: the broker refuses a job that waits there already, and what ended is not asked for again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import partial

import msgspec
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind

from kilnmark.farm.broker.ended import end_tasks
from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.broker.patience import patiently
from kilnmark.farm.broker.setup import PER_SUBJECT
from kilnmark.farm.content.local import LocalFile
from kilnmark.farm.content.store import ContentStore, open_content
from kilnmark.farm.documents import FarmJob, PartitionInfo, SubmissionPart
from kilnmark.farm.names import PARTITIONS, WORK, partition_key, results_of, submission_key, work_subject
from kilnmark.farm.reading import read_document
from kilnmark.farm.submit.buckets import open_bucket
from kilnmark.farm.submit.jobs import MadeJob
from kilnmark.otel import names
from kilnmark.otel.carrier import carrier_of
from kilnmark.otel.spans import describe, mark_failed

__all__ = ["Sending"]

_NEEDED_AGAIN = 3600.0
"""Seconds after which it is said again of a file that jobs need it, however long they are handed in."""


class Sending:
    """Hands in the jobs of one submission.

    Args:
        link: To the broker.
        submitter: Whose they are.
        anew: Send files though they lie there.
    """

    def __init__(self, link: FarmLink, submitter: str, *, anew: bool = False) -> None:
        self._link = link
        self._submitter = submitter
        self._anew = anew
        self._content: ContentStore | None = None
        self._parts = 0
        self._sent: set[str] = set()
        self._made: dict[Hashable, asyncio.Task[None]] = {}

    async def write_down(self, part: SubmissionPart) -> None:
        """Have it written what is about to be handed in.

        Raises:
            FarmError: The broker does not take it.
        """
        bucket = await open_bucket(self._link, results_of(self._submitter), "write a submission")
        key, self._parts = submission_key(part.submission, self._parts), self._parts + 1

        async def put() -> None:
            with self._link.telling("write a submission"):
                await bucket.put(key, msgspec.json.encode(part))

        await patiently(put)

    async def send(self, made: MadeJob) -> bool:
        """Hand one in. Returns whether it was taken: not where it waits, or is being painted, already.

        Raises:
            FarmError: The broker does not take it.
        """
        with _span(made.job) as span:
            for file in made.files:
                await self._once((file.content.sha256, time.monotonic() // _NEEDED_AGAIN), partial(self._put, file))
            key = partition_key(made.job.partition)
            await self._once(key, lambda: self._tell_partition(key, made))
            return await patiently(lambda: self._publish(made, span))

    async def files_lie_there(self, job: FarmJob) -> bool:
        """Whether all files of a job lie at the broker; they stay there as long as if they were handed in now.

        Raises:
            FarmError: The broker does not answer.
        """
        self._content = self._content or await open_content(self._link)
        content = self._content
        return all([await patiently(partial(content.need, file)) for file in job.content])

    async def settle(self) -> None:
        """Give up what is still on its way; it is sent again by whoever needs it."""
        under_way = [task for task in self._made.values() if not task.done()]
        await end_tasks(*under_way)
        self._made = {key: task for key, task in self._made.items() if task not in under_way}

    async def _once(self, key: Hashable, work: Callable[[], Awaitable[None]]) -> None:
        """Do something once, whoever else waits for it, and again for whoever asks after it failed."""
        if key not in self._made:
            self._made[key] = asyncio.ensure_future(patiently(work))
        try:
            await asyncio.shield(self._made[key])
        except Exception:
            self._made.pop(key, None)
            raise

    async def _put(self, file: LocalFile) -> None:
        self._content = self._content or await open_content(self._link)
        await self._content.put(file, anew=self._anew and file.content.sha256 not in self._sent)
        self._sent.add(file.content.sha256)

    async def _tell_partition(self, key: str, made: MadeJob) -> None:
        from nats.js.errors import KeyWrongLastSequenceError

        bucket = await open_bucket(self._link, PARTITIONS, "look at the work")
        with self._link.telling("tell of work"):
            try:
                await bucket.create(key, msgspec.json.encode(made.partition_info))
            except KeyWrongLastSequenceError:
                said = await bucket.get(key)
                if not _says(said.value, made):  # and nodes leave it alone
                    await bucket.put(key, msgspec.json.encode(made.partition_info))

    async def _publish(self, made: MadeJob, span: Span) -> bool:
        from nats.js.errors import APIError

        job = made.job
        headers = {name: value for name, value in carrier_of(span)._asdict().items() if value}
        subject = work_subject(job.partition, job.submitter, job.job_id)
        with self._link.telling("hand in work"):
            try:
                await self._link.js.publish(subject, msgspec.json.encode(job), stream=WORK, headers=headers)
            except APIError as error:
                if error.err_code == PER_SUBJECT:
                    return False
                raise
        return True


def _says(data: bytes | None, made: MadeJob) -> bool:
    try:
        return read_document(data, PartitionInfo).needs.token == made.job.needs.token
    except msgspec.DecodeError:
        return False


@contextmanager
def _span(job: FarmJob) -> Iterator[Span]:
    """The span of one job handed in, of which its node's is a child."""
    tracer = trace.get_tracer("kilnmark.farm")
    with tracer.start_as_current_span(
        names.FARM_SUBMIT, kind=SpanKind.PRODUCER, record_exception=False, set_status_on_exception=False
    ) as span:
        describe(span, {names.RENDER_JOB_ID: job.job_id, names.FARM_SUBMITTER: job.submitter})
        try:
            yield span
        except Exception as error:
            mark_failed(span, getattr(error, "kind", type(error).__name__), str(error))
            raise
