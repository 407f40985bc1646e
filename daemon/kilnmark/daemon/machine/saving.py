"""What is paused to save power or to let the machine cool, and what is told of it.

The machine is asked now and then, off the loop, and only where the settings ask for it. `Pauses` has the outcome;
whose turn it is then is the queue's.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from kilnmark.daemon.clock import Clock
from kilnmark.daemon.jobs.pauses import Pauses
from kilnmark.daemon.machine.power import PowerReading
from kilnmark.protocol.picture.catalog import PRIORITIES, Priority
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.status import PowerInfo

__all__ = ["Saving", "reasons_of"]

_log = logging.getLogger(__name__)

READ_INTERVAL = 15.0
"""Seconds between readings."""

COOLING = 60.0
"""Seconds without heat after which the machine counts as cool: one that was just relieved is cool at once, and hot
again as soon as it works."""

PAUSED: Mapping[str, tuple[Priority, ...]] = {"none": (), "low": ("low",), "all": PRIORITIES}
"""Which priorities each word of the settings pauses."""


class Saving:
    """Pauses what the settings want paused, as long as the machine is as they say.

    Args:
        pauses: Where it is said.
        clock: Tells how long it has been cool.
        read: Asks the machine; called in a thread.
    """

    def __init__(self, settings: Settings, pauses: Pauses, clock: Clock, read: Callable[[], PowerReading]) -> None:
        self._settings = settings
        self._pauses = pauses
        self._clock = clock
        self._read = read
        self._reading: asyncio.Task[None] | None = None
        self._read_at: float | None = None
        self._hot_at: float | None = None
        self._hot: str | None = None
        self._lifted = False

    def heed(self, settings: Settings) -> None:
        """Go by other settings, from the next look on."""
        self._settings, self._read_at = settings, None

    def lift(self) -> None:
        """Pause nothing any more: the daemon ends, and what is to be painted first is painted now."""
        self._lifted = True
        self._set(None, {})

    def look(self, go_on: Callable[[], None]) -> None:
        """See whether it is time to ask the machine.

        Args:
            go_on: Called when something may be begun that could not before.
        """
        now = self._clock.monotonic()
        is_due = self._read_at is None or now - self._read_at >= READ_INTERVAL
        if not is_due or (self._reading is not None and not self._reading.done()):
            return
        self._read_at = now
        if not self._is_asked:
            self._hot = self._hot_at = None
            if self._set(None, {}):
                go_on()
            return
        self._reading = asyncio.get_running_loop().create_task(self._ask(go_on))

    @property
    def _is_asked(self) -> bool:
        return {self._settings.pause_on_battery, self._settings.pause_when_hot} != {"none"}

    async def _ask(self, go_on: Callable[[], None]) -> None:
        reading = await asyncio.to_thread(self._read)
        now = self._clock.monotonic()
        if reading.hot is not None:
            self._hot, self._hot_at = reading.hot, now
        elif self._hot_at is not None and now - self._hot_at >= COOLING:
            self._hot = self._hot_at = None
        reasons = {} if self._lifted else reasons_of(self._settings, reading, self._hot)
        if self._set(reading, reasons):
            go_on()

    def _set(self, reading: PowerReading | None, reasons: Mapping[Priority, str]) -> bool:
        """Whether something may be begun now that could not before."""
        self._pauses.power = None if reading is None else _told(reading, self._hot, reasons)
        if reasons.keys() != self._pauses.reasons.keys():
            told = "; ".join(f"{priority}: {reason}" for priority, reason in reasons.items())
            _log.info("paused by priority: %s", told or "none")
        return self._pauses.set(reasons)


def _told(reading: PowerReading, hot: str | None, reasons: Mapping[Priority, str]) -> PowerInfo:
    paused = [priority for priority in PRIORITIES if priority in reasons]
    because = reasons[paused[0]] if paused else None
    return PowerInfo(on_battery=reading.on_battery, charge=reading.charge, hot=hot, paused=paused, because=because)


def reasons_of(settings: Settings, reading: PowerReading, hot: str | None) -> Mapping[Priority, str]:
    """What is paused, and why: `Pauses.reasons`. A machine that does not say how it is pauses nothing."""
    found: dict[Priority, str] = {}
    if reading.on_battery:
        left = "" if reading.charge is None else f", {reading.charge}% left"
        found |= dict.fromkeys(PAUSED[settings.pause_on_battery], f"on battery{left}")
    if hot is not None:
        found |= dict.fromkeys(PAUSED[settings.pause_when_hot], hot)
    return found
