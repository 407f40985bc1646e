"""Which priorities are not begun at the moment, and why.

Who pauses them is `machine`'s part; who heeds it, `queue`'s.
"""

from collections.abc import Mapping
from types import MappingProxyType

from kilnmark.protocol.picture.catalog import PRIORITIES, Priority
from kilnmark.protocol.wire.status import PowerInfo

__all__ = ["Pauses"]

_NONE: Mapping[Priority, str] = MappingProxyType({})


class Pauses:
    """The one place that says what is paused; empty where nothing is.

    Attributes:
        reasons: By priority, as a clause: `on battery, 41% left`.
        power: The machine that they follow from, as `status` tells of it; None: nobody asked it.
    """

    def __init__(self) -> None:
        self.reasons = _NONE
        self.power: PowerInfo | None = None

    def __bool__(self) -> bool:
        return bool(self.reasons)

    def set(self, reasons: Mapping[Priority, str]) -> bool:
        """Pause these and no others; whether any goes on that was paused before."""
        goes_on = not self.reasons.keys() <= reasons.keys()
        self.reasons = reasons
        return goes_on

    def reason(self, level: int) -> str | None:
        """Why a render of that level is not begun; None: it may be.

        Args:
            level: The highest priority of its jobs, as `OpenRender.level` has it, however long it has waited.
        """
        return self.reasons.get(PRIORITIES[level])
