"""One request under way on one connection, and the notifications it asked for.

A request that sent no progress token hears nothing before its reply; one that did hears that it is alive at most
five seconds apart, and every step forward once.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from kilnmark.protocol.wire import jsonrpc, work
from kilnmark.protocol.wire.replies import Heartbeat, Progress

__all__ = ["SILENT_STAGES", "Exchange", "Pulse", "RequestId", "position", "progress_total", "stage_words"]

Send = Callable[[bytes], None]
RequestId = str | int | float | None


class Exchange:
    """What a connection knows of one call it is serving.

    Args:
        send: Puts one JSON message on the connection.
        heartbeat_interval: Seconds between heartbeats.
        asked_by: The process that sent it, as the log names it.
        unread: Asked for how many bytes its connection has not been able to hand over yet.

    Attributes:
        unread: As given.
        on_cancel: Called with the reason when the caller gives the request up. None: nothing was accepted yet, so
            ending the task is enough.
        on_lost: Called when the connection is gone.
    """

    def __init__(
        self,
        call: jsonrpc.Call,
        send: Send,
        heartbeat_interval: float,
        asked_by: str = "an unknown process",
        unread: Callable[[], int] = lambda: 0,
    ) -> None:
        self.call = call
        self.asked_by = asked_by
        self.unread = unread
        self.task: asyncio.Task[bytes] | None = None
        self.on_cancel: Callable[[str], None] | None = None
        self.on_lost: Callable[[], None] | None = None
        self.cancelled_because: str | None = None
        self._send = send
        self._heartbeat_interval = heartbeat_interval

    def is_called(self, id_: RequestId) -> bool:
        """The request has this id, however its JSON was written; `1` is not `"1"`."""
        if self.call.id is None:
            return False
        own = msgspec.json.decode(self.call.id)
        return isinstance(own, str) == isinstance(id_, str) and bool(own == id_)

    def cancel(self, reason: str) -> None:
        """Give the request up; its reply says so once the render has stopped."""
        if self.on_cancel is not None:
            self.on_cancel(reason)
        elif self.task is not None:
            self.cancelled_because = reason
            self.task.cancel()

    def lose(self) -> None:
        """There is nobody left to reply to."""
        if self.on_lost is not None:
            self.on_lost()
        if self.task is not None:
            self.task.cancel()

    def tell(self, method: str, note: msgspec.Struct) -> None:
        """Send a notification; whoever asked for none of them, or for no reply, is told none by their method."""
        self._send(jsonrpc.notification(method, note))

    @contextmanager
    def pulse(self, token: str | int | None, job_id: str, state: Callable[[], str]) -> Iterator["Pulse"]:
        """Notifications from now to the end of the block; a request without a token, or without an id, gets none."""
        pulse = Pulse(self._send, None if self.call.id is None else token, job_id, state)
        pulse.beat_every(self._heartbeat_interval)
        try:
            yield pulse
        finally:
            pulse.stop()


class Pulse:
    """Progress that only grows, and a heartbeat.

    Args:
        token: The caller's progress token. None makes every method silent.
        state: Asked at each heartbeat: what the request waits for.
    """

    def __init__(self, send: Send, token: str | int | None, job_id: str, state: Callable[[], str]) -> None:
        self._send = send
        self._token = token
        self._job_id = job_id
        self._state = state
        self._last = -1.0
        self._timer: asyncio.TimerHandle | None = None

    def beat_every(self, seconds: float) -> None:
        """Start the heartbeat; the first comes after one interval."""
        if self._token is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._beat, seconds)

    def stop(self) -> None:
        """Nothing is sent any more."""
        self._token = None
        if self._timer is not None:
            self._timer.cancel()

    def waits(self, stage: str, steps: int) -> None:
        """The render waits: `stage` is one of `SILENT_STAGES`, or `degraded`, which is no further than `warming`."""
        self.reached(SILENT_STAGES.get(stage, 0.0), progress_total(steps), stage)

    def stepped(self, event: work.Stepped) -> None:
        """The worker has come further."""
        self.reached(position(event), progress_total(event.steps), stage_words(event))

    def reached(self, progress: float, total: float, message: str) -> None:
        """So far of so much is done; what is not further than before is not sent."""
        if self._token is None or progress <= self._last:
            return
        self._last = progress
        note = Progress(progress_token=self._token, progress=progress, total=total, message=message)
        self._send(jsonrpc.notification("notifications/progress", note))

    def _beat(self, seconds: float) -> None:
        if self._token is None:
            return
        note = Heartbeat(progress_token=self._token, job_id=self._job_id, state=self._state())
        self._send(jsonrpc.notification("notifications/heartbeat", note))
        self.beat_every(seconds)


SILENT_STAGES = {"warming": 0.0, "paused": 0.25, "queued": 0.5}
"""Where on the scale of `position` a render stands before the worker has it."""

_ADAPTERS, _ENCODE = 1.0, 2.0


def progress_total(steps: int) -> float:
    """The end of the scale: adapters, encode, each denoise step, decode, save, and the reply itself."""
    return steps + 5.0


def position(event: work.Stepped) -> float:
    """Where a render stands on the scale from 0 to `progress_total`; it grows with everything the worker reports."""
    match event.stage:
        case "adapters":
            return _ADAPTERS
        case "encode":
            return _ENCODE
        case "denoise":
            return _ENCODE + (event.step or 0.5)
        case "decode":
            return _ENCODE + event.steps + 1.0
        case "save":
            return _ENCODE + event.steps + 2.0


def stage_words(event: work.Stepped) -> str:
    """The stage as a person reads it: `denoise 2/4`, or the stage's name alone."""
    return f"denoise {event.step}/{event.steps}" if event.stage == "denoise" else event.stage
