"""What stands around one daemon, in one piece, so that a process, a thread and a test can each give it their own."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from kilnmark.daemon.machine.awake import Awake
from kilnmark.daemon.machine.notify import ServiceManager
from kilnmark.daemon.machine.power import PowerReading, read_power

__all__ = ["Machine"]


@dataclass(frozen=True)
class Machine:
    """The machine that this runs on, with no service manager, unless something else is said.

    Attributes:
        manager: Told how it goes.
        read_power: Asks how its power and its heat are; called in a thread.
        awake: Keeps it awake.
    """

    manager: ServiceManager = field(default_factory=lambda: ServiceManager({}))
    read_power: Callable[[], PowerReading] = field(default_factory=lambda: partial(read_power, sys.platform))
    awake: Awake = field(default_factory=Awake)
