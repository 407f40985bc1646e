"""Jobs that ended, as the broker keeps them: of each, what status and dead letters need of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.documents import SubmissionPart
from kilnmark.farm.names import results_of
from kilnmark.farm.reading import read_document
from kilnmark.farm.submit.buckets import kept_in

__all__ = ["EndedJob", "KeptEnding", "KeptPart", "endings_of", "submissions_at"]


class _Report(msgspec.Struct, frozen=True):
    name: str
    verdict: str
    sha256: str = ""
    reason: str = ""


class _Failure(msgspec.Struct, frozen=True):
    message: str
    loras: tuple[_Report, ...] = ()


class _Made(msgspec.Struct, frozen=True):
    loras: tuple[_Report, ...] = ()


class EndedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A part of `FarmResult`, quicker to read than all of it."""

    job_id: str
    submitter: str
    submission: str
    state: Literal["done", "failed", "dead", "cancelled"]
    node: str = ""
    error: _Failure | None = None
    result: _Made | None = None

    @property
    def reports(self) -> tuple[_Report, ...]:
        """What was said of its adapters."""
        said = self.error or self.result
        return said.loras if said else ()


@dataclass(frozen=True)
class KeptEnding:
    """One ending.

    Attributes:
        at: When it was written, by the broker's clock.
    """

    job: EndedJob
    at: datetime


@dataclass(frozen=True)
class KeptPart:
    """A part of a submission.

    Attributes:
        at: When it was written, by the broker's clock.
    """

    part: SubmissionPart
    at: datetime


async def endings_of(link: FarmLink, submitters: Sequence[str]) -> AsyncIterator[KeptEnding]:
    """Every ending of these submitters' jobs.

    Raises:
        FarmError: The broker does not answer, or does not let these credentials look.
    """
    for submitter in submitters:
        async for entry in kept_in(link, results_of(submitter), "look at the results", "*"):
            with suppress(msgspec.DecodeError):
                yield KeptEnding(read_document(entry.value, EndedJob), entry.at)


async def submissions_at(link: FarmLink, submitters: Sequence[str], submission: str = "*") -> AsyncIterator[KeptPart]:
    """The parts of their submissions.

    Args:
        submission: Of this one alone; `*`: of all.

    Raises:
        FarmError: As those of `endings_of`.
    """
    for submitter in submitters:
        keys = f"submissions.{submission}.*"
        async for entry in kept_in(link, results_of(submitter), "look at the submissions", keys):
            with suppress(msgspec.DecodeError):
                yield KeptPart(read_document(entry.value, SubmissionPart), entry.at)
