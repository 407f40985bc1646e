"""How a batch stands: what became of each picture so far, and the counts that the bar, the summary and the exit code
are made of.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from kilnmark.client.batch.run.pinned import PinnedItem
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.errors import AdapterNotEngaged, AdapterRefused

__all__ = ["Became", "ItemEnding", "Tally"]


class Became(StrEnum):
    """What became of a picture.

    Attributes:
        PAINTED: The daemon made it for this batch, or had it.
        FOUND: It was there, finished, and not in the manifest yet.
        KEPT: It is that of an earlier batch; nothing that it is made of has changed.
        FAILED: It could not be had.
        LEFT: The batch ended before its turn.
    """

    PAINTED = "painted"
    FOUND = "found"
    KEPT = "kept"
    FAILED = "failed"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class ItemEnding:
    """How one item ended.

    Attributes:
        message: Why it failed.
        loras: What each adapter did, or was refused for.
        seconds: How long the daemon was at it; None where it had it already, or did not end with a picture.
    """

    became: Became
    message: str = ""
    loras: tuple[AdapterReport, ...] = ()
    seconds: float | None = None


@dataclass(slots=True)
class Tally:
    """The counts.

    Attributes:
        total: Pictures that are to be had.
        endings: Of those that have ended, by their output.
        switches: How often the daemon's next picture had another stack than the one before.
        warnings: What is to be said of the batch as a whole.
        paused: Why the daemon begins none of its pictures at the moment; None: it does.
    """

    total: int = 0
    endings: dict[str, ItemEnding] = field(default_factory=dict)
    switches: int = 0
    warnings: list[str] = field(default_factory=list)
    paused: str | None = None
    _refused: bool = False
    _last: PinnedItem | None = None

    def ended(self, item: PinnedItem, ending: ItemEnding, error: KilnmarkError | None = None) -> None:
        """One more has ended, perhaps with an error of the daemon's."""
        self.endings[item.output] = ending
        self._refused |= isinstance(error, AdapterNotEngaged | AdapterRefused)
        if ending.became is Became.PAINTED:
            self.switches += self._last is not None and self._last.stack != item.stack
            self._last = item

    def ending_of(self, output: str) -> ItemEnding:
        """How a picture ended."""
        return self.endings.get(output, ItemEnding(Became.LEFT))

    def count(self, became: Became) -> int:
        """How many pictures ended so; of `LEFT`, how many have not ended."""
        if became is Became.LEFT:
            return self.total - len(self.endings)
        return sum(ending.became is became for ending in self.endings.values())

    @property
    def verdicts(self) -> Counter[Verdict]:
        """Of the adapters of all pictures that have ended, the refused ones included."""
        return Counter(report.verdict for ending in self.endings.values() for report in ending.loras)

    def exit_code(self, *, problems: bool) -> ExitCode:
        """Adapters go first: they are what nobody would see. `problems`: some sources could not be used."""
        if self._refused:
            return ExitCode.NOT_ENGAGED
        return ExitCode.FAILED if problems or self.count(Became.FAILED) else ExitCode.DONE
