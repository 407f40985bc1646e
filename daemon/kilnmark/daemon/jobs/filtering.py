"""Which jobs are asked for: the parameters of `jobs.list` as one question that each job's traits are asked.

Only what was asked is looked at, because it is asked of every job that is remembered. Their order, and how many are
told at once, is `listing`'s part.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import reduce

from kilnmark.daemon.jobs.traits import JobTraits
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.job_requests import JobsParams

__all__ = ["Question", "fitting"]

Question = Callable[[JobTraits], bool]

LEAST_HASH = 6
"""Hex digits of a hash that are taken for its beginning."""

_TOLD_TO = 0.001
"""Seconds to which moments are told: what was accepted within one that somebody copied is not after it."""

_DAY = 86_400.0


def fitting(params: JobsParams) -> Question | None:
    """Whether a job is one of those that are asked for; None: each is.

    Raises:
        InvalidParams: a moment is none.
    """
    asked = [*_of_time(params), *_of_style(params), *_of_adapters(params)]
    if params.states:
        states = frozenset(params.states)
        asked.append(lambda job: job.state in states)
    if params.notify:
        asked.append(lambda job: job.is_notified)
    return reduce(_both, asked) if asked else None


def _both(one: Question, other: Question) -> Question:
    """Several times quicker than asking a list of them."""
    return lambda job: one(job) and other(job)


def _of_style(params: JobsParams) -> list[Question]:
    genre, world, tier, variant = params.genre, params.world, params.tier, params.variant
    asked: list[Question] = []
    if genre is not None:
        asked.append(lambda job: job.genre == genre)
    if world is not None:
        asked.append(lambda job: job.world == world)
    if tier is not None:
        asked.append(lambda job: job.tier == tier)
    if variant is not None:
        asked.append(lambda job: job.variant == variant)
    return asked


def _of_adapters(params: JobsParams) -> list[Question]:
    verdict, text = params.verdict, None if params.text is None else params.text.casefold()
    asked: list[Question] = []
    if params.adapter is not None:
        asked.append(_with_adapter(params.adapter))
    if verdict is not None:
        asked.append(lambda job: verdict in job.verdicts)
    if text is not None:
        asked.append(lambda job: text in job.text)
    return asked


def _with_adapter(name: str) -> Question:
    digits = name.lower()
    if len(digits) < LEAST_HASH or not all(digit in "0123456789abcdef" for digit in digits):
        return lambda job: name in job.adapters
    return lambda job: name in job.adapters or any(sha256.startswith(digits) for sha256 in job.sha256s)


def _of_time(params: JobsParams) -> list[Question]:
    asked: list[Question] = []
    if params.since is not None:
        since, _ = _span_of(params.since, "since")
        asked.append(lambda job: job.accepted >= since)
    if params.until is not None:
        _, end = _span_of(params.until, "until")
        asked.append(lambda job: job.accepted < end)
    return asked


def _span_of(told: str, field: str) -> tuple[float, float]:
    """Where a moment or a day begins and ends, in seconds since 1970.

    Raises:
        InvalidParams: it is neither.
    """
    try:
        day = date.fromisoformat(told)
    except ValueError:
        return _moment_of(told, field)
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    return begin, begin + _DAY


def _moment_of(told: str, field: str) -> tuple[float, float]:
    try:
        moment = datetime.fromisoformat(told)
        at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        problem = (
            f"{told!r} is no moment - at `$.params.{field}`; give a day such as 2026-11-28, or a moment such as "
            "2026-11-28T07:30:00Z"
        )
        raise InvalidParams(problem) from error
    return at, at + _TOLD_TO
