"""One thing that was looked at, how it is, and what to do about it; and the document that all of them make.

Which things there are, and what is right of them, the modules beside this one say.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from kilnmark.protocol.exits import ExitCode

__all__ = ["DoctorDocument", "Health", "Observation", "fault", "ok", "warning"]


class Health(StrEnum):
    """How something is.

    Attributes:
        OK: As it should be.
        WARNING: It works, and somebody should look at it.
        FAULT: Something will not work until it is mended.
    """

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    Attributes:
        about: What, in a word or two; several may be about the same.
        health: How it is.
        found: What was found.
        mend: What to do; empty where nothing needs to be done.
    """

    about: str
    health: Health
    found: str
    mend: str = ""


def ok(about: str, found: str, mend: str = "") -> Observation:
    """As it should be; `mend` may still say what could be done."""
    return Observation(about=about, health=Health.OK, found=found, mend=mend)


def warning(about: str, found: str, mend: str) -> Observation:
    """It works, and somebody should look at it."""
    return Observation(about=about, health=Health.WARNING, found=found, mend=mend)


def fault(about: str, found: str, mend: str) -> Observation:
    """Something will not work until it is mended."""
    return Observation(about=about, health=Health.FAULT, found=found, mend=mend)


class DoctorDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was looked at; `health` is the worst of it."""

    health: Health
    observations: list[Observation]

    @classmethod
    def of(cls, observations: Iterable[Observation]) -> "DoctorDocument":
        """The document of all observations."""
        observations = list(observations)
        worst = max((each.health for each in observations), key=list(Health).index, default=Health.OK)
        return cls(health=worst, observations=observations)

    @property
    def exit_code(self) -> ExitCode:
        """How the command ends."""
        return _EXITS[self.health]


_EXITS = {Health.OK: ExitCode.DONE, Health.WARNING: ExitCode.WARNED, Health.FAULT: ExitCode.FAILED}
