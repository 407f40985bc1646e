"""What people's votes come to as scores, once enough of them have voted; and their votes on pictures of other judgings.

How they vote is `blind`'s part.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from kilnmark.lab.judging.axes import IDENTITY
from kilnmark.lab.judging.blind import BlindJudging, Vote, scores_of
from kilnmark.lab.judging.found import CellFound
from kilnmark.lab.judging.report import JUDGEMENT, JudgementReport, read_judgement
from kilnmark.lab.run.folder import Run

__all__ = ["people_found", "votes_by_picture"]


def people_found(run: Run, folder: Path, report: JudgementReport) -> dict[str, CellFound]:
    """What people say of each pair of a judging.

    Args:
        run: Whose; it says how many people have to vote.
        folder: The judging's own.
        report: Its pairs.
    """
    wanted = run.plan.judge.voters
    return {pair: _found(votes, wanted) for pair, votes in BlindJudging(run.folder, folder, report).standing().items()}


def votes_by_picture(run: Path) -> Mapping[str, list[Vote]]:
    """The votes of all judgings of a run, by the SHA-256 of the painted picture.

    Args:
        run: The run's folder.
    """
    found: dict[str, list[Vote]] = {}
    for path in sorted((run / "report").glob(f"judge-*/{JUDGEMENT}")):
        report = read_judgement(path.parent)
        if report is None:
            continue
        shown = {cell.name: cell.sha256 for cell in report.cells}
        for pair, votes in BlindJudging(run, path.parent, report).standing().items():
            found.setdefault(shown[pair], []).extend(votes)
    return found


def _found(votes: Sequence[Vote], wanted: int) -> CellFound:
    voters = len({vote.voter for vote in votes})
    scores = scores_of(votes) if votes else ()
    if voters < wanted:
        return CellFound(why=f"{voters} of {wanted} people voted", is_open=True)
    if IDENTITY not in {score.axis for score in scores}:
        return CellFound(why="nobody said whether it is the same", is_open=True)
    return CellFound(scores=scores)
