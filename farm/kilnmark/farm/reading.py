"""Documents as they come from the broker, where others may have written anything: read, or told to be none."""

from typing import TypeVar

import msgspec

from kilnmark.farm.documents import FarmJob, FarmResult
from kilnmark.farm.names import token_of
from kilnmark.protocol.wire.errors import RenderFailed
from kilnmark.protocol.wire.replies import JobError

__all__ = ["read_document", "read_ending", "read_job"]

T = TypeVar("T")


def read_document(data: bytes | None, kind: type[T]) -> T:
    """One of a kind.

    Raises:
        DecodeError: It is none; also where it is no text, or one thing within another without end.
    """
    try:
        return msgspec.json.decode(data or b"", type=kind)
    except (RecursionError, UnicodeDecodeError) as error:
        raise msgspec.DecodeError(f"it is none ({error})") from error


def read_job(data: bytes | None, subject: str) -> FarmJob:
    """A job that waited under a subject, whose submitter the broker knows; what is written in it, anybody can have.

    Raises:
        DecodeError: It is none, or says that it is another's.
    """
    job = read_document(data, FarmJob)
    if subject.partition("~")[0].split(".")[-2:] != [token_of(job.submitter), token_of(job.job_id)]:
        raise msgspec.DecodeError(f"it says that it is {job.job_id} of {job.submitter}")
    return job


def read_ending(data: bytes | None, submitter: str, job_id: str) -> FarmResult:
    """How a job ended; as failed, where nobody can read what is written of that.

    Args:
        submitter, job_id: Of the job, as whoever looks for it has them.
    """
    try:
        return read_document(data, FarmResult)
    except msgspec.DecodeError as error:
        reason = f"how it ended cannot be read ({error}); hand it in again, with the version that its nodes have"
        told = JobError(code=RenderFailed.code, kind="result_unreadable", message=reason, retryable=False)
        return FarmResult(job_id=job_id, submitter=submitter, submission="", state="failed", error=told)
