"""The jobs that a daemon knows as a table: when each came and ended, how long it was painted, and what it is of.

On a terminal it is as wide as that, and why a job has no picture stands below it; in a pipe each job is one line,
whole, whose columns two spaces part.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.cells import cell_len, set_cell_size
from rich.console import Console

from kilnmark.client.cli.views.tables import plain
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.printable import printable
from kilnmark.protocol.wire.jobs import JobInfo

__all__ = ["show_jobs"]

_HEADINGS = ("job", "state", "accepted", "ended", "painted", "priority", "prompt")
_PROMPT = 20
"""Columns that a prompt needs to be worth showing; where fewer are left, the ids go to lines of their own."""

_UNKNOWN, _GAP, _MORE = "-", "  ", "..."


def show_jobs(out: Console, jobs: Sequence[JobInfo], now: datetime) -> None:
    """Every job, with a header.

    Args:
        now: In the time zone that times are told in.
    """
    if not jobs:
        out.print("no jobs so far")
        return
    room = out.width if out.is_terminal else None
    rows = [_HEADINGS, *(_cells(job, now, is_whole=room is None) for job in jobs)]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        for line in _lines(row, widths, room):
            out.print(plain(line, "" if number else "bold"), soft_wrap=True)
        if room is not None and number and (reason := jobs[number - 1].reason):
            out.print(plain(_cut(f"{_GAP}because: {printable(reason)}", room), "yellow"), soft_wrap=True)


def _lines(row: Sequence[str], widths: Sequence[int], room: int | None) -> Iterator[str]:
    """One row; on a narrow terminal its id stands below the rest."""
    taken = sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
    if room is None or taken + min(_PROMPT, widths[-1]) <= room:
        yield _line(row, widths, None if room is None else room - taken)
        return
    yield _line(row[1:], widths[1:], room - (taken - widths[0] - len(_GAP)))
    yield f"{_GAP}{row[0]}"


def _line(row: Sequence[str], widths: Sequence[int], left: int | None) -> str:
    *cells, prompt = row
    padded = [set_cell_size(cell, width) for cell, width in zip(cells, widths, strict=False)]
    return _GAP.join([*padded, prompt if left is None else _cut(prompt, left)]).rstrip()


def _cut(text: str, room: int) -> str:
    if cell_len(text) <= room:
        return text
    return set_cell_size(text, max(room - len(_MORE), 0)).rstrip() + _MORE


def _cells(job: JobInfo, now: datetime, *, is_whole: bool) -> tuple[str, ...]:
    cells = (
        job.job_id,
        job.state,
        _moment(job.accepted, now),
        _moment(job.ended, now),
        _painted(job),
        job.priority,
        "; ".join([*_notes(job), *([f"because: {job.reason}"] if is_whole and job.reason else [])]),
    )
    return tuple(map(printable, cells))


def _notes(job: JobInfo) -> Iterator[str]:
    """What is to be known of it, with its prompt."""
    if job.paused is not None:
        yield f"paused: {job.paused}"
    if job.shared_with is not None:
        yield f"the picture of {job.shared_with}"
    for verdict in (Verdict.REFUSED, Verdict.NOOP, Verdict.PARTIAL):
        if named := [badge.name for badge in job.adapters if badge.verdict is verdict]:
            yield f"{verdict.value}: {', '.join(named)}"
    if job.style:
        yield job.style
    yield job.prompt or _UNKNOWN


def _painted(job: JobInfo) -> str:
    """How long, or how far it is."""
    if job.cached:
        return "cached"
    if job.painted_ms is not None:
        return _duration(job.painted_ms / 1000)
    return f"{job.step}/{job.steps}" if job.state == "running" else _UNKNOWN


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m {rest:02}s" if minutes else f"{seconds:.1f} s"


def _moment(told: str, now: datetime) -> str:
    """A moment in the zone of `now`: today's without a date, one of another year without an hour."""
    if not told:
        return _UNKNOWN
    moment = datetime.fromisoformat(told).astimezone(now.tzinfo)
    if moment.date() == now.date():
        return f"{moment:%H:%M:%S}"
    return f"{moment:%b %d %H:%M}" if moment.year == now.year else f"{moment:%Y-%m-%d}"
