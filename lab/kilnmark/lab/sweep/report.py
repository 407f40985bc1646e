"""What a sweep found, as it is kept in `report/` beside its sheet: rows with their numbers, the bars, and the pick."""

from pathlib import Path
from typing import Final

import msgspec

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.run.state import Pick
from kilnmark.lab.sweep.bars import SweepBars
from kilnmark.lab.sweep.rows import SweepRow

__all__ = ["REPORT", "SHEET", "SweepQuestion", "SweepReport", "SweepVerdict", "read_report", "write_report"]

REPORT: Final = "sweep.json"
SHEET: Final = "sweep.png"


class SweepVerdict(msgspec.Struct, frozen=True):
    """What the bars say of one row.

    Attributes:
        row: Its numbers.
        missed: What it misses, in words; none where it passes every bar.
        unmeasured: What it could not be held to.
        early: Why it is not picked though it passes; empty: it is no reason.
    """

    row: SweepRow
    missed: tuple[str, ...]
    unmeasured: tuple[str, ...] = ()
    early: str = ""


class SweepQuestion(msgspec.Struct, frozen=True):
    """What is to be looked at in the pictures of one prompt, by a judge."""

    prompt: str
    questions: tuple[str, ...]


class SweepReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that a sweep found.

    Attributes:
        at: When it ended.
        variant: The base.
        bars: What was held to.
        verdicts: Of every checkpoint at every scale, by steps.
        pick: Of the bars; None: no checkpoint passes all of them.
        picked: What is picked now, which a person may have decided.
        taught: How many training pictures the pictures were held to.
        too_near: Distance to one of them below which a picture counts as one; None: there are none.
        questions: For the judge.
        warnings: What people should know, in sentences.
        sheet: The contact sheet, in the run's folder.
        kept, painted, failed: Cells that were there, that were painted now, and that could not be.
    """

    at: str
    variant: str
    bars: SweepBars
    verdicts: tuple[SweepVerdict, ...]
    pick: Pick | None
    picked: Pick | None
    taught: int
    too_near: float | None
    questions: tuple[SweepQuestion, ...] = ()
    warnings: tuple[str, ...] = ()
    sheet: str = ""
    kept: int = 0
    painted: int = 0
    failed: int = 0


def write_report(folder: Path, report: SweepReport) -> None:
    """Write it whole into a run's `report/`.

    Raises:
        RunUnusable: It cannot be written.
    """
    path = folder / REPORT
    try:
        with written_whole(path, alone=True) as file:
            file.write(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    except OSError as error:
        raise RunUnusable(str(path), error.strerror or str(error), "make room for it") from error


def read_report(folder: Path) -> SweepReport | None:
    """The last one in a run's `report/`; None where there is none.

    Raises:
        RunUnusable: It cannot be read.
    """
    path = folder / REPORT
    try:
        return msgspec.json.decode(path.read_bytes(), type=SweepReport)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunUnusable(str(path), str(error), "sweep again; painted cells stay") from error
