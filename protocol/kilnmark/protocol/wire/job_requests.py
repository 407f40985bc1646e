"""The parameters of the methods that are about jobs: which to tell of, to wait for, to follow and to move.

They refuse unknown fields. What such a call is answered with is in `replies` and `watching`.
"""

from typing import Annotated

from msgspec import Meta

from kilnmark.protocol.picture.catalog import Priority
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.call import JobId, Name, Params
from kilnmark.protocol.wire.jobs import JobState
from kilnmark.protocol.wire.stacks import Path

__all__ = ["JobParams", "JobWaitParams", "JobsParams", "MoveParams", "WatchParams"]

Moment = Annotated[str, Meta(min_length=1, max_length=40)]
"""A moment or a day, ISO 8601; without a zone it is UTC."""


class JobsParams(Params, frozen=True, kw_only=True):
    """Which jobs `jobs.list` is to tell of: those that everything given here is true of.

    Attributes:
        cursor: Where to go on: `next` of the page before, with the same parameters. None: at the beginning.
        limit: Jobs to tell of at most.
        states: How far they are: in one of these states. Empty: whatever that is.
        genre, world: Of their style, each by its whole name.
        tier: The kind of picture that was asked for.
        variant: The base that they are painted on, by the name that `jobs.list` tells.
        adapter: One of their stack: its name, or the beginning of its file's hash, 6 hex digits at least.
        verdict: That of one of their adapters.
        text: In their prompt or in the name of one of their adapters, capitals or not.
        since: Accepted then or later: a moment or a day, ISO 8601, in UTC where it has no zone.
        until: Accepted then or before; of a day, until its end.
        notify: Those alone whose end is to be told somewhere (`notify_url`).
    """

    cursor: Annotated[str, Meta(max_length=500)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200
    states: Annotated[list[JobState], Meta(max_length=5)] = []
    genre: Name | None = None
    world: Name | None = None
    tier: Name | None = None
    variant: Path | None = None
    adapter: Name | None = None
    verdict: Verdict | None = None
    text: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    since: Moment | None = None
    until: Moment | None = None
    notify: bool = False


class JobParams(Params, frozen=True, kw_only=True):
    """Which job `jobs.get` is to tell of.

    Attributes:
        job_id: As its render was asked for or as `jobs.list` tells it.
    """

    job_id: JobId


class JobWaitParams(Params, frozen=True, kw_only=True):
    """Which job `jobs.wait` is to wait for.

    Attributes:
        job_id: As that of `jobs.get`.
        timeout: Seconds to wait at most; None waits for as long as the job takes.
    """

    job_id: JobId
    timeout: Annotated[float, Meta(ge=0, le=86_400)] | None = None


class WatchParams(Params, frozen=True, kw_only=True):
    """What `jobs.watch` is to tell of; it needs a progress token, which every notification carries back.

    Attributes:
        previews: Pictures of how far each render is, too, where the daemon makes any.
    """

    previews: bool = False


class MoveParams(Params, frozen=True, kw_only=True):
    """Which job `jobs.move` is to give another priority.

    Attributes:
        job_id: As that of `jobs.get`.
        priority: The new one.
    """

    job_id: JobId
    priority: Priority
