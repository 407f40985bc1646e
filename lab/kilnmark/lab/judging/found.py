"""What a judge, whoever it is, has found of one cell so far: data alone."""

import msgspec

from kilnmark.lab.judging.report import Score

__all__ = ["CellFound"]


class CellFound(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one cell beside its picture.

    Attributes:
        scores: By axis; empty: none yet.
        answers: To the questions.
        why: Why there are none; empty: it is still to be judged.
        is_open: Whether it will be judged by itself all the same, once what `why` says has come.
        references: What it was held beside, where the judge chose itself.
        cost: Of judging it.
    """

    scores: tuple[Score, ...] = ()
    answers: tuple[bool, ...] = ()
    why: str = ""
    is_open: bool = False
    references: tuple[str, ...] | None = None
    cost: float = 0.0

    def line(self) -> str:
        """In a line, for people."""
        return ", ".join(f"{score.axis} {score.score:.2f}" for score in self.scores) or self.why or "not judged yet"
