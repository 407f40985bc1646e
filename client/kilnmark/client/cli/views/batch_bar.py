"""What a person sees while a batch is painted: how far it is and what is wrong, first what must not be cut off.

Where stderr is no terminal, `batch_log` tells of each picture in a line there.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from kilnmark.client.batch.run.tally import Became, Tally
from kilnmark.client.cli.views.batch import counted, engagement
from kilnmark.client.cli.views.batch_log import BatchLog
from kilnmark.client.cli.views.tables import console, plain
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.printable import printable

__all__ = ["batch_bar", "standing_words", "time_words"]


_ROUGHLY = 90
"""Seconds, and minutes, from which on the next larger unit is exact enough."""


@contextmanager
def batch_bar(tally: Tally) -> Iterator[Callable[[], None]]:
    """Show how a batch stands while the block runs; it moves when the yielded function is called.

    Dead adapters and failures are told of above it, each sentence once.
    """
    if not sys.stderr.isatty():
        log = BatchLog(tally)
        try:
            yield log.move
        finally:
            log.tell_kept()
        return
    from rich import progress as rich

    columns = (
        rich.TextColumn("{task.description}", markup=False),
        rich.BarColumn(bar_width=None),
    )
    screen = console(stderr=True)
    with rich.Progress(*columns, console=screen, transient=True, expand=True) as bar:
        task, alarms = bar.add_task("batch", total=None), _Alarms(tally, screen)
        began = time.monotonic()

        def move() -> None:
            alarms.tell()
            words = standing_words(tally, time.monotonic() - began)
            bar.update(task, description=words, total=tally.total, completed=len(tally.endings))

        yield move


def standing_words(tally: Tally, elapsed: float) -> str:
    """How a batch stands: what counts most comes first, since a narrow terminal cuts off what does not fit.

    Args:
        tally: Of it.
        elapsed: Since it began to paint, in seconds.
    """
    done, worked = len(tally.endings), tally.count(Became.PAINTED) + tally.count(Became.FAILED)
    head = f"{done}/{tally.total}"
    if tally.paused is not None:
        head += f", paused: {tally.paused}"
    elif worked and done < tally.total:
        head += f", {time_words(elapsed / worked * (tally.total - done))} left"
    failed = tally.count(Became.FAILED)
    parts = [head, *([f"{failed} failed"] if failed else [])]
    parts += [counted(tally.switches, "change") + " of stack", engagement(tally.verdicts.elements())]
    return printable("; ".join(parts))


def time_words(seconds: float) -> str:
    """A stretch of time, as exactly as anybody wants to know it: `40 s`, `12 min`, `3 h 20 min`."""
    if seconds < _ROUGHLY:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < _ROUGHLY:
        return f"{minutes} min"
    return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")


class _Alarms:
    """Tells of what went wrong as soon as it did: adapters that do not engage, and other failures, each once."""

    def __init__(self, tally: Tally, screen: Console) -> None:
        self._tally = tally
        self._screen = screen
        self._looked_at = 0
        self._told: set[str] = set()

    def tell(self) -> None:
        """Tell of what has ended since the last call."""
        endings = list(self._tally.endings.items())[self._looked_at :]
        self._looked_at += len(endings)
        for output, ending in endings:
            dead = [report for report in ending.loras if report.verdict is not Verdict.ENGAGED]
            for report in dead:
                self._once("dead    ", f"{report.name} is {report.verdict.value}: {report.reason}")
            if ending.became is Became.FAILED and not dead:
                self._once("failed  ", f"{output}: {ending.message}")

    def _once(self, word: str, said: str) -> None:
        if said not in self._told:
            self._told.add(said)
            self._screen.print(Text.assemble((word, "bold red"), plain(said)), soft_wrap=True)
