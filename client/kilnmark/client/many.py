"""Many renders, a few at a time: which begins when, which is tried again, and in which order they are handed out.

No I/O and no clock: both flavours of the client say what time it is and how each render ended.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kilnmark.client.request import RenderRequest, render_params
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.errors import InvalidParams, QueueFull
from kilnmark.protocol.wire.replies import RenderResult
from kilnmark.protocol.wire.requests import RenderParams

__all__ = ["Rendered", "Turn", "Turns"]

FIRST_PAUSE = 0.2
"""Seconds before a daemon whose queue is full is asked again; doubled each time."""
LONGEST_PAUSE = 5.0


@dataclass(frozen=True)
class Rendered:
    """How one of many renders ended: with a `result` or with an `error`, never both.

    Attributes:
        index: Its place among the requests, counted from 0.
        request: As it was given.
        result: The picture and what every adapter changed.
        error: What `render` would have raised.
    """

    index: int
    request: RenderRequest
    result: RenderResult | None = None
    error: KilnmarkError | None = None


@dataclass(frozen=True, eq=False)
class Turn:
    """One request that is to begin now.

    Attributes:
        index: Its place among the requests, counted from 0.
        request: As it was given.
        params: What the daemon is to be sent.
        since: When it was begun first, on the monotonic clock, in seconds.
    """

    index: int
    request: RenderRequest
    params: RenderParams
    since: float


class Turns:
    """The course of many renders.

    Args:
        requests: Asked for the next one only when there is room for it.
        concurrency: How many may be under way at once.
        ordered: Hand out in the order of the requests; otherwise as they end.
        full_timeout: Seconds for which a render is tried again while the daemon's queue is full; None means no bound.

    Raises:
        ValueError: a number that is no such bound.
    """

    def __init__(
        self, requests: Iterable[RenderRequest], *, concurrency: int, ordered: bool, full_timeout: float | None
    ) -> None:
        if concurrency < 1:
            raise ValueError(f"concurrency is {concurrency}; give 1 or more")
        if full_timeout is not None and full_timeout < 0:
            raise ValueError(f"full_timeout is {full_timeout}; give seconds, or None for no bound")
        self._requests = enumerate(requests)
        self._concurrency = concurrency
        self._ordered = ordered
        self._full_timeout = full_timeout
        self._again: list[Turn] = []
        self._under_way = 0
        self._ended: dict[int, Rendered] = {}
        self._handed_out = 0
        self._exhausted = False
        self._pause = 0.0
        self._resume_at = 0.0

    @property
    def is_over(self) -> bool:
        """Every request has ended and was handed out."""
        return self._exhausted and not (self._under_way or self._again or self._ended)

    def begin(self, now: float) -> Turn | None:
        """The next one to send; None while there is no room for another, or none is left.

        Args:
            now: The monotonic clock's time, in seconds.

        Raises:
            TypeError: A request has a keyword that `render` does not have.
        """
        if self._under_way >= self._concurrency or now < self._resume_at:
            return None
        turn = self._again.pop(0) if self._again else self._next(now)
        self._under_way += turn is not None
        return turn

    def wait(self, now: float) -> float | None:
        """Seconds until `begin` is to be asked again though nothing has ended; None when that would be of no use."""
        left = self._resume_at - now
        return left if left > 0 and self._again else None

    def ended(self, turn: Turn, ending: RenderResult | KilnmarkError, now: float) -> None:
        """One of those that were begun has ended. A full queue is asked again later."""
        self._under_way -= 1
        if isinstance(ending, QueueFull) and self._is_patient(turn, now):
            self._pause = min(max(2 * self._pause, FIRST_PAUSE), LONGEST_PAUSE)
            self._resume_at = now + self._pause
            self._again.append(turn)
            self._again.sort(key=lambda waiting: waiting.index)
            return
        self._pause = 0.0
        if isinstance(ending, KilnmarkError):
            self._ended[turn.index] = Rendered(turn.index, turn.request, error=ending)
        else:
            self._ended[turn.index] = Rendered(turn.index, turn.request, result=ending)

    def ready(self) -> Iterator[Rendered]:
        """Those that can be handed out now, each once."""
        while self._ended:
            index = self._handed_out if self._ordered else next(iter(self._ended))
            if index not in self._ended:
                return
            self._handed_out += 1
            yield self._ended.pop(index)

    def _next(self, now: float) -> Turn | None:
        """The next request that can be sent; those that never could have ended then."""
        for index, request in self._requests:
            try:
                return Turn(index, request, render_params(**request), now)
            except InvalidParams as error:
                self._ended[index] = Rendered(index, request, error=error)
        self._exhausted = True
        return None

    def _is_patient(self, turn: Turn, now: float) -> bool:
        return self._full_timeout is None or now - turn.since < self._full_timeout
