"""The broker's own client, made to wait for no answer where the broker has refused to ask, to come back whatever the
broker hung up with, and to tell nobody who it is before the broker has proven who that is.
"""

import asyncio
import re
import ssl
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


_GARBLED = (AttributeError, LookupError, TypeError, ValueError)
"""What the client stumbles by over the words of what is no broker."""


class Refusals:
    """Requests that wait, given up once the broker says that it does not pass them on, or is gone.

    Attributes:
        denied: Whether the broker is there, and lets these credentials in no more.
    """

    def __init__(self) -> None:
        self.denied = False
        self._waiting: dict[str, set[asyncio.Task[Any]]] = {}
        self._given_up: dict[asyncio.Task[Any], Exception] = {}

    def hear(self, error: Exception) -> bool:
        """Give up whoever waits for what the broker refuses by this. Returns whether somebody did."""
        found = refused_subject(str(error))
        if found is not None and found[0] == "hears" and found[1].lower().startswith("_inbox"):
            return self.lose(error)  # no answer can come
        waiting = () if found is None else self._waiting.get(found[1].lower(), ())
        self._give_up(waiting, error)
        return bool(waiting)

    def lose(self, error: Exception) -> bool:
        """Give up whoever waits at all: the broker that was asked is gone. Returns whether somebody did."""
        waiting = [task for each in self._waiting.values() for task in each]
        self._give_up(waiting, error)
        return bool(waiting)

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


def connection(refusals: Refusals, *, encrypted: bool = False) -> "Client":
    """One that is not connected yet.

    Args:
        refusals: What hears the errors that it tells of.
        encrypted: Speak to no broker that does not encrypt: one that says so is another, or somebody is in between.
    """
    import nats.errors
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

        def _connect_command(self) -> bytes:
            if encrypted and not self._server_info.get("tls_required"):
                raise ssl.SSLCertVerificationError("it does not encrypt")
            return super()._connect_command()

        async def _process_connect_init(self) -> None:
            try:
                await super()._process_connect_init()
            except BaseException as error:
                if self._transport is not None:
                    self._transport.close()  # type: ignore[no-untyped-call]
                    self._transport = None  # the client opens another, and would wait for the end of this for ever
                if isinstance(error, _GARBLED) and not isinstance(error, OSError):  # it would not try again
                    raise nats.errors.Error("what answers there is no broker") from error
                raise

        async def _process_err(self, err_msg: str) -> None:
            if self.is_connected and refused_subject(err_msg) is None:  # the client would hang up for good
                await self._process_op_err(nats.errors.Error(f"nats: {err_msg}"))
                return
            await super()._process_err(err_msg)

    return Heeding()
