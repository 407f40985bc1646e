"""Which checkpoint is picked: the earliest that passes every bar, or the one that a person wants; and why."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from kilnmark.lab.run.folder import now
from kilnmark.lab.run.state import Checkpoint, Pick
from kilnmark.lab.sweep.bars import SweepBars
from kilnmark.lab.sweep.errors import CannotPick
from kilnmark.lab.sweep.rows import SweepRow

__all__ = ["early_rows", "overruled", "pick_of"]

_USUAL_SCALE = 1.0


def pick_of(rows: Sequence[SweepRow], bars: SweepBars) -> Pick | None:
    """The pick of the bars; None: no checkpoint passes all of them.

    Of one checkpoint's scales that pass, the one nearest to 1 is taken, and of two as near the lower.
    """
    ordered = sorted(rows, key=lambda row: (row.step, row.sha256))
    early = early_rows(rows, bars)
    for (step, _), group in groupby(ordered, key=lambda row: (row.step, row.sha256)):
        passing = [row for row in group if not bars.missed(row) and row not in early]
        if passing:
            chosen = min(passing, key=lambda row: (abs(row.scale - _USUAL_SCALE), row.scale))
            why = _why(chosen, ordered, early, bars)
            return Pick(at=now(), step=step, sha256=chosen.sha256, scale=chosen.scale, why=why)
    return None


def early_rows(rows: Sequence[SweepRow], bars: SweepBars) -> dict[SweepRow, str]:
    """Those that pass every bar, and have come little of the way that others which pass have come; with why."""
    passing = [row for row in rows if not bars.missed(row) and row.learnt is not None]
    furthest = max((row.learnt or 0.0 for row in passing), default=0.0)
    if furthest <= 0:
        return {}
    share = f"less than {bars.most_of_the_way:g} of the {furthest:.3g} that the furthest one came"
    return {
        row: f"has come {row.learnt or 0.0:.3g} of the way, {share}"
        for row in passing
        if (row.learnt or 0.0) < bars.most_of_the_way * furthest
    }


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


def _why(chosen: SweepRow, rows: Sequence[SweepRow], early: Mapping[SweepRow, str], bars: SweepBars) -> str:
    """The reason, with the numbers of the one that is chosen, and what the ones before and after it miss."""
    steps = len({row.sha256 for row in rows})
    told = [f"the earliest of {steps} that passes every bar: {', '.join(bars.passed(chosen))}"]
    if unmeasured := bars.unmeasured(chosen):
        told.append(f"not held to what could not be measured: {', '.join(unmeasured)}")
    for row in rows:
        if row.sha256 == chosen.sha256 or row.scale != chosen.scale:
            continue
        if missed := bars.missed(row):
            told.append(f"step {row.step} misses {'; '.join(missed)}")
        elif row in early:
            told.append(f"step {row.step} is early: it {early[row]}")
    return ". ".join(told)
