"""Moments and days as people type them, in the time zone of this machine.

What a daemon is told is in UTC, and begins and ends to the millisecond.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

import click

__all__ = ["TypedMoment", "read_moment", "typed_moment"]

_AGO = re.compile(r"(\d{1,6})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_LEAST = timedelta(milliseconds=1)


class TypedMoment(NamedTuple):
    """From when to when a moment or a day is, both in UTC; a moment ends when it begins."""

    begin: datetime
    end: datetime


def typed_moment(value: str) -> TypedMoment:
    """Read a moment of the command line.

    Raises:
        click.BadParameter: it is none.
    """
    try:
        return read_moment(value, datetime.now(UTC).astimezone())
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(
            f"{value!r} is no moment; give a day such as 2026-11-28, today or yesterday, a moment such as "
            "2026-11-28T07:30, or how long ago it is: 90m, 6h, 2d"
        ) from error


def read_moment(value: str, now: datetime) -> TypedMoment:
    """Read a moment, seen from another.

    Args:
        now: In the time zone that is meant where none is named.

    Raises:
        ValueError, OverflowError: it is none.
    """
    if ago := _AGO.fullmatch(value):
        at = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return TypedMoment(at.astimezone(UTC), at.astimezone(UTC))
    if value in {"today", "yesterday"}:
        return _day(now.date() - timedelta(days=value == "yesterday"), now)
    try:
        return _day(date.fromisoformat(value), now)
    except ValueError:
        at = datetime.fromisoformat(value)
    at = (at if at.tzinfo else _local(at, now)).astimezone(UTC)
    return TypedMoment(at, at)


def _day(day: date, now: datetime) -> TypedMoment:
    begin, after = (_local(datetime.combine(each, time()), now) for each in (day, day + timedelta(days=1)))
    return TypedMoment(begin.astimezone(UTC), after.astimezone(UTC) - _LEAST)


def _local(moment: datetime, now: datetime) -> datetime:
    """A moment on the clocks of `now`'s zone; those of this machine may have been set meanwhile, for the summer."""
    own = moment.astimezone()
    return own if now.utcoffset() == now.astimezone(UTC).astimezone().utcoffset() else moment.replace(tzinfo=now.tzinfo)
