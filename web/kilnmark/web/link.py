"""The daemon as the web process sees it: one client for everybody, and whether anybody answers there.

It is a client of the socket like any other. What is made of its answers is known to whoever asks.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from kilnmark.client.aio import AsyncClient
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.status import StatusResult

__all__ = ["DaemonLink", "DaemonStanding"]

_log = logging.getLogger(__name__)

INTERVAL: Final = 1.0
"""Seconds between two looks at the daemon."""


class DaemonStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How the daemon was when it was looked at last.

    Attributes:
        status: What it said; None: it did not answer.
        problem: Why it did not, in a sentence; empty: it did.
    """

    status: StatusResult | None = None
    problem: str = "the daemon has not been asked yet"

    @property
    def is_ready(self) -> bool:
        """A render that is asked for now is taken, and a base is there for it."""
        return self.status is not None and self.status.state in {"ready", "busy"}


class DaemonLink:
    """One daemon, looked at all the time and asked as often as anybody likes.

    Args:
        socket: The daemon's; None: where it listens when nobody says otherwise.
        make: A client that waits for an absent daemon no longer than it must; None: a real one.

    Attributes:
        standing: How the daemon was at the last look.
    """

    def __init__(self, socket: str | None, make: Callable[[str | None], AsyncClient] | None = None) -> None:
        self._socket = socket
        self._make = make or _impatient
        self._client: AsyncClient | None = None
        self._looking: asyncio.Task[None] | None = None
        self._changed: set[Callable[[DaemonStanding], None]] = set()
        self.standing = DaemonStanding()

    @property
    def client(self) -> AsyncClient:
        """The client that everybody shares; its errors are theirs to tell."""
        if self._client is None:
            self._client = self._make(self._socket)
        return self._client

    def on_change(self, heard: Callable[[DaemonStanding], None]) -> None:
        """Have somebody told whenever the daemon is otherwise than it was."""
        self._changed.add(heard)

    async def begin(self) -> None:
        """Look at once, and go on."""
        await self._look()
        self._looking = asyncio.create_task(self._look_on())

    async def end(self) -> None:
        """Look no more, and hang up."""
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
        if self._client is not None:
            await self._client.close()

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                await self._look()
            except Exception:  # noqa: BLE001 - whoever hears of it must not end the looking
                _log.exception("a look at the daemon met a defect; the next is taken all the same")

    async def _look(self) -> None:
        try:
            found = DaemonStanding(status=await self.client.status(), problem="")
        except (KilnmarkError, OSError) as error:
            found = DaemonStanding(problem=str(error))
        if bool(found.problem) != bool(self.standing.problem):
            _log.info("the daemon answers" if not found.problem else "the daemon is away: %s", *_words(found))
        before, self.standing = self.standing, found
        if found != before:
            for heard in list(self._changed):
                heard(found)


def _words(found: DaemonStanding) -> tuple[str, ...]:
    return (found.problem,) if found.problem else ()


def _impatient(socket: str | None) -> AsyncClient:
    """Whoever waits for a page is told that the daemon is away rather than kept waiting for it."""
    return AsyncClient(socket, connect_timeout=2.0, reply_timeout=10.0, start_timeout=0.0, away_timeout=0.0)
