"""A sweep from beginning to end: cells planned, painted and measured, rows held to the bars, a sheet, and a pick.

It can be stopped at any moment and begun again: cells that are painted stay, unless what they are made of has changed.
"""

from collections.abc import Callable

import msgspec

from kilnmark.client.sync import Client
from kilnmark.lab.measures.measure import require_ssim
from kilnmark.lab.run.folder import Run, now
from kilnmark.lab.run.state import Pick, Sweep
from kilnmark.lab.sweep.bars import read_bars
from kilnmark.lab.sweep.cells import plan_cells
from kilnmark.lab.sweep.conclude import Swept, conclude, records_of
from kilnmark.lab.sweep.copies import readable
from kilnmark.lab.sweep.ledger import CellLedger, CellRecord
from kilnmark.lab.sweep.numbers import Taught
from kilnmark.lab.sweep.paint import CellPainter
from kilnmark.lab.sweep.pick import overruled
from kilnmark.lab.sweep.report import SweepReport

__all__ = ["pick_by_hand", "sweep"]

Tell = Callable[[CellRecord, int, int], None]
"""Told of every cell: as it came out, how many there are by now, and how many there are to be."""


def sweep(run: Run, client: Client, tell: Tell = lambda *_: None, *, pick_anew: bool = False) -> SweepReport:
    """Paint what is missing, measure, and pick.

    Args:
        run: Held by the caller.
        client: Of a daemon on this machine.
        tell: Called after every cell.
        pick_anew: Let the bars pick where a person did.

    Raises:
        NothingToSweep: There is nothing to paint, or a checkpoint's file is another by now.
        NoRoot: The daemon cannot be given the checkpoints.
        ClientError, RequestError: The daemon cannot paint; what has ended stays.
        RunUnusable: A file of the run cannot be read or written.
        NotInstalled: A package of the lab's extra is missing.
    """
    require_ssim()
    bars = read_bars(run.plan.kind, run.plan.sweep.bars)
    cells = plan_cells(run.plan, run.state.checkpoints)
    ledger, taught = CellLedger(run.cells), Taught(run.dataset)
    status = client.status()
    places = readable(run, run.state.checkpoints, client)
    _begin(run, len(cells))
    done = 0

    def on_cell(record: CellRecord) -> None:
        nonlocal done
        done += 1
        tell(record, done, len(cells))

    painter = CellPainter(client, ledger, taught, places, on_cell)
    try:
        painter.paint(cells, status)
    finally:
        _change(run, painted=sum(record.status == "done" for record in records_of(cells, ledger)))
    report = conclude(run, Swept(cells, ledger, taught, bars, painter.kept), pick_anew=pick_anew)
    picks = run.state.sweep.picks if run.state.sweep else ()
    if report.picked is not None and report.picked not in picks:
        picks = (*picks, report.picked)
    _change(run, pick=report.picked, picks=picks, sheet=report.sheet, ended=now())
    return report


def pick_by_hand(run: Run, step: int, why: str, by: str, scale: float | None = None) -> Pick:
    """Pick a checkpoint in the place of the bars.

    Args:
        run: Held by the caller.
        step: The checkpoint's.
        why: The reason, which is kept.
        by: The person.
        scale: At which it is to be used; None: the one of the sweep that is nearest to 1.

    Raises:
        CannotPick: There is no such checkpoint, or no reason.
        RunUnusable: The state cannot be written.
    """
    usual = min(run.plan.sweep.scales, key=lambda one: (abs(one - 1), one), default=1.0)
    pick = overruled(run.state.checkpoints, step, usual if scale is None else scale, why, by)
    _change(run, pick=pick, picks=(*(run.state.sweep.picks if run.state.sweep else ()), pick))
    return pick


def _begin(run: Run, cells: int) -> None:
    """A sweep that had ended begins again; a pick stays until it is another."""
    before = run.state.sweep
    _change(run, at=now() if before is None or before.ended else before.at, cells=cells, ended=None)


def _change(run: Run, **changed: object) -> None:
    sweep = run.state.sweep or Sweep(at=now(), cells=0)
    run.change(sweep=msgspec.structs.replace(sweep, **changed))
