"""Which checkpoint is picked: the earliest that passes every bar, or the one that a person wants; and why."""

from collections.abc import Sequence
from itertools import groupby

from kilnmark.lab.run.folder import now
from kilnmark.lab.run.state import Checkpoint, Pick
from kilnmark.lab.sweep.bars import SweepBars
from kilnmark.lab.sweep.errors import CannotPick
from kilnmark.lab.sweep.rows import SweepRow

__all__ = ["overruled", "pick_of", "why_none"]

_USUAL_SCALE = 1.0


def pick_of(rows: Sequence[SweepRow], bars: SweepBars) -> Pick | None:
    """The pick of the bars; None: no checkpoint passes all of them.

    Of one checkpoint's scales that pass, the one nearest to 1 is taken, and of two as near the lower.
    """
    ordered = sorted(rows, key=lambda row: (row.step, row.sha256))
    for (step, _), group in groupby(ordered, key=lambda row: (row.step, row.sha256)):
        passing = [row for row in group if not bars.missed(row)]
        if passing:
            chosen = min(passing, key=lambda row: (abs(row.scale - _USUAL_SCALE), row.scale))
            return Pick(at=now(), step=step, sha256=chosen.sha256, scale=chosen.scale, why=_why(chosen, ordered, bars))
    return None


def why_none(rows: Sequence[SweepRow], bars: SweepBars) -> tuple[str, ...]:
    """What stands in the way of each row, in sentences."""
    return tuple(f"{_called(row)}: {'; '.join(missed)}" for row in rows if (missed := bars.missed(row)))


def overruled(checkpoints: Sequence[Checkpoint], step: int, scale: float, why: str, by: str) -> Pick:
    """The pick of a person.

    Args:
        checkpoints: Of the run.
        step: The one that is wanted.
        scale: At which it is to be used.
        why: The person's reason.
        by: The person.

    Raises:
        CannotPick: There is no such checkpoint, or more than one, or no reason.
    """
    found = [one for one in checkpoints if one.step == step]
    if not found:
        steps = ", ".join(str(one.step) for one in checkpoints) or "none"
        raise CannotPick(f"the run has no checkpoint of step {step}", f"its steps are: {steps}")
    if len(found) > 1:
        files = ", ".join(one.file for one in found)
        raise CannotPick(f"the run has {len(found)} checkpoints of step {step} ({files})", "take out all but one")
    if not why.strip():
        raise CannotPick("a pick that overrules needs a reason", "give it with --why")
    return Pick(at=now(), step=step, sha256=found[0].sha256, scale=scale, why=why.strip(), by=by)


def _why(chosen: SweepRow, rows: Sequence[SweepRow], bars: SweepBars) -> str:
    """The reason, with the numbers of the one that is chosen, and what the ones before and after it miss."""
    steps = len({row.sha256 for row in rows})
    told = [f"the earliest of {steps} that passes every bar: {', '.join(bars.passed(chosen))}"]
    if unmeasured := bars.unmeasured(chosen):
        told.append(f"not held to what could not be measured: {', '.join(unmeasured)}")
    others = [row for row in rows if row.sha256 != chosen.sha256 and row.scale == chosen.scale]
    told += [f"step {row.step} misses {'; '.join(missed)}" for row in others if (missed := bars.missed(row))]
    return ". ".join(told)


def _called(row: SweepRow) -> str:
    return f"step {row.step} at scale {row.scale:g}"
