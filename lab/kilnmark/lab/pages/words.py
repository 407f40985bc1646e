"""How times and marks look on pages: words for the templates, no markup."""

from datetime import UTC, datetime

from kilnmark.lab.figures.words import time_words

__all__ = ["moment", "seconds_between", "since"]

_DAY, _MINUTE = 86400, 60


def since(text: str, now: datetime | None = None) -> str:
    """How long ago a time of a state is; empty where it is none.

    Args:
        text: ISO 8601.
        now: None: this moment.
    """
    found = _time(text)
    if found is None:
        return ""
    seconds = ((now or datetime.now(UTC)) - found).total_seconds()
    days = int(seconds // _DAY)
    if days:
        return f"{days} day{'' if days == 1 else 's'} ago"
    return f"{time_words(seconds)} ago" if seconds >= _MINUTE else "just now"


def moment(text: str) -> str:
    """A time to the minute, as people read it."""
    found = _time(text)
    return found.strftime("%Y-%m-%d %H:%M UTC") if found else text


def seconds_between(begin: str, end: str | None) -> float | None:
    """From one time of a state to another; None where one of them is none."""
    one, other = _time(begin), _time(end or "")
    return None if one is None or other is None else max(0.0, (other - one).total_seconds())


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
