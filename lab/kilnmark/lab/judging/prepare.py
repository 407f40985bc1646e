"""Everything that a judging is made of, decided and checked before anything is painted, sent or paid.

The same things make the same judging, which goes on where it stopped; other things make the next one.
"""

import hashlib
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import msgspec

from kilnmark.keymaps.files.outputs import is_unspoilt
from kilnmark.lab.judging.axes import Axis, standard_axes
from kilnmark.lab.judging.bars import Bars, check_bars, read_bars
from kilnmark.lab.judging.calls import CALLS
from kilnmark.lab.judging.endpoints import judge_said
from kilnmark.lab.judging.errors import JudgementLost, JudgeUnusable, NothingToJudge
from kilnmark.lab.judging.matrix import Matrix, matrix_of
from kilnmark.lab.judging.metric import SCORED
from kilnmark.lab.judging.references import from_run, references_of
from kilnmark.lab.judging.report import JudgedAdapter, JudgeSaid, read_judgement
from kilnmark.lab.run.folder import Run
from kilnmark.lab.run.plan import RunPlan
from kilnmark.lab.run.standing import adapter_of_run
from kilnmark.lab.run.state import Checkpoint

__all__ = ["Prepared", "folder_of", "prepare"]

_FOLDER = re.compile(r"judge-([1-9][0-9]*)")


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What a judging is made of.

    Attributes:
        number: Of the run's judgings.
        is_new: Whether nothing of it was done yet.
        digest: Of everything here that a score depends on.
        matrix: Its cells.
        axes: What they are scored on.
        bars: What they are held to.
        adapter: Whose pictures.
        judge: Who judges.
        references: What each cell is held beside.
    """

    number: int
    is_new: bool
    digest: str
    matrix: Matrix
    axes: tuple[Axis, ...]
    bars: Bars
    adapter: JudgedAdapter
    judge: JudgeSaid
    references: tuple[tuple[Path, ...], ...]


def prepare(run: Run, *, step: int | None = None, new: bool = False) -> Prepared:
    """Decide and check.

    Args:
        run: The run.
        step: The checkpoint to judge; None: the one that is picked.
        new: Another judging, though all of it were the same.

    Raises:
        JudgeUnusable: An entry of `run.toml` cannot be meant.
        NothingToJudge: There is no adapter, no prompt or no reference yet.
        JudgementLost: The one to go on with was paid for, and is not there any more.
    """
    plan = run.plan
    matrix, axes = matrix_of(plan), _axes(plan)
    bars = _bars(run, axes)
    adapter = _adapter(run, step)
    judge = judge_said(plan.judge)
    beside = references_of(run, len(matrix.cells), each_its_own=judge.kind == "person")
    digest = _digest(run, matrix, axes, adapter, judge, beside)
    number, is_new = _number(run, digest, new=new)
    return Prepared(
        number=number,
        is_new=is_new,
        digest=digest,
        matrix=matrix,
        axes=axes,
        bars=bars,
        adapter=adapter,
        judge=judge,
        references=tuple(beside),
    )


def folder_of(run: Path, number: int) -> Path:
    """Where a judging lies."""
    return run / "report" / f"judge-{number}"


def _axes(plan: RunPlan) -> tuple[Axis, ...]:
    judge = plan.judge
    if judge.axes and judge.judge in {"metric", "person"}:
        raise JudgeUnusable("judge.axes", f"a {judge.judge} scores {', '.join(SCORED)} alone", "take them out")
    own = tuple(Axis(axis.name, axis.title, axis.asks) for axis in judge.axes)
    if len({axis.name for axis in own}) < len(own):
        raise JudgeUnusable("judge.axes", "two have one name", "name each once")
    standard = standard_axes(plan.kind)
    if judge.judge in {"metric", "person"}:
        return tuple(axis for axis in standard if axis.name in SCORED)
    return own or standard


def _bars(run: Run, axes: Sequence[Axis]) -> Bars:
    judge = run.plan.judge
    usual = {"metric": "metric", "person": "people"}.get(judge.judge, "default")
    own = run.folder / judge.bars_file if judge.bars_file else None
    bars = read_bars(judge.bars or usual, own)
    check_bars(bars, {axis.name for axis in axes})
    return bars


def _adapter(run: Run, step: int | None) -> JudgedAdapter:
    checkpoint = _checkpoint(run, step)
    path = run.folder / checkpoint.file
    if not is_unspoilt(path, checkpoint.sha256):
        reason = f"{path} is not there any more, or not what it was"
        raise NothingToJudge(reason, "put it back, or bring it in again with `kilnmark lab import`")
    return JudgedAdapter(
        name=run.plan.name,
        step=checkpoint.step,
        file=checkpoint.file,
        sha256=checkpoint.sha256,
        scale=run.plan.judge.scale,
    )


def _checkpoint(run: Run, step: int | None) -> Checkpoint:
    known = run.state.checkpoints
    if step is not None:
        found = next((each for each in known if each.step == step), None)
        if found is None:
            there = ", ".join(str(each.step) for each in known) or "none"
            raise NothingToJudge(f"the run has no checkpoint of step {step}; there are {there}", "name one of them")
        return found
    found = adapter_of_run(run.state) or (known[0] if len(known) == 1 else None)
    if found is not None:
        return found
    if not known:
        raise NothingToJudge("the run has no checkpoint", "train, or bring some in with `kilnmark lab import`")
    mend = f"run `{shlex.join(['kilnmark', 'lab', 'sweep', str(run.folder)])}` first, or name one with --step"
    raise NothingToJudge("no checkpoint of the run is picked", mend)


def _digest(
    run: Run,
    matrix: Matrix,
    axes: Sequence[Axis],
    adapter: JudgedAdapter,
    judge: JudgeSaid,
    beside: Sequence[Sequence[Path]],
) -> str:
    """Bars and prices are not in it: other ones want no other scores."""
    names = [[from_run(run, path) for path in paths] for paths in beside]
    parts = (matrix, axes, adapter.sha256, judge, names, run.plan.base, run.plan.kind)
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def _number(run: Run, digest: str, *, new: bool) -> tuple[int, bool]:
    """That of the judging to go on with, or the next one; and whether it is new.

    A folder that the state does not name was begun by somebody who was killed: it is gone on with, if it is the same.
    """
    named = {each.folder: each for each in run.state.judgements}
    found = next((each.folder for each in reversed(run.state.judgements) if each.digest == digest), None)
    taken = [_number_of(folder) for folder in named]
    for path in sorted((run.folder / "report").glob("judge-*")):
        folder = from_run(run, path)
        if folder in named or not _FOLDER.fullmatch(path.name):
            continue
        report = read_judgement(path)
        if report is not None and report.digest == digest:
            found = found or folder
        if report is not None or (path / CALLS).exists():
            taken.append(_number_of(folder))
    if found is None or new:
        return 1 + max(taken, default=0), True
    known = named.get(found)
    if known is not None and known.cost > 0 and not (run.folder / found).is_dir():
        raise JudgementLost(str(run.folder / found), f"it is not there, and {known.cost:.4f} were paid for it")
    return _number_of(found), False


def _number_of(folder: str) -> int:
    match = _FOLDER.fullmatch(Path(folder).name)
    return int(match[1]) if match else 0
