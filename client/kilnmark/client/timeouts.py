"""How long a call may wait: the four bounds a client is given, and what is left of them for one call.

Both flavours ask the same objects, so that the same wait ends with the same error; nobody sleeps here.
"""

import math
import time
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from kilnmark.client.errors import ConnectTimeout, RenderTimeout, ReplyTimeout, SilenceTimeout, TimedOut
from kilnmark.protocol.wire.methods import WireMethod

__all__ = ["Bound", "Patience", "Timeouts"]

P = TypeVar("P", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)

_LONGEST_WAIT = 3600.0
"""Seconds: sockets and event loops refuse waits of many years, so a longer one is taken in parts."""


_NAMES = ("connect", "reply", "render", "silence", "start", "away")
_MAY_BE_NONE = ("start", "away")
"""Waits that a caller may want none of."""


@dataclass(frozen=True)
class Bound:
    """So many seconds, and the error that is raised when they are over."""

    seconds: float
    error: type[TimedOut]


@dataclass(frozen=True)
class Patience:
    """What one call may still wait.

    Attributes:
        what: The method, for the error's wording.
        started: When the call began, on the monotonic clock, in seconds.
        whole: Bounds the call from its start to its result.
        silence: Bounds the time in which the daemon sends nothing at all.
    """

    what: str
    started: float
    whole: Bound | None = None
    silence: Bound | None = None

    def left(self, heard_at: float = 0.0) -> float | None:
        """Seconds to wait before asking again, up to the nearest bound; None when there is none.

        Args:
            heard_at: When the daemon's last byte arrived, on the monotonic clock, in seconds.

        Raises:
            TimedOut: the bound's own class, once it is reached.
        """
        now = time.monotonic()
        nearest: float | None = None
        for bound, since in ((self.whole, self.started), (self.silence, max(self.started, heard_at))):
            if bound is None:
                continue
            left = since + bound.seconds - now
            if left <= 0:
                raise bound.error(bound.seconds, self.what)
            nearest = left if nearest is None else min(nearest, left)
        return None if nearest is None else min(nearest, _LONGEST_WAIT)

    def within(self, seconds: float) -> float:
        """A wait for something that is not the daemon's silence, cut to what is left.

        Raises:
            TimedOut: As `left` does.
        """
        left = self.left(time.monotonic())
        return seconds if left is None else min(seconds, left)


@dataclass(frozen=True)
class Timeouts:
    """The bounds of one client, each in seconds; None means no bound.

    Attributes:
        connect: Until the daemon takes the connection.
        reply: Until a short method is answered: ping, status, cancel, shutdown.
        render: One render from the call to its result.
        silence: The time with no byte from the daemon during a render, a warm-up or an inspection. It sends heartbeats
            at most 5 seconds apart, so a bound above that only ends waits on a daemon that hangs.
        start: Until a daemon that was not met yet is there; 0 takes the first answer.
        away: Until a daemon that was met is back, restarted or draining; 0 gives up with the connection.
    """

    connect: float | None = 5.0
    reply: float | None = 30.0
    render: float | None = None
    silence: float | None = 30.0
    start: float | None = 0.0
    away: float | None = 60.0

    def __post_init__(self) -> None:
        for name in _NAMES:
            seconds = getattr(self, name)
            if seconds is not None and not (0 < seconds < math.inf or (seconds == 0 and name in _MAY_BE_NONE)):
                raise ValueError(f"{name}_timeout is {seconds!r}; give a number of seconds, or None for no bound")

    @property
    def keywords(self) -> dict[str, float | None]:
        """The bounds as the keywords of a client's constructor."""
        return {f"{name}_timeout": getattr(self, name) for name in _NAMES}

    def for_connect(self, path: str) -> Patience:
        """The patience of connecting to the socket at a path."""
        return Patience(path, time.monotonic(), whole=_bound(self.connect, ConnectTimeout))

    def for_short(self, what: str) -> Patience:
        """The patience of a method that is answered at once."""
        return Patience(what, time.monotonic(), whole=_bound(self.reply, ReplyTimeout))

    def for_render(self) -> Patience:
        """The patience of one render."""
        silence = _bound(self.silence, SilenceTimeout)
        return Patience("render", time.monotonic(), whole=_bound(self.render, RenderTimeout), silence=silence)

    def for_call(self, method: WireMethod[P, R]) -> Patience:
        """The patience of a method that is no render."""
        return self.for_work(method.name) if method.lasting else self.for_short(method.name)

    def for_work(self, what: str) -> Patience:
        """The patience of a method that lasts as long as its work: a warm-up, an inspection."""
        return Patience(what, time.monotonic(), silence=_bound(self.silence, SilenceTimeout))


def _bound(seconds: float | None, error: type[TimedOut]) -> Bound | None:
    return None if seconds is None else Bound(seconds, error)
