"""Whom the doctor looks at: an installation, and the daemon that runs at the socket or would be started here.

What each module needs to know of it is found out once, here; nothing is judged.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from kilnmark.client.cli.doctor.packages import Required, has_daemon, required
from kilnmark.client.errors import DaemonUnavailable
from kilnmark.client.sync import Client
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.examined import EngineExamined, JournalExamined
from kilnmark.protocol.wire.status import StatusResult

if TYPE_CHECKING:
    from kilnmark.protocol.settings import Settings

__all__ = ["Patient", "Unasked"]

REPLY_TIMEOUT = 5.0
"""Seconds that a daemon may take for its status: one that is well takes a few milliseconds."""

PROGRAM_TIMEOUT = 120.0
"""Seconds that the engine may take: on a card that was never used its first kernel is compiled for that long."""

_ENGINE = ("kilnmark.engine.examine",)
_JOURNAL = "kilnmark.daemon.journal.examine"

_Answer = TypeVar("_Answer", EngineExamined, JournalExamined)


@dataclass(frozen=True)
class Unasked:
    """Nothing was answered.

    Attributes:
        reason: In the words of who should have.
    """

    reason: str


@dataclass
class Patient:
    """Everything that is looked at.

    Attributes:
        socket: Where a daemon listens, or would.
        settings: What a daemon would be started with here; None: they are wrong.
        problem: What is wrong with them.
        online: The hub may be asked.
        env: The variables.
        platform: As `sys.platform` names it.
        python: The interpreter that the parts are started with.
    """

    socket: str
    settings: "Settings | None"
    problem: str = ""
    online: bool = False
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    platform: str = sys.platform
    python: str = sys.executable

    @cached_property
    def packages(self) -> list[Required]:
        """What this product asks for."""
        return required()

    @property
    def can_serve(self) -> bool:
        """Whether somebody meant to run a daemon of this installation."""
        return has_daemon(self.packages)

    @cached_property
    def answer(self) -> StatusResult | KilnmarkError:
        """What the daemon says of itself; the error, where there is none or it cannot be asked."""
        try:
            with Client(self.socket, connect_timeout=2.0, reply_timeout=REPLY_TIMEOUT, away_timeout=0.0) as client:
                return client.status()
        except KilnmarkError as error:
            return error

    @property
    def status(self) -> StatusResult | None:
        """The same, where a daemon answered."""
        return self.answer if isinstance(self.answer, StatusResult) else None

    @property
    def is_alone(self) -> bool:
        """Whether nobody listens at the socket, not even somebody who does not answer."""
        return isinstance(self.answer, DaemonUnavailable)

    @cached_property
    def engine(self) -> EngineExamined | Unasked:
        """What MLX computes on here, found out by a process of the engine's own."""
        return self._ask(_ENGINE, EngineExamined)

    def journal(self, path: Path) -> JournalExamined | Unasked:
        """What a daemon would make of a journal that none has open."""
        return self._ask((_JOURNAL, str(path)), JournalExamined)

    def _ask(self, program: Sequence[str], answer: type[_Answer]) -> _Answer | Unasked:
        """Run a module of a part that is not imported here, and read the last line it says.

        `-P` keeps the current folder off its path, as where the daemon is started.
        """
        command = [self.python, "-P", "-m", *program]
        try:
            done = subprocess.run(  # noqa: S603 - our own program
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=PROGRAM_TIMEOUT,
                env=self.env,
            )
        except subprocess.TimeoutExpired:
            return Unasked(f"it said nothing for {PROGRAM_TIMEOUT:g} s")
        except (OSError, ValueError) as error:
            return Unasked(str(error))
        try:
            return msgspec.json.decode((done.stdout.splitlines() or [b""])[-1], type=answer)
        except msgspec.DecodeError:
            return Unasked(_last_words(done))


def _last_words(done: "subprocess.CompletedProcess[bytes]") -> str:
    lines = [line for line in done.stderr.decode(errors="backslashreplace").splitlines() if line.strip()]
    how = f"it was ended by signal {-done.returncode}" if done.returncode < 0 else f"it left with {done.returncode}"
    return lines[-1].strip() if lines and done.returncode >= 0 else how
