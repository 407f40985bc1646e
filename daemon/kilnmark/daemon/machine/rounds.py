"""A look around once a second: the service manager hears how it goes, power is saved, the machine is kept awake, and
renders that wait with adapters which were demoted are ended.

Here it is only put together: what each means stands in the modules beside this one. That the looks come at all shows
that the loop is well.
"""

import asyncio

from kilnmark.daemon.jobs.renders import Renders
from kilnmark.daemon.machine.machine import Machine
from kilnmark.daemon.machine.saving import Saving

__all__ = ["Rounds"]

LOOK_INTERVAL = 1.0
"""Seconds between looks."""

KILL_PATIENCE = 15.0
"""Seconds that a worker which was told to end, or killed, may still be there before the daemon counts as unwell."""

MORE_TIME = 30.0
"""Seconds more that the manager is asked for at each look while the daemon ends in order."""


class Rounds:
    """Looks around from `begin` to `end`.

    Args:
        renders: What there is to do, and the worker.
        machine: What is around the daemon.
        saving: Decides what is paused.

    Attributes:
        held_back: The daemon ends, and whatever it could still begin is paused.
    """

    def __init__(self, renders: Renders, machine: Machine, saving: Saving) -> None:
        self._renders = renders
        self._manager = machine.manager
        self._saving = saving
        self._awake = machine.awake
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.Handle | None = None
        self._lingers_since: float | None = None
        self._well_at: float | None = None
        self._is_ending = False
        self.held_back = asyncio.Event()

    def begin(self) -> None:
        """Clients are served from now on."""
        self._manager.ready()
        self._next = self._loop.call_soon(self._look)

    def ending(self, *, finishes: bool) -> None:
        """The daemon has begun to end.

        Args:
            finishes: What was accepted is painted first however long that takes, what is paused too; else that is left
                to the next daemon.
        """
        self._is_ending = True
        self._manager.stopping()
        self._manager.needs(MORE_TIME)
        if finishes:
            self._saving.lift()
            self._renders.feed()
        self._see_what_is_held_back()

    def end(self) -> None:
        """The daemon has ended."""
        if self._next is not None:
            self._next.cancel()
        self._awake.end()

    def look(self) -> None:
        """Look around once."""
        self._saving.look(self._renders.feed)
        self._renders.retraction.look()
        self._awake.keep(wanted=self._has_work())
        self._see_what_is_held_back()
        if not self._manager.listens:
            return
        self._manager.say(self._words())
        if self._is_ending:
            self._manager.needs(MORE_TIME)
        if self._manager.watchdog is not None and self._is_well():
            self._say_well(self._manager.watchdog)

    def _look(self) -> None:
        self._next = self._loop.call_later(LOOK_INTERVAL, self._look)
        self.look()

    def _has_work(self) -> bool:
        queue = self._renders.queue
        return bool(queue.state.begun) or queue.following() is not None

    def _see_what_is_held_back(self) -> None:
        queue = self._renders.queue
        if self._is_ending and queue.pauses and not self._has_work() and not queue.state.unready:
            self.held_back.set()

    def _say_well(self, watchdog: float) -> None:
        """Twice as often as the manager wants to hear it, as `sd_watchdog_enabled(3)` advises."""
        now = self._loop.time()
        if self._well_at is None or now - self._well_at + LOOK_INTERVAL > watchdog / 2:
            self._well_at = now
            self._manager.well()

    def _is_well(self) -> bool:
        """A worker that not even SIGKILL ends holds the device: only another daemon can be well again."""
        if not self._renders.worker.lingers:
            self._lingers_since = None
            return True
        if self._lingers_since is None:
            self._lingers_since = self._loop.time()
        return self._loop.time() - self._lingers_since < KILL_PATIENCE

    def _words(self) -> str:
        queue = self._renders.queue.state.info
        state = "going down" if self._is_ending else self._renders.worker.state
        words = [state, f"{queue.running} under way", f"{queue.high + queue.normal + queue.low} waiting"]
        words += [f"{priority} paused: {reason}" for priority, reason in self._renders.queue.pauses.reasons.items()]
        if (problem := self._renders.worker.last_error) is not None:
            words.append(f"last trouble: {problem}")
        return "; ".join(words)
