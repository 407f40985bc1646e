"""What the rest of the daemon asks of a journal, and the one where none is kept.

The one that is kept is `journal`'s; which of both there is the daemon decides when it is put together.
"""

from typing import Protocol

from kilnmark.daemon.jobs.events import JobEvent
from kilnmark.protocol.wire.status import JournalInfo

__all__ = ["JournalKeeper", "NoJournal"]


class JournalKeeper(Protocol):
    """What the rest of the daemon asks of a journal, or of there being none.

    Attributes:
        lasts: What is kept outlives the daemon.
    """

    lasts: bool

    def keep(self, event: JobEvent) -> None:
        """An event happened."""

    async def written(self) -> bool:
        """Wait until all that happened so far is on disk; False: it cannot be written now."""

    def check_open(self) -> None:
        """Raises JournalFailed where nothing can be promised to be kept."""

    @property
    def info(self) -> JournalInfo | None:
        """As `status` shows it."""


class NoJournal:
    """Nothing is kept: what was accepted ends with the daemon."""

    lasts = False
    info: JournalInfo | None = None

    def keep(self, event: JobEvent) -> None:
        """Nothing."""

    async def written(self) -> bool:
        """At once."""
        return True

    def check_open(self) -> None:
        """It never fails."""
