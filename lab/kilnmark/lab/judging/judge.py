"""One judging from its beginning to its verdict: painted, judged, decided, and written down at every step.

It can be ended at any moment and begun again: pictures that are there stay, replies that were paid for stay, votes
stay. What may cost is told before it is sent. How it is shown is not known here.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from kilnmark.client.sync import Client
from kilnmark.keymaps.files.outputs import is_unspoilt
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.judging.assemble import assembled
from kilnmark.lab.judging.calls import CellAskedAgain
from kilnmark.lab.judging.endpoints import endpoint_of, key_of
from kilnmark.lab.judging.errors import JudgeUnusable
from kilnmark.lab.judging.events import judging_span, tell_scores
from kilnmark.lab.judging.found import CellFound
from kilnmark.lab.judging.matrix import MatrixCell
from kilnmark.lab.judging.metric import MetricJudge
from kilnmark.lab.judging.painting import PICTURES, Canvas, paint
from kilnmark.lab.judging.people import people_found
from kilnmark.lab.judging.prepare import Prepared, folder_of, prepare
from kilnmark.lab.judging.references import dataset_pictures, from_run
from kilnmark.lab.judging.report import JudgementReport, read_judgement, write_judgement
from kilnmark.lab.judging.vision import JudgingEstimate, VisionJudge
from kilnmark.lab.run.folder import Run, now
from kilnmark.lab.run.progress import Came, nobody
from kilnmark.lab.run.spending import left_of
from kilnmark.lab.run.state import JudgedRun
from kilnmark.lab.sweep.copies import readable

__all__ = ["JudgeWishes", "estimate_run", "judge_run"]

Tell = Callable[[str], None]


class JudgeWishes(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of one judging, beside what `run.toml` says.

    Attributes:
        step: The checkpoint; None: the picked one.
        new: Another judging, though all of it were the same.
        ask_again: Ask and pay once more for what was cut off or did not fit.
    """

    step: int | None = None
    new: bool = False
    ask_again: bool = False


def estimate_run(run: Run, wishes: JudgeWishes) -> JudgingEstimate:
    """What a judging would send and what it may cost; nothing is painted, sent or written.

    Raises:
        LabError: It could not be begun.
    """
    prepared = prepare(run, step=wishes.step, new=wishes.new)
    if prepared.judge.base_url:
        return VisionJudge(run, prepared).estimate()
    judge, budget = prepared.judge, run.plan.budget
    left = left_of(run)
    return JudgingEstimate(
        judge=judge.kind, base_url="", model=judge.name, calls=(), cost=0.0, left=left, currency=budget.currency
    )


def judge_run(run: Run, client: Client, wishes: JudgeWishes, tell: Tell, came: Came = nobody) -> JudgementReport:
    """Judge a run, or go on with it.

    Args:
        run: The run, held.
        client: Of the daemon that paints.
        wishes: What is asked.
        tell: Called with a line at every stage, and with what leaves the machine before it does.
        came: Told of every cell that is judged.

    Raises:
        KilnmarkError: It could not be begun, or has to end here; all that was done is written down.
    """
    prepared = prepare(run, step=wishes.step, new=wishes.new)
    with judging_span() as span:
        work = _Judging(run, client, prepared, tell, came)
        try:
            work.judge(ask_again=wishes.ask_again)
        finally:
            report = work.write()
            tell_scores(span, report)
        return report


class _Judging:
    """One judging while it goes on."""

    def __init__(self, run: Run, client: Client, prepared: Prepared, tell: Tell, came: Came) -> None:
        self._run = run
        self._client = client
        self._prepared = prepared
        self._tell = tell
        self._came = came
        self._folder = folder_of(run.folder, prepared.number)
        self._vision = self._checked_vision()
        self._make_folder()
        self._before = read_judgement(self._folder)
        self._began = now() if self._before is None else self._before.at
        self._pictures: dict[str, tuple[Path, str]] = {}
        self._found: dict[str, CellFound] = {}
        self._notes: list[str] = []
        for cell in () if self._before is None else self._before.cells:
            if cell.picture and is_unspoilt(run.folder / cell.picture, cell.sha256):
                self._pictures[cell.name] = run.folder / cell.picture, cell.sha256
        self._known()

    def judge(self, *, ask_again: bool) -> None:
        if ask_again:
            self._ask_again()
        if self._vision is not None:
            estimate = self._vision.estimate()
            self._vision.check_budget(estimate)
            for line in estimate.lines():
                self._tell(line)
        self.write()
        self._paint()
        if self._prepared.judge.is_metric:
            self._judge_by_metric()
        elif self._vision is not None:
            painted = {name: path for name, (path, _) in self._pictures.items()}
            stopped = self._vision.judge(painted, self._on_cell)
            self._notes += [*([stopped] if stopped else []), *self._vision.notes()]
        self._known()

    def write(self) -> JudgementReport:
        """Leave what is known now, for people and in the run's state."""
        report = assembled(
            self._run,
            self._prepared,
            at=self._began,
            ended=None if self._before is None else self._before.ended,
            pictures=self._pictures,
            found=self._found,
            notes=self._notes,
            paid=(0, 0.0) if self._vision is None else (self._vision.calls.count, self._vision.calls.cost),
        )
        write_judgement(self._folder, report)
        _keep(self._run, report)
        return report

    def _checked_vision(self) -> VisionJudge | None:
        """Before anything is made: whether it can be asked at all."""
        if not self._prepared.judge.base_url:
            return None
        key_of(self._run.plan.judge, endpoint_of(self._run.plan.judge))
        return VisionJudge(self._run, self._prepared)

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunUnusable(str(self._folder), error.strerror or str(error), "make room for it") from error

    def _ask_again(self) -> None:
        if self._vision is None:
            raise JudgeUnusable("judge.judge", "it is not asked by calls", "leave --ask-again away")
        for cell in self._prepared.matrix.cells:
            if self._vision.standing(cell).why:
                self._vision.calls.add(CellAskedAgain(at=now(), cell=cell.name))

    def _paint(self) -> None:
        cells = [cell for cell in self._prepared.matrix.cells if cell.name not in self._pictures]
        if not cells:
            return
        self._tell(f"painting {len(cells)} pictures with checkpoint {self._prepared.adapter.step}")
        adapter = readable(self._run, [self._prepared.adapter], self._client)[self._prepared.adapter.sha256]
        canvas = Canvas(self._run.plan.base, adapter, self._prepared.adapter.sha256, ".png")
        for painted in paint(self._client, self._folder, self._prepared.matrix, cells, canvas):
            self._note_change(painted.cell, painted.sha256)
            self._pictures[painted.cell.name] = painted.path, painted.sha256
            self.write()

    def _note_change(self, cell: MatrixCell, sha256: str) -> None:
        """A picture that was judged before, and went away, may come out otherwise on another machine."""
        before = {} if self._before is None else {each.name: each.sha256 for each in self._before.cells}
        if before.get(cell.name, sha256) not in {"", sha256}:
            note = f"{cell.name} was painted again and is not the picture that was judged; --new-judgement judges it"
            self._notes.append(note)

    def _judge_by_metric(self) -> None:
        self._tell("painting the same without the adapter, to hold them beside")
        canvas = Canvas(self._run.plan.base, None, "", ".base.png")
        matrix = self._prepared.matrix
        there = {cell.name: self._folder / PICTURES / f"{cell.name}{canvas.suffix}" for cell in matrix.cells}
        missing = [cell for cell in matrix.cells if not there[cell.name].is_file()]
        for _ in paint(self._client, self._folder, matrix, missing, canvas):
            pass
        judge = MetricJudge(dataset_pictures(self._run.dataset), list(there.values()))
        self._notes += judge.notes
        for cell in matrix.cells:
            said = judge.judge(self._pictures[cell.name][0])
            self._found[cell.name] = CellFound(scores=said.scores, references=(from_run(self._run, said.nearest),))
            self._came(len(self._found), len(matrix.cells))

    def _on_cell(self, cell: MatrixCell) -> None:
        self._known()
        self._came(len(self._found), len(self._prepared.matrix.cells))
        found = self._found.get(cell.name)
        self._tell(f"{cell.name}: {found.line() if found else 'not judged'}")
        self.write()

    def _known(self) -> None:
        """What calls and votes say, by cell."""
        if self._vision is not None:
            for cell in self._prepared.matrix.cells:
                standing = self._vision.standing(cell)
                reply, cost = standing.reply, self._vision.calls.paid_for(cell.name)
                if reply is not None:
                    self._found[cell.name] = CellFound(scores=reply.scores, answers=reply.answers, cost=cost)
                else:
                    self._found[cell.name] = CellFound(why=standing.why, cost=cost)
        elif self._prepared.judge.kind == "person" and self._before is not None:
            self._found |= people_found(self._run, self._folder, self._before)


def _keep(run: Run, report: JudgementReport) -> None:
    folder = f"report/judge-{report.number}"
    entry = JudgedRun(
        at=report.at,
        sha256=report.adapter.sha256,
        judge=f"{report.judge.kind} {report.judge.name}" if report.judge.base_url else report.judge.name,
        verdict=str(report.verdict),
        bars=report.bars,
        folder=folder,
        reasons=report.reasons,
        cells=len(report.cells),
        passed={share.axis: share.passed for share in report.shares},
        ended=report.ended,
        judged=report.judged,
        cost=report.cost,
        is_metric=report.judge.is_metric,
        digest=report.digest,
    )
    others = tuple(each for each in run.state.judgements if each.folder != folder)
    before = next((each for each in run.state.judgements if each.folder == folder), None)
    if before != entry:
        run.change(judgements=(*others, entry))
