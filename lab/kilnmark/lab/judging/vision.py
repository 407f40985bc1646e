"""A vision model as the judge of a matrix: what it would be asked, what that may cost, and the asking itself.

What is known of each cell is in its calls; nothing is asked twice that has an answer.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from kilnmark.lab.judging.asker import (
    Asker,
    AskingRules,
    CellStanding,
    Unanswered,
    cell_standing,
    reckoned,
    reconcile,
    recount,
)
from kilnmark.lab.judging.asking import CellReply, ReplyMisfit, about, fitted
from kilnmark.lab.judging.calls import Calls
from kilnmark.lab.judging.endpoints import endpoint_of, model_of, price_of
from kilnmark.lab.judging.matrix import MatrixCell
from kilnmark.lab.judging.photos import photo_of
from kilnmark.lab.judging.prepare import Prepared, folder_of
from kilnmark.lab.judging.references import from_run
from kilnmark.lab.judging.talk import Photo, Question
from kilnmark.lab.run.folder import Run
from kilnmark.lab.run.spending import OverBudget, left_of
from kilnmark.lab.training.remote.asked import recount_trainings

__all__ = ["JudgingEstimate", "PlannedCall", "VisionJudge"]

_GIVES_UP = 2
"""Calls in a row that came to nothing, after which no other is sent."""
_ROUNDING = 1e-9


class PlannedCall(msgspec.Struct, frozen=True):
    """A call that is still to be made.

    Attributes:
        cell: About which picture.
        pictures: Every picture that goes along, from the run's folder.
        most: The most that it may cost.
    """

    cell: str
    pictures: tuple[str, ...]
    most: float


class JudgingEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a judging would send, and what it may cost.

    Attributes:
        judge: Whose API it is.
        base_url: Where all of it goes.
        model: To whom.
        calls: One by one; a reply that does not fit makes one more.
        cost: Of all of them, at most.
        left: Of the budget.
        currency: Of both.
        left_out: Cells that the matrix could have besides.
    """

    judge: str
    base_url: str
    model: str
    calls: tuple[PlannedCall, ...]
    cost: float
    left: float
    currency: str
    left_out: int = 0

    def lines(self) -> Iterator[str]:
        """What leaves the machine, for people."""
        if not self.base_url:
            yield "nothing leaves this machine, and it costs nothing"
            return
        if self.calls:
            yield f"these pictures go to {self.base_url} ({self.model}), as pixels alone:"
        for call in self.calls:
            yield f"  {call.cell}: {', '.join(call.pictures)}"
        count = "one call" if len(self.calls) == 1 else f"{len(self.calls)} calls"
        cost, left = f"{self.cost:.4f} {self.currency}", f"{max(0.0, self.left):.4f} of the budget are left"
        yield f"{count}, at most {cost}, and one more for each reply that does not fit; {left}"


class VisionJudge:
    """The judge of one judging.

    Args:
        run: Whose.
        prepared: What it is made of.

    Raises:
        JudgeUnusable: It is not said whom to ask, or what it costs.
        RunUnusable: Its calls cannot be read.
        JudgementLost: The state knows of a reply that is not there.
    """

    def __init__(self, run: Run, prepared: Prepared) -> None:
        self._run = run
        self._prepared = prepared
        self._plan = run.plan.judge
        self._endpoint = endpoint_of(self._plan)
        self._price = price_of(self._plan)
        folder = folder_of(run.folder, prepared.number)
        self.calls = Calls(folder)
        recount(run)
        recount_trainings(run)
        reconcile(run, folder.name, self.calls, str(folder))

    def standing(self, cell: MatrixCell) -> CellStanding[CellReply]:
        """How far one cell got."""
        return cell_standing(self.calls, cell.name, self._fit(cell), idempotent=self._plan.idempotent)

    def estimate(self) -> JudgingEstimate:
        """What is still to be asked; nothing is sent for it."""
        calls = []
        for cell, beside in zip(self._prepared.matrix.cells, self._prepared.references, strict=True):
            found = self.standing(cell)
            if found.reply is not None or found.why:
                continue
            names = (*(from_run(self._run, path) for path in beside), self._picture_name(cell))
            photos = [Photo(name, b"") for name in names]
            question = self._question(cell, photos[:-1], photos[-1])
            calls.append(PlannedCall(cell.name, names, reckoned(self._price, question, self.calls)))
        return JudgingEstimate(
            judge=self._plan.judge,
            base_url=self._endpoint.base_url,
            model=self._endpoint.model,
            calls=tuple(calls),
            cost=sum(call.most for call in calls),
            left=left_of(self._run),
            currency=self._run.plan.budget.currency,
            left_out=self._prepared.matrix.left_out,
        )

    def notes(self) -> list[str]:
        """What has to be known of its cost."""
        dearest = self.calls.dearest
        if dearest is None or dearest.cost <= dearest.begun.most + _ROUNDING:
            return []
        cost, most = f"{dearest.cost:.4f}", f"{dearest.begun.most:.4f}"
        return [f"a call cost {cost}, where {most} were reckoned with; raise tokens_a_picture in [judge]"]

    def check_budget(self, estimate: JudgingEstimate) -> None:
        """See that all that is still to be asked may be paid.

        Raises:
            OverBudget: It may cost more than is left.
        """
        if estimate.cost > estimate.left + _ROUNDING and estimate.cost > 0:
            budget = self._run.plan.budget
            what = f"judging {len(estimate.calls)} cells by {estimate.model}"
            raise OverBudget(what, estimate.cost, estimate.left, budget.limit, budget.currency)

    def judge(self, painted: Mapping[str, Path], on_cell: Callable[[MatrixCell], None]) -> str:
        """Ask about every cell that may be asked about.

        Args:
            painted: The pictures, by their cells' names.
            on_cell: Called when another one is known.

        Returns:
            Why it stopped before the last cell; empty: it did not.

        Raises:
            KilnmarkError: It cannot be asked now; what is judged stays.
        """
        if not self.estimate().calls:
            return ""
        return asyncio.run(self._judge(painted, on_cell))

    async def _judge(self, painted: Mapping[str, Path], on_cell: Callable[[MatrixCell], None]) -> str:
        model = model_of(self._plan, self._endpoint)
        asker = Asker(
            self._run,
            folder_of(self._run.folder, self._prepared.number).name,
            self.calls,
            model,
            self._endpoint,
            AskingRules(self._price, self._plan.patience, self._plan.idempotent),
        )
        doubts = 0
        try:
            for cell, beside in zip(self._prepared.matrix.cells, self._prepared.references, strict=True):
                found = await asker.ask(cell.name, self._asked(cell, beside, painted[cell.name]), self._fit(cell))
                on_cell(cell)
                doubts = doubts + 1 if isinstance(found, Unanswered) and found.in_doubt else 0
                if doubts >= _GIVES_UP:
                    return f"{doubts} calls in a row came to nothing; the others were not sent"
        finally:
            await model.close()
        return ""

    def _asked(self, cell: MatrixCell, beside: Sequence[Path], picture: Path) -> Question:
        references = [photo_of(path, from_run(self._run, path)) for path in beside]
        return self._question(cell, references, photo_of(picture, self._picture_name(cell)))

    def _question(self, cell: MatrixCell, references: Sequence[Photo], picture: Photo) -> Question:
        axes = self._prepared.axes
        return about(self._run.plan.kind, cell.prompt, axes, cell.questions, references, picture)

    def _picture_name(self, cell: MatrixCell) -> str:
        return f"report/judge-{self._prepared.number}/cells/{cell.name}.png"

    def _fit(self, cell: MatrixCell) -> Callable[[str, str], CellReply | ReplyMisfit]:
        return lambda text, cut: fitted(text, cut, self._prepared.axes, cell.questions)
