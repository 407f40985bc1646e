"""Jobs in the order in which they are listed, a page at a time: no request walks the whole queue.

First those of the renders that the worker has, then those that wait, by priority and age, then those that are being
looked into, then the ended ones, the latest first. Where a page ends is told as a text that means nothing to callers.
Which pictures jobs have in use is found in the same way.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from kilnmark.daemon.jobs.filtering import Question
from kilnmark.daemon.jobs.jobs import Job, OpenRender, open_job
from kilnmark.daemon.jobs.line import LinePlace
from kilnmark.daemon.jobs.remembered import LOOKED_AT
from kilnmark.daemon.jobs.state import QueueState
from kilnmark.daemon.jobs.traits import traits_of
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.replies import RenderResult

__all__ = ["JobsPage", "first_jobs", "page_of", "painted", "pictures_in_use"]


class JobsPage(NamedTuple):
    """Some jobs, and where those begin that come after them; None: there are none."""

    jobs: list[Job]
    next: str | None


class _PageEnd(NamedTuple):
    """Behind which job a page ends: its section, its render there, and how many jobs of that were listed."""

    section: Annotated[int, Meta(ge=0, le=3)]
    place: LinePlace
    listed: Annotated[int, Meta(ge=0)]


_NOWHERE = LinePlace(-1, 0.0, 0)
_BEGUN, _READY, _UNREADY, _ENDED = range(4)
_BEGIN = _PageEnd(_BEGUN, _NOWHERE, 0)


def page_of(state: QueueState, cursor: str | None, limit: int, fits: Question | None = None) -> JobsPage:
    """One page, or the beginning of one where few of many jobs fit: then it has fewer than it may, and a next one.

    Args:
        cursor: Where it begins, as another page tells it; None: at the beginning.
        limit: Jobs on it at most.
        fits: Whether a job is one of those that are asked for; None: each is.

    Raises:
        InvalidParams: no page ends there.
    """
    jobs: list[Job] = []
    mark = last = _BEGIN if cursor is None else _decoded(cursor)
    for at, job in _jobs(state, mark, fits):
        if len(jobs) == limit:
            return JobsPage(jobs, _encoded(last))
        if job is None:
            return JobsPage(jobs, _encoded(at))
        jobs.append(job)
        last = at
    return JobsPage(jobs, None)


def first_jobs(state: QueueState, limit: int) -> list[Job]:
    """The first open jobs."""
    return [job for _, job in islice(_open_jobs(state, _BEGIN), limit)]


def painted(state: QueueState) -> list[RenderResult]:
    """What was painted for the jobs that are remembered, the oldest first."""
    ended = [job.ended for job in reversed(state.ended_jobs) if job.ended is not None]
    return [one.result for one in ended if one.result is not None and not one.result.cached]


def _jobs(state: QueueState, mark: _PageEnd, fits: Question | None) -> Iterator[tuple[_PageEnd, Job | None]]:
    """Those that are asked for, and now and then a place without a job, to tell how far it is looked."""
    for count, (at, job) in enumerate(_open_jobs(state, mark), 1):
        if fits is None or fits(traits_of(job)):
            yield at, job
        elif count % LOOKED_AT == 0:
            yield at, None
    number = mark.place.place if mark.section == _ENDED else None
    ended = state.ended.before(number) if fits is None else state.ended.fitting(fits, number)
    for place, found in ended:
        yield _PageEnd(_ENDED, LinePlace(0, 0.0, place), 0), found


def _open_jobs(state: QueueState, mark: _PageEnd) -> Iterator[tuple[_PageEnd, Job]]:
    for section in range(mark.section, _ENDED):
        begin = mark if section == mark.section else _PageEnd(section, _NOWHERE, 0)
        for place, render in _renders(state, section, begin.place):
            listed = begin.listed if place == begin.place else 0
            for count, facts in enumerate(islice(render.jobs.values(), listed, None), listed + 1):
                yield _PageEnd(section, place, count), open_job(facts, render)


def _renders(state: QueueState, section: int, first: LinePlace) -> Iterator[tuple[LinePlace, OpenRender]]:
    """The renders of one section, from a place on."""
    match section:
        case 0:
            begun = enumerate(state.begun)
            yield from ((LinePlace(0, 0.0, i), render) for i, render in begun if LinePlace(0, 0.0, i) >= first)
        case 1:
            yield from state.line.since(first)
        case _:
            for render in state.unready_renders:
                if (place := LinePlace(0, 0.0, render.place)) >= first:
                    yield place, render


def _encoded(mark: _PageEnd) -> str:
    return msgspec.json.encode(mark).hex()


def _decoded(cursor: str) -> _PageEnd:
    try:
        return msgspec.json.decode(bytes.fromhex(cursor), type=_PageEnd)
    except (ValueError, msgspec.DecodeError) as error:
        problem = f"{cursor[:80]!r} is no end of a page - at `$.params.cursor`; give `next` of the page before, or null"
        raise InvalidParams(problem) from error


def pictures_in_use(state: QueueState, since: float) -> Iterator[str]:
    """The files of pictures that open jobs are made of, and of those that somebody was given since a moment.

    Args:
        state: Of the queue.
        since: By the wall clock, in seconds since 1970. A picture that was found again may be far older.
    """
    for job in state.open_jobs:
        yield from filter(None, (job.facts.command.init_image, *job.facts.command.reference_images))
    for job in state.ended_jobs:
        if job.ended is None or job.ended.at < since:
            return
        if job.ended.result is not None:
            yield job.ended.result.image_path
