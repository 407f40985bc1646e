"""One call however often it has to be sent, and the renders that were left with no daemon there to be told.

No I/O: both flavours of the client say what they heard and what they lost. What waits between two attempts stands in
`dial`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import msgspec

from kilnmark.client.connection import Answered, Progressed, Watched
from kilnmark.client.dial import Absence
from kilnmark.client.errors import ConnectionLost
from kilnmark.client.request import resumed
from kilnmark.protocol.wire.errors import Draining, NoWorker
from kilnmark.protocol.wire.methods import RENDER, WireMethod
from kilnmark.protocol.wire.requests import RenderParams

__all__ = ["Attempts", "Uncancelled"]

P = TypeVar("P", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)


class Attempts(Generic[P, R]):
    """One call.

    Args:
        away: Seconds for which a daemon that went away is asked for again; None means no bound.

    Attributes:
        params: What is to be sent next.
        is_left: A daemon may have the call, and was not told that it is given up.
    """

    def __init__(self, method: WireMethod[P, R], params: P, away: float | None) -> None:
        self.params = params
        self.is_left = False
        self._method = method
        self._absence = Absence(away)
        self._furthest = -1.0

    def sent(self, request: int) -> int:
        """It was sent as this request."""
        self.params, self.is_left = resumed(self.params), True
        return request

    def is_news(self, event: Progressed | Watched | Answered) -> bool:
        """Whether an event tells more than those of earlier attempts did."""
        self._absence.end()
        if isinstance(event, Answered):
            self.is_left = False
            return True
        if isinstance(event, Watched):
            return True
        is_further = event.progress.progress > self._furthest
        self._furthest = max(self._furthest, event.progress.progress)
        return is_further

    def pause(self, error: ConnectionLost | Draining | NoWorker, *, was_left: bool) -> float:
        """Seconds to wait before it is sent again.

        Args:
            error: What it ended with.
            was_left: The client itself hung up.

        Raises:
            KilnmarkError: that error, where it is not to be sent again.
        """
        is_for_now = True
        if isinstance(error, Draining | NoWorker):
            self.is_left = error.detail == {"kept": True}
            is_for_now = error.retryable
        if was_left or not (is_for_now and self._method.repeatable):
            self.is_left = False
            raise error
        return self._absence.pause(error)


class Uncancelled:
    """The renders of one client that it gave up while no daemon could be told."""

    def __init__(self) -> None:
        self._jobs: list[str] = []

    @property
    def jobs(self) -> tuple[str, ...]:
        """Their ids, in the order in which they were given up."""
        return tuple(self._jobs)

    @contextmanager
    def noting(self, method: WireMethod[P, R], params: P, away: float | None) -> Iterator[Attempts[P, R]]:
        """One call, noted where it is left behind; the arguments are those of `Attempts`."""
        attempts = Attempts(method, params, away)
        try:
            yield attempts
        finally:
            job_id = params.job_id if method.name == RENDER.name and isinstance(params, RenderParams) else None
            if attempts.is_left and job_id is not None:
                self._jobs.append(job_id)
