"""How quickly a farm paints, and how long what is open takes at that rate. Nothing here asks a broker."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from kilnmark.farm.status.documents import SubmissionStatus

__all__ = ["LATELY", "pictures_a_minute", "seconds_left"]

LATELY = timedelta(minutes=10)
"""What counts for a rate."""


def pictures_a_minute(done: Sequence[datetime], now: datetime) -> float | None:
    """The rate since the first of these pictures; None: there is none.

    Args:
        done: When each was done, all of them lately.
    """
    return _rate(done, min(done), now) if done else None


def seconds_left(
    jobs: int, done: Sequence[datetime], submissions: Sequence[SubmissionStatus], now: datetime
) -> float | None:
    """For so many jobs, at the rate since the first of them was handed in: whoever idled before was not slow.

    Args:
        done: When each picture was done, all of them lately.
        submissions: All there are; those that are open have the jobs.

    Returns:
        Seconds; None where nothing was done since.
    """
    began = [datetime.fromisoformat(each.at) for each in submissions if each.open]
    since = max(min(began, default=now - LATELY), now - LATELY)
    done = [at for at in done if at >= since]
    return round(60 * jobs / _rate(done, since, now), 1) if done else None


def _rate(done: Sequence[datetime], since: datetime, now: datetime) -> float:
    return round(60 * len(done) / max((now - since).total_seconds(), 1.0), 2)
