"""How times, sizes and verdicts look on the panel: words for the templates, no markup."""

from datetime import UTC, datetime

from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.jobs import JobInfo

__all__ = ["bytes_words", "clock", "moment", "seconds_between", "state_class", "time_words", "verdict_class"]

_TENTH = 0.1
_TENTH, _MINUTE, _HOUR, _DAY = 0.1, 60, 3600, 86_400
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024

_VERDICTS = {Verdict.ENGAGED: "good", Verdict.PARTIAL: "open", Verdict.NOOP: "bad", Verdict.REFUSED: "bad"}
_STATES = {
    "ready": "good",
    "done": "good",
    "busy": "open",
    "running": "open",
    "warming": "open",
    "draining": "open",
    "failed": "bad",
    "degraded": "bad",
    "away": "bad",
}


def verdict_class(verdict: Verdict | None) -> str:
    """How a verdict is coloured; None: it has not been judged."""
    return "idle" if verdict is None else _VERDICTS[verdict]


def state_class(state: str) -> str:
    """How the state of a job or of the daemon is coloured."""
    return _STATES.get(state, "idle")


def time_words(seconds: float) -> str:
    """A span of time, in its two largest units."""
    if 0 < seconds < _TENTH:
        return f"{seconds * 1000:.2g} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - seconds below ten have a digit more
    whole = int(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def bytes_words(count: float) -> str:
    """A number of bytes in binary units."""
    for unit in _UNITS[:-1]:
        if count < _STEP:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= _STEP
    return f"{count:.1f} {_UNITS[-1]}"


def moment(text: str) -> str:
    """A time to the second, as people read it."""
    found = _time(text)
    return found.strftime("%Y-%m-%d %H:%M:%S UTC") if found else text


def clock(text: str, now: datetime | None = None) -> str:
    """A time of today without its day, else without its seconds.

    Args:
        text: ISO 8601.
        now: None: this moment.
    """
    found = _time(text)
    if found is None:
        return text
    today = (now or datetime.now(UTC)).date()
    return found.strftime("%H:%M:%S" if found.date() == today else "%Y-%m-%d %H:%M")


def seconds_between(begin: str, end: str) -> float | None:
    """From one time to another; None where one of them is none."""
    one, other = _time(begin), _time(end)
    return None if one is None or other is None else max(0.0, (other - one).total_seconds())


def waited_s(job: JobInfo) -> float | None:
    """How long a job that was painted waited and was prepared before; None where that cannot be told, in seconds."""
    whole = seconds_between(job.accepted, job.ended)
    return None if whole is None or job.painted_ms is None else max(0.0, whole - job.painted_ms / 1000)


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
