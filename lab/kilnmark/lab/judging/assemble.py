"""All that is known of a judging put into one report: pictures, scores, verdict, and what people said besides.

Nothing is judged or written here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from kilnmark.lab.judging.axes import PHOTOGRAPHIC
from kilnmark.lab.judging.blind import BlindJudging
from kilnmark.lab.judging.calibrate import calibrated
from kilnmark.lab.judging.found import CellFound
from kilnmark.lab.judging.intervals import WIDE, wilson
from kilnmark.lab.judging.people import votes_by_picture
from kilnmark.lab.judging.prepare import Prepared, folder_of
from kilnmark.lab.judging.references import from_run
from kilnmark.lab.judging.report import CellStatus, JudgedCell, JudgementReport, JudgingVerdict
from kilnmark.lab.judging.verdict import decide, marked
from kilnmark.lab.run.folder import Run, now

__all__ = ["assembled"]


def assembled(
    run: Run,
    prepared: Prepared,
    *,
    at: str,
    ended: str | None,
    pictures: Mapping[str, tuple[Path, str]],
    found: Mapping[str, CellFound],
    notes: Sequence[str],
    paid: tuple[int, float],
) -> JudgementReport:
    """The report of a judging.

    Args:
        run: Whose.
        prepared: What it is made of.
        at: When it was begun.
        ended: When it was at its end before; None: it was not.
        pictures: Those that are there, with their hashes, by cell.
        found: What is known of each cell.
        notes: What has to be known to read it.
        paid: How many calls, and what they cost.
    """
    cells = tuple(
        marked(_cell(run, prepared, place, pictures, found), prepared.bars)
        for place in range(len(prepared.matrix.cells))
    )
    decided = decide(cells, prepared.axes, prepared.bars)
    report = JudgementReport(
        number=prepared.number,
        at=at,
        ended=None if decided.verdict is JudgingVerdict.IN_FLIGHT else ended or now(),
        digest=prepared.digest,
        kind=run.plan.kind,
        base=run.plan.base,
        numbers=prepared.matrix.numbers,
        judge=prepared.judge,
        adapter=prepared.adapter,
        axes=prepared.axes,
        questions=tuple(dict.fromkeys(question for cell in prepared.matrix.cells for question in cell.questions)),
        bars=str(prepared.bars),
        cells=cells,
        verdict=decided.verdict,
        reasons=decided.reasons,
        shares=decided.shares,
        notes=(*notes, *_notes(prepared, cells)),
        calibration=calibrated(cells, votes_by_picture(run.folder), prepared.bars.cell.get(PHOTOGRAPHIC)),
        calls=paid[0],
        cost=paid[1],
        currency=run.plan.budget.currency,
    )
    agreement = BlindJudging(run.folder, folder_of(run.folder, prepared.number), report).agreement()
    return msgspec.structs.replace(report, agreement=agreement if agreement.people else None)


def _cell(
    run: Run, prepared: Prepared, at: int, pictures: Mapping[str, tuple[Path, str]], found: Mapping[str, CellFound]
) -> JudgedCell:
    cell = prepared.matrix.cells[at]
    known = found.get(cell.name, CellFound())
    place = pictures.get(cell.name)
    beside = tuple(from_run(run, path) for path in prepared.references[at])
    if known.scores:
        status = CellStatus.JUDGED
    elif known.why and not known.is_open:
        status = CellStatus.UNJUDGED
    else:
        status = CellStatus.UNPAINTED if place is None else CellStatus.WAITING
    return JudgedCell(
        name=cell.name,
        prompt=cell.prompt,
        seed=cell.seed,
        status=status,
        picture=None if place is None else from_run(run, place[0]),
        sha256="" if place is None else place[1],
        references=beside if known.references is None else known.references,
        scores=known.scores,
        answers=known.answers,
        why=known.why,
        cost=known.cost,
    )


def _notes(prepared: Prepared, cells: Sequence[JudgedCell]) -> list[str]:
    notes = []
    count = len(cells)
    widest = wilson(count, count)
    if widest.width >= WIDE:
        notes.append(f"{count} cells are few: all of them passing says {widest.low:.0%} to 100 % at 95 % confidence")
    if prepared.matrix.left_out:
        notes.append(f"{prepared.matrix.left_out} more cells of these prompts and seeds were left out ([judge] cells)")
    return notes
