"""What painted cells come to: rows held to the bars, the pick, and the report with its sheet."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import msgspec
import numpy as np

from kilnmark.lab.measures.health import Collapse
from kilnmark.lab.measures.manner import Manners
from kilnmark.lab.measures.measure import read_picture
from kilnmark.lab.run.folder import Run, now
from kilnmark.lab.run.state import Checkpoint, Pick
from kilnmark.lab.sweep.bars import SweepBars
from kilnmark.lab.sweep.cells import Cell
from kilnmark.lab.sweep.ledger import CellLedger, CellRecord
from kilnmark.lab.sweep.numbers import Taught
from kilnmark.lab.sweep.pick import early_rows, pick_of
from kilnmark.lab.sweep.report import SHEET, SweepQuestion, SweepReport, SweepVerdict, write_report
from kilnmark.lab.sweep.rows import HeldTo, SweepRow, row_of
from kilnmark.lab.sweep.sheet import SheetColumn, SheetRow, draw_sweep

__all__ = ["Swept", "conclude", "records_of"]


_OF_ITS_OWN = 0.7
"""Share of the least that a training picture has, below which a cell shows nothing all the same."""


@dataclass(frozen=True)
class Swept:
    """What is there once everything is painted.

    Attributes:
        cells: As they are planned.
        ledger: Of the run.
        taught: What was trained on.
        bars: What rows are held to.
        kept: Names of cells that were there already.
    """

    cells: Sequence[Cell]
    ledger: CellLedger
    taught: Taught
    bars: SweepBars
    kept: Collection[str] = ()


def records_of(cells: Sequence[Cell], ledger: CellLedger) -> list[CellRecord]:
    """What is known of these cells, as they are planned now."""
    return [found for cell in cells if (found := ledger.get(cell.name)) and found.inputs == cell.inputs]


def conclude(run: Run, swept: Swept, *, pick_anew: bool) -> SweepReport:
    """Hold the rows to the bars, pick, draw the sheet and write the report.

    Args:
        run: Held by the caller; its state is left as it is.
        swept: What is there.
        pick_anew: Let the bars pick where a person did.

    Raises:
        RunUnusable: A file of the run cannot be read or written.
    """
    records = records_of(swept.cells, swept.ledger)
    beside = _beside(records, swept)
    rows = list(_rows(swept, beside))
    found, early = pick_of(rows, swept.bars), early_rows(rows, swept.bars)
    picked = _standing_pick(run, found, pick_anew=pick_anew)
    _draw(run, swept, rows, picked)
    report = SweepReport(
        at=now(),
        variant=run.plan.base,
        bars=swept.bars,
        verdicts=tuple(
            SweepVerdict(row, swept.bars.missed(row), swept.bars.unmeasured(row), early.get(row, "")) for row in rows
        ),
        pick=found,
        picked=picked,
        taught=len(swept.taught.files),
        too_near=beside.too_near,
        questions=tuple(SweepQuestion(one.text, one.questions) for one in run.plan.sweep.prompts if one.questions),
        warnings=tuple(_warnings(run, swept, rows, beside)),
        sheet=run.relative(run.report / SHEET),
        kept=len(swept.kept),
        painted=sum(record.status == "done" and record.name not in swept.kept for record in records),
        failed=sum(record.status == "failed" for record in records),
    )
    write_report(run.report, report)
    return report


def _standing_pick(run: Run, found: Pick | None, *, pick_anew: bool) -> Pick | None:
    """A person's pick stays as long as the checkpoint is there; the same pick of the bars keeps its time."""
    before = run.state.sweep.pick if run.state.sweep else None
    is_there = before is not None and any(one.sha256 == before.sha256 for one in run.state.checkpoints)
    if before is not None and before.by is not None and is_there and not pick_anew:
        return before
    if before is not None and found is not None and msgspec.structs.replace(found, at=before.at) == before:
        return before
    return found


def _beside(records: Sequence[CellRecord], swept: Swept) -> HeldTo:
    bare = [record for record in records if not record.sha256 and record.numbers]
    spacing = swept.taught.spacing if len(swept.taught.files) > 1 else []
    usual = spacing[len(spacing) // 2] if spacing else None
    return HeldTo(
        bare={(record.prompt, record.seed): record for record in bare},
        look=lambda name: read_picture(swept.ledger.place(name)),
        manners=_manners(bare, swept.taught),
        too_near=None if usual is None else swept.bars.too_near * usual,
        collapse=_collapse(swept.taught),
    )


def _collapse(taught: Taught) -> Collapse:
    """The usual bounds, unless what was trained on has as few greys or as little contrast: that is its style."""
    usual, seen = Collapse(), taught.looks
    return Collapse(
        entropy=min([usual.entropy, *(_OF_ITS_OWN * each.entropy for each in seen)]),
        deviation=min([usual.deviation, *(_OF_ITS_OWN * each.deviation for each in seen)]),
    )


def _manners(bare: Sequence[CellRecord], taught: Taught) -> Manners | None:
    begun = [np.array(record.numbers.manner) for record in bare if record.numbers]
    side = min((min(record.width, record.height) for record in bare), default=0)
    goal = taught.manners(side) if side else []
    if min(len(begun), len(goal)) < 2:  # noqa: PLR2004 - one has no spread
        return None
    return Manners(begun, goal)


def _rows(swept: Swept, beside: HeldTo) -> Iterator[SweepRow]:
    with_adapter = [cell for cell in swept.cells if cell.checkpoint]
    for _, group in groupby(with_adapter, key=lambda cell: (cell.checkpoint, cell.scale)):
        cells = list(group)
        records = records_of(cells, swept.ledger)
        if records:
            yield row_of(records, len(cells), beside)


def _warnings(run: Run, swept: Swept, rows: Sequence[SweepRow], beside: HeldTo) -> Iterator[str]:
    if not swept.taught.files:
        yield f"no training picture was found in {run.dataset}: nothing is held to what was trained on"
    elif beside.manners is None:
        yield "training pictures are smaller than what is painted, or too few: their manner is not compared"
    roles = {prompt.role for prompt in run.plan.sweep.prompts}
    if run.plan.trigger and not roles & {"control", "nonsense"}:
        yield "no prompt is without the trigger: whether it alone calls the adapter up is not known"
    flat = Collapse(entropy=0.0)
    if beside.bare and all(flat.of(one.numbers.looks) for one in beside.bare.values() if one.numbers):
        yield "the base alone paints nothing that can be seen: no cell says anything"
    for row in rows:
        if row.unengaged:
            count, first = len(row.unengaged), row.unengaged[0]
            yield f"step {row.step} at scale {row.scale:g} did not engage in {count} of {row.cells} cells; {first}"


def _draw(run: Run, swept: Swept, rows: Sequence[SweepRow], picked: Pick | None) -> None:
    bare = [cell for cell in swept.cells if cell.checkpoint is None]
    columns = [SheetColumn(cell.prompt.role, f"{cell.prompt.text} (seed {cell.seed})") for cell in bare]
    sheet = [_sheet_row(swept, bare, "no LoRA", "the base alone", "bare")]
    early = early_rows(rows, swept.bars)
    for row in rows:
        mine = [cell for cell in swept.cells if _is_of(cell.checkpoint, cell.scale, row)]
        missed = swept.bars.missed(row)
        is_picked = picked is not None and (picked.sha256, picked.scale) == (row.sha256, row.scale)
        state = "picked" if is_picked else "misses" if missed else "early" if row in early else "passes"
        text = "; ".join(missed) or early.get(row) or ", ".join(swept.bars.passed(row))
        sheet.append(_sheet_row(swept, mine, f"step {row.step}, scale {row.scale:g}", text, state, row))
    title = f"{run.plan.name}: {len(rows)} rows on {run.plan.base}"
    draw_sweep(title, columns, sheet, run.report / SHEET)


def _is_of(checkpoint: Checkpoint | None, scale: float, row: SweepRow) -> bool:
    return checkpoint is not None and (checkpoint.sha256, scale) == (row.sha256, row.scale)


def _sheet_row(
    swept: Swept, cells: Sequence[Cell], title: str, text: str, state: str, row: SweepRow | None = None
) -> SheetRow:
    pictures: dict[int, Path] = {}
    marks: dict[int, str] = {}
    for column, cell in enumerate(cells):
        record = swept.ledger.get(cell.name)
        if record is None or record.status == "failed" or record.inputs != cell.inputs:
            marks[column] = "not painted"
            continue
        pictures[column] = swept.ledger.place(cell.name)
        if not record.is_engaged:
            marks[column] = "not engaged"
        elif row and cell.name in row.collapsed_cells:
            marks[column] = "shows nothing"
        elif row and cell.name in row.memorised_cells:
            marks[column] = "learnt by heart"
    return SheetRow(title, text, state, pictures, marks)
