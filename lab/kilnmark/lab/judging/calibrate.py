"""How a judge's scores stand to what people voted of the very same pictures: how often they agree, and where they would
agree most often. Nothing is changed by it: bars are set by people.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from kilnmark.lab.judging.axes import PHOTOGRAPHIC
from kilnmark.lab.judging.blind import Vote, scores_of
from kilnmark.lab.judging.report import Calibration, JudgedCell

__all__ = ["calibrated"]

_PASSES = 0.5
"""Half way from being always found out to being taken for real as often as the real one is."""


def calibrated(
    cells: Sequence[JudgedCell], votes: Mapping[str, Sequence[Vote]], bar: float | None
) -> Calibration | None:
    """Hold a judge to people.

    Args:
        cells: What the judge says.
        votes: Of people on the same pictures, by the SHA-256 of the painted one.
        bar: The score that the bars pass; None: they do not say.

    Returns:
        None where no picture has both.
    """
    both = []
    people = set()
    for cell in cells:
        score, cast = cell.score(PHOTOGRAPHIC), votes.get(cell.sha256, ())
        if score is None or not cast or not cell.sha256:
            continue
        people |= {vote.voter for vote in cast}
        said = next(each.score for each in scores_of(cast) if each.axis == PHOTOGRAPHIC)
        both.append((score.score, said >= _PASSES))
    if not both:
        return None
    at = 0.5 if bar is None else bar
    best = min(_cuts(sorted({score for score, _ in both})), key=lambda cut: (-_agreed(both, cut), abs(cut - at)))
    return Calibration(
        axis=PHOTOGRAPHIC,
        cells=len(both),
        people=len(people),
        bar=at,
        agreed=_agreed(both, at),
        best=best,
        best_agreed=_agreed(both, best),
    )


def _agreed(both: Sequence[tuple[float, bool]], cut: float) -> int:
    return sum((score >= cut) is passes for score, passes in both)


def _cuts(scores: Sequence[float]) -> list[float]:
    """One between every two, one that all pass, and one that none does."""
    return [0.0, *((low + high) / 2 for low, high in pairwise(scores)), 1.0 if scores[-1] < 1 else 1.01]
