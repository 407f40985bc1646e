"""What the review page tells once, above all pictures: what went wrong, by its cause, and what was warned of.

Causes and how many pictures each has; how they look is for the templates.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from kilnmark.client.batch.run.findings import SourceProblem
from kilnmark.client.batch.run.standing import ShownPicture, Standing
from kilnmark.protocol.picture.report import Verdict

__all__ = ["Trouble", "shared_warnings", "told_once", "troubles"]

_SEVERAL = 2
"""Pictures that share a warning, from which on it is told once."""

_ORDER = {
    Verdict.REFUSED: Standing.DEAD,
    Verdict.NOOP: Standing.DEAD,
    Verdict.PARTIAL: Standing.PARTIAL,
    Verdict.ENGAGED: Standing.ENGAGED,
}
"""Worst first, and where its pictures are found."""


class Trouble(NamedTuple):
    """One cause, and the pictures that have it.

    Attributes:
        name: The adapter; empty where none is to blame.
        verdict: The adapter's; None likewise.
        reason: In a sentence.
        pictures: How many.
        standing: Under which they are found.
    """

    name: str
    verdict: Verdict | None
    reason: str
    pictures: int
    standing: Standing

    @property
    def seek(self) -> str:
        """What a search for its pictures is for; empty: their standing says it all."""
        return self.name


def troubles(shown: Sequence[ShownPicture]) -> list[Trouble]:
    """Every cause, adapters first, dead ones before those that are only partly there."""
    adapters: Counter[tuple[str, Verdict, str]] = Counter()
    failures: Counter[str] = Counter()
    for one in shown:
        found = {(report.name, report.verdict, report.reason) for report in one.picture.loras if report.is_in_doubt}
        adapters.update(found)
        if one.file is None and not found:
            failures[one.message] += 1
    order = list(_ORDER)
    causes = sorted(adapters.items(), key=lambda each: (order.index(each[0][1]), -each[1], each[0]))
    told = [Trouble(name, verdict, reason, count, _ORDER[verdict]) for (name, verdict, reason), count in causes]
    lost = [Trouble("", None, message, count, Standing.FAILED) for message, count in failures.most_common()]
    return told + lost


def shared_warnings(shown: Sequence[ShownPicture]) -> dict[str, int]:
    """Warnings that several pictures have, with how many have each."""
    counts = Counter(warning for one in shown if one.file for warning in dict.fromkeys(one.picture.warnings))
    return {warning: count for warning, count in counts.most_common() if count >= _SEVERAL}


def told_once(shown: Sequence[ShownPicture], warnings: Sequence[SourceProblem]) -> frozenset[str]:
    """Warnings of pictures that stand above all of them, so that no card repeats them.

    Args:
        warnings: What the documents were warned of: `NAME: the prompt ...` is what the picture says, too.
    """
    above = [each.message for each in warnings]
    own = {warning for one in shown for warning in one.picture.warnings}
    return frozenset(shared_warnings(shown)) | {each for each in own if any(said.endswith(each) for said in above)}
