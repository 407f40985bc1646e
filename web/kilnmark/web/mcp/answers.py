"""What a tool answers with: the whole result for programs, its sense in words, and the files of pictures.

The words say first what must not be missed: an adapter that did nothing. How an answer becomes a message is `server`'s
part.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kilnmark.protocol.content.composition import Composition
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.printable import printable
from kilnmark.protocol.wire.inspection import Inspection, InspectionDocument
from kilnmark.protocol.wire.jobs import JobInfo
from kilnmark.protocol.wire.replies import JobError, RenderResult

__all__ = [
    "JobsAnswer",
    "ToolAnswer",
    "ToolFailure",
    "composition_words",
    "inspection_words",
    "jobs_words",
    "report_words",
]


_ACCUSED = (Verdict.REFUSED, Verdict.NOOP, Verdict.PARTIAL)


@dataclass(frozen=True)
class ToolAnswer:
    """What a tool answers with.

    Attributes:
        result: All of it.
        words: Its sense, for whoever reads no structure.
        pictures: Files that it tells of.
        shows: Small copies of them were asked for, too.
        failed: It is no success.
    """

    result: msgspec.Struct
    words: str
    pictures: tuple[Path, ...] = ()
    shows: bool = False
    failed: bool = False


class ToolFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is nothing, and what each adapter did as far as that is known.

    Attributes:
        kind, message, retryable: Of the error.
        loras: The engagement reports, in stack order.
        trace_id: Of the trace that tells of it; empty when tracing is off.
    """

    kind: str
    message: str
    retryable: bool = False
    loras: list[AdapterReport] = []
    trace_id: str = ""


class JobsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that were asked for.

    Attributes:
        jobs: As they are listed, the latest first.
        next: Where to go on; None: there are no more.
        result: Of the one job that was asked for: its picture, once it is done.
        error: Alike: why there is none, once it failed or was cancelled.
    """

    jobs: list[JobInfo]
    next: str | None = None
    result: RenderResult | None = None
    error: JobError | None = None


def report_words(reports: Sequence[AdapterReport]) -> Iterator[str]:
    """One line an adapter, those first that did not engage."""
    for report in sorted(reports, key=lambda report: report.verdict is Verdict.ENGAGED):
        matched = f"{report.matched_key_count} of {report.total_key_count} keys matched"
        reason = "" if report.verdict is Verdict.ENGAGED else f": {printable(report.reason)}"
        yield f"adapter {printable(report.name)}: {report.verdict.value}, {matched}{reason}"


def jobs_words(jobs: Sequence[JobInfo]) -> str:
    """One line a job."""
    if not jobs:
        return "no job is like that"
    return "\n".join(_job_line(job) for job in jobs)


def _job_line(job: JobInfo) -> str:
    accused = [f"{badge.verdict.value} {printable(badge.name)}" for badge in job.adapters if badge.verdict in _ACCUSED]
    parts = [job.job_id, job.state, *accused, job.accepted, job.style, printable(job.prompt)]
    return "; ".join(part for part in (*parts, job.image_path, printable(job.reason)) if part)


def composition_words(found: Composition) -> str:
    """What would be painted, and what is wrong with it."""
    lines = [f"problem: {printable(each.message)} ({each.file})" for each in found.problems]
    lines += [f"prompt: {printable(found.prompt)}", f"{found.width}x{found.height}, on {found.variant}"]
    lines += [
        f"adapter {printable(lora.name)} at {lora.scale_words}: {_inspected(lora.inspection)}" for lora in found.loras
    ]
    return "\n".join([*lines, *(f"warning: {printable(each)}" for each in found.warnings)])


def inspection_words(found: InspectionDocument) -> str:
    """One line a file."""
    return "\n".join(f"{printable(each.path)}: {_inspected(each)}" for each in found.files)


def _inspected(found: Inspection) -> str:
    kind = f"{found.convention} {found.kind} of rank {found.rank}, " if found.convention and found.kind else ""
    return f"{found.verdict.value}, {kind}{printable(found.reason)}"
