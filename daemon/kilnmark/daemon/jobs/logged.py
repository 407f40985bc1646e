"""What the daemon's log says of a job: one line when it has ended, with everything by which it is found again.

Pure functions, from a job and how it ended to a level and a line of bounded length. Whoever ends jobs writes it.
"""

import logging
from collections.abc import Sequence

from kilnmark.daemon.jobs.jobs import Job
from kilnmark.daemon.jobs.outcome import style_of
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.errors import Cancelled, InternalError, RequestError
from kilnmark.protocol.wire.replies import RenderResult
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["TOLD_ADAPTERS", "TOLD_REASON", "level_of", "line_of"]

TOLD_ADAPTERS = 8
"""Adapters of a stack that are named; of more, how many."""

TOLD_REASON = 300
"""Characters of why there is no picture; the whole of it is in the reply, and in `kilnmark jobs ID`."""

_NAME = 60
"""Characters of one name."""

_REST = "..."


def level_of(outcome: RenderResult | RequestError, reports: Sequence[AdapterReport]) -> int:
    """`ERROR` for a defect of ours, `WARNING` where a picture is missing or an adapter in it is not engaged."""
    if isinstance(outcome, InternalError):
        return logging.ERROR
    if isinstance(outcome, Cancelled):
        return logging.INFO
    engaged = all(report.verdict is Verdict.ENGAGED for report in reports)
    return logging.INFO if engaged and isinstance(outcome, RenderResult) else logging.WARNING


def line_of(
    job: Job, outcome: RenderResult | RequestError, reports: Sequence[AdapterReport], *, seconds: float, asked_by: str
) -> str:
    """The line.

    Args:
        job: As it ended.
        reports: What each of its adapters did, as far as it is known.
        seconds: From its acceptance until now.
        asked_by: The process that asked for it; empty: an earlier daemon knew.
    """
    command = job.facts.command
    parts = [f"job {job.job_id} {_ended(job, outcome, seconds)}", _asked(command)]
    if style := style_of(job.facts):
        parts.append(f"style {_cut(style)}")
    if command.lora_paths or reports:
        parts.append(f"adapters: {_adapters(command, reports)}")
    parts.append(f"asked by {asked_by or 'somebody at an earlier daemon'}")
    if trace := outcome.trace_id:
        parts.append(f"trace {trace}")
    parts.append(outcome.image_path if isinstance(outcome, RenderResult) else _cut(outcome.message, TOLD_REASON))
    return "; ".join(parts)


def _ended(job: Job, outcome: RenderResult | RequestError, seconds: float) -> str:
    """How, and after how long."""
    if isinstance(outcome, Cancelled):
        return f"cancelled after {seconds:.2f} s"
    if isinstance(outcome, RequestError):
        return f"failed ({outcome.kind}) after {seconds:.2f} s"
    if outcome.cached:
        return f"done in {seconds:.2f} s, from the picture cache"
    if job.shared_with is not None:
        return f"done in {seconds:.2f} s, with the picture of {job.shared_with}"
    return f"done in {seconds:.2f} s, {outcome.timings.painting_ms / 1000:.2f} s of them painting"


def _asked(command: RenderCommand) -> str:
    draft = ", a draft" if command.draft else ""
    return (
        f"{_cut(command.variant)} {command.width}x{command.height}, {command.steps} steps, seed {command.seed}{draft}"
    )


def _adapters(command: RenderCommand, reports: Sequence[AdapterReport]) -> str:
    """Each with its verdict; those that nothing is known of without."""
    told = [f"{_cut(report.name)} {report.verdict.value}" for report in reports]
    told += [_cut(name) for name in command.lora_names[len(reports) :]]
    more = len(told) - TOLD_ADAPTERS
    return ", ".join(told[:TOLD_ADAPTERS]) + (f" and {more} more" if more > 0 else "")


def _cut(text: str, room: int = _NAME) -> str:
    return text if len(text) <= room else text[: room - len(_REST)] + _REST
