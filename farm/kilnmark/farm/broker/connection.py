"""The broker's own client, that waits for no answer where the broker has refused to ask."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nats.aio.client import Client

__all__ = ["Refusals", "connection", "refused_subject"]

_VIOLATION = re.compile(r'permissions violation for (publish|subscription) to "([^"]+)"', re.IGNORECASE)


def refused_subject(text: str) -> tuple[str, str] | None:
    """What the broker refused by its words: `sends` or `hears`, and the subject; None: they are no refusal."""
    found = _VIOLATION.search(text)
    return None if found is None else ("sends" if found[1].lower() == "publish" else "hears", found[2])


class Refusals:
    """Requests that wait, given up once the broker says that it does not pass them on, or is gone."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Task[Any]]] = {}
        self._given_up: dict[asyncio.Task[Any], Exception] = {}

    def hear(self, error: Exception) -> bool:
        """Give up whoever waits for what the broker refuses by this. Returns whether somebody did."""
        found = refused_subject(str(error))
        waiting = () if found is None else self._waiting.get(found[1].lower(), ())
        self._give_up(waiting, error)
        return bool(waiting)

    def lose(self, error: Exception) -> None:
        """Give up whoever waits at all: the broker that was asked is gone."""
        self._give_up([task for waiting in self._waiting.values() for task in waiting], error)

    def _give_up(self, tasks: Iterable[asyncio.Task[Any]], error: Exception) -> None:
        for task in tasks:
            if task not in self._given_up:
                self._given_up[task] = error
                task.cancel()

    @asynccontextmanager
    async def heeded(self, subject: str) -> AsyncIterator[None]:
        """Within the block, this task waits for an answer to a subject.

        Until Python 3.12, `asyncio.wait_for` loses a cancel that comes with the answer: whoever cancelled this task
        would wait for it for ever.

        Raises:
            Exception: What it was given up for.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("nobody waits outside a task")
        waiting = self._waiting.setdefault(subject.lower(), set())
        waiting.add(task)
        before = task.cancelling()
        try:
            yield
        except asyncio.CancelledError:
            if (reason := self._given_up.get(task)) is not None and task.uncancel() == 0:
                raise reason from None
            raise
        else:
            if task in self._given_up:  # and was answered all the same
                task.uncancel()
            elif task.cancelling() > before:
                raise asyncio.CancelledError
        finally:
            self._given_up.pop(task, None)
            waiting.discard(task)
            if not waiting:
                self._waiting.pop(subject.lower(), None)


def connection(refusals: Refusals) -> "Client":
    """One that is not connected yet.

    Args:
        refusals: What hears the errors that it tells of.
    """
    from nats.aio.client import Client
    from nats.aio.msg import Msg

    class Heeding(Client):
        async def request(
            self,
            subject: str,
            payload: bytes = b"",
            timeout: float = 0.5,  # noqa: ASYNC109  # its own signature
            old_style: bool = False,  # noqa: FBT001, FBT002
            headers: dict[str, Any] | None = None,
        ) -> Msg:
            async with refusals.heeded(subject):
                return await super().request(subject, payload, timeout, old_style, headers)

    return Heeding()
