"""What the cells of one checkpoint at one scale come to: the numbers that bars are held to."""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean

import msgspec
import numpy as np

from kilnmark.lab.measures.health import Collapse
from kilnmark.lab.measures.kept import Kept, kept
from kilnmark.lab.measures.manner import Manners, Way
from kilnmark.lab.measures.measure import Picture, shrunk
from kilnmark.lab.sweep.ledger import CellNumbers, CellRecord
from kilnmark.lab.sweep.prompts import TRIGGERED

__all__ = ["HeldTo", "SweepRow", "row_of"]

_SIDE = 256
"""Pixels of the longer side at which prompts are told apart."""

Look = Callable[[str], Picture]


class SweepRow(msgspec.Struct, frozen=True, kw_only=True):
    """One checkpoint at one scale. A share is 0 to 1; None: it could not be measured.

    Attributes:
        step, sha256, scale: The checkpoint's.
        cells, painted: How many there are to be, and how many there are.
        engaged: Share of cells whose adapter engaged wholly.
        changed: Mean perceptual distance to the pictures without adapter, where the trigger is.
        ssim: Mean SSIM to them, likewise.
        unasked: Mean perceptual distance without the trigger and with one that means nothing.
        discrimination: How much more it changes with its trigger than without: the distance to the picture without
            adapter less that of the same scene without trigger, or with one that means nothing, in the mean.
        layout, nearness: How much of their prompts the pictures kept: see `measures.kept`.
        collapsed: Cells that show nothing, though the base painted something.
        memorised: Share of cells with the trigger that are a training picture nearly, where the base's own is not.
        nearest: The least distance to a training picture.
        learnt, astray: How far from the base's manner to that of the training pictures, and beside it.
        unengaged: Cells whose adapter did not engage, with why.
    """

    step: int
    sha256: str
    scale: float
    cells: int
    painted: int
    engaged: float | None = None
    changed: float | None = None
    ssim: float | None = None
    unasked: float | None = None
    discrimination: float | None = None
    layout: float | None = None
    nearness: float | None = None
    collapsed: float | None = None
    memorised: float | None = None
    nearest: float | None = None
    learnt: float | None = None
    astray: float | None = None
    unengaged: tuple[str, ...] = ()
    memorised_cells: tuple[str, ...] = ()
    collapsed_cells: tuple[str, ...] = ()


class HeldTo(msgspec.Struct, frozen=True, kw_only=True):
    """What all rows are held to.

    Attributes:
        bare: The cells without adapter, by prompt and seed.
        look: Reads a cell's picture by its name.
        manners: From the base's manner to that of the training pictures; None: too few of either.
        too_near: Distance to a training picture below which a picture is one nearly; None: there are none.
        collapse: What shows nothing.
    """

    bare: dict[tuple[str, int], CellRecord]
    look: Look
    manners: Manners | None
    too_near: float | None
    collapse: Collapse = Collapse()

    def of(self, record: CellRecord) -> CellNumbers | None:
        """The numbers of the same picture without adapter."""
        found = self.bare.get((record.prompt, record.seed))
        return found.numbers if found else None


def row_of(records: Sequence[CellRecord], cells: int, beside: HeldTo) -> SweepRow:
    """The row of one checkpoint at one scale.

    Args:
        records: Its cells, as far as there are any; one at least.
        cells: How many there are to be.
        beside: What they are held to.
    """
    first, done = records[0], [record for record in records if record.numbers]
    called = [record for record in done if record.role in TRIGGERED]
    changed = _mean(each.numbers.distance for each in called if each.numbers)
    unasked = _mean(each.numbers.distance for each in done if each.numbers and each.role not in TRIGGERED)
    collapsed = tuple(each.name for each in done if _is_collapsed(each, beside))
    memorised = tuple(each.name for each in called if _is_memorised(each, beside))
    own, way = _kept(called, beside), _way(called, beside)
    nearest = [each.numbers.nearest.distance for each in called if each.numbers and each.numbers.nearest]
    return SweepRow(
        step=first.step or 0,
        sha256=first.sha256,
        scale=first.scale,
        cells=cells,
        painted=len(done),
        engaged=fmean(record.is_engaged for record in records),
        changed=changed,
        ssim=_mean(each.numbers.ssim for each in called if each.numbers),
        unasked=unasked,
        discrimination=_mean(_told_apart(each, called) for each in done if each.role not in TRIGGERED),
        layout=own.layout if own else None,
        nearness=own.nearness if own else None,
        collapsed=len(collapsed) / len(done) if done else None,
        memorised=len(memorised) / len(called) if called and beside.too_near is not None else None,
        nearest=min(nearest, default=None),
        learnt=way.learnt if way else None,
        astray=way.astray if way else None,
        unengaged=tuple(f"{each.name}: {_why(each)}" for each in records if not each.is_engaged),
        memorised_cells=memorised,
        collapsed_cells=collapsed,
    )


def _told_apart(unasked: CellRecord, called: Sequence[CellRecord]) -> float | None:
    """How much more the scene changes with the trigger: of the prompt that has most words in common, with one seed."""
    words = set(unasked.prompt.lower().replace(",", " ").split())
    same = [each for each in called if each.seed == unasked.seed]
    other = max(
        same, key=lambda each: len(words.intersection(each.prompt.lower().replace(",", " ").split())), default=None
    )
    found = [each.numbers.distance for each in (other, unasked) if each and each.numbers]
    asked, plain = found if len(found) > 1 else (None, None)
    return None if asked is None or plain is None else asked - plain


def _why(record: CellRecord) -> str:
    reasons = [report.reason for report in record.reports if report.reason]
    return record.message if record.status == "failed" else "; ".join(reasons)


def _mean(found: Iterable[float | None]) -> float | None:
    known = [each for each in found if each is not None]
    return fmean(known) if known else None


def _is_collapsed(record: CellRecord, beside: HeldTo) -> bool:
    bare = beside.of(record)
    was_so = bare is not None and beside.collapse.of(bare.looks) is not None
    return record.numbers is not None and not was_so and beside.collapse.of(record.numbers.looks) is not None


def _is_memorised(record: CellRecord, beside: HeldTo) -> bool:
    """Nearer to a training picture than they are to each other by far, and than the base came by itself."""
    nearest, bare = record.numbers.nearest if record.numbers else None, beside.of(record)
    if nearest is None or beside.too_near is None or nearest.distance >= beside.too_near:
        return False
    return bare is None or bare.nearest is None or nearest.distance < bare.nearest.distance


def _kept(called: Sequence[CellRecord], beside: HeldTo) -> Kept | None:
    """The mean over seeds; None where no seed has two prompts."""
    found = []
    for seed in sorted({record.seed for record in called}):
        pairs = [
            (record, bare)
            for record in called
            if record.seed == seed and (bare := beside.bare.get((record.prompt, seed))) and bare.status == "done"
        ]
        if len(pairs) > 1:
            painted, others = zip(
                *[tuple(_small(beside.look(each.name)) for each in pair) for pair in pairs], strict=True
            )
            found.append(kept(painted, others))
    if not found:
        return None
    return Kept(fmean(each.layout for each in found), fmean(each.nearness for each in found))


def _small(picture: Picture) -> Picture:
    high, wide = picture.shape[:2]
    if max(high, wide) <= _SIDE:
        return picture
    share = _SIDE / max(high, wide)
    return shrunk(picture, (max(16, round(high * share)), max(16, round(wide * share))))


def _way(called: Sequence[CellRecord], beside: HeldTo) -> Way | None:
    found = [np.array(record.numbers.manner) for record in called if record.numbers]
    return beside.manners.come(found) if found and beside.manners else None
