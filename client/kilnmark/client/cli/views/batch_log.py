"""How a batch is told of where stderr is no terminal: a line a picture as it ends, so that a night's log can be read.

The bar for people who look on is `batch`'s, and what became of all of them is told there in the end.
"""

from itertools import islice

from kilnmark.client.batch.run.tally import Became, ItemEnding, Tally
from kilnmark.client.cli.views.document import write_line
from kilnmark.protocol.picture.report import AdapterReport, Verdict

__all__ = ["BatchLog", "line_of"]


class BatchLog:
    """Tells on stderr of every ending once. Pictures that are kept are told of together: there may be thousands.

    Args:
        tally: Looked at when something has changed.
    """

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._told = 0
        self._kept = 0

    def move(self) -> None:
        """Tell of what has ended since the last call."""
        for output, ending in islice(self._tally.endings.items(), self._told, None):
            if ending.became is Became.KEPT:
                self._kept += 1
            else:
                self.tell_kept()
                write_line(f"{self._told + 1} of {self._tally.total}: {output} {line_of(ending)}", aside=True)
            self._told += 1

    def tell_kept(self) -> None:
        """Tell of those kept since the last line."""
        if self._kept:
            write_line(f"{self._told} of {self._tally.total}: {self._kept} kept as they are", aside=True)
        self._kept = 0


def line_of(ending: ItemEnding) -> str:
    """What became of a picture, in a few words; adapters that engaged are not worth telling."""
    if ending.became is Became.FAILED:
        return f"failed: {ending.message}"
    took = "" if ending.seconds is None else f" in {ending.seconds:.1f} s"
    doubts = [_doubt(report) for report in ending.loras if report.is_in_doubt]
    return "; ".join([f"{ending.became.value}{took}", *doubts])


def _doubt(report: AdapterReport) -> str:
    if report.verdict is Verdict.ENGAGED:
        return f"{report.name}: {report.reason}"
    return f"{report.name} is {report.verdict.value}"
