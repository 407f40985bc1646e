"""What a judging came to, as it is left for people and programs: `judgement.json` in the judging's folder.

All of it can be made again from the pictures, the calls and the votes that lie beside it. Nothing is decided here.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.judging.axes import Axis
from kilnmark.lab.judging.kappa import Agreement
from kilnmark.protocol.picture.asked import AskedNumbers

__all__ = [
    "JUDGEMENT",
    "AxisShare",
    "Calibration",
    "CellStatus",
    "JudgeSaid",
    "JudgedAdapter",
    "JudgedCell",
    "JudgementReport",
    "JudgingVerdict",
    "Score",
    "read_judgement",
    "write_judgement",
]

JUDGEMENT: Final = "judgement.json"


class JudgingVerdict(StrEnum):
    """What a judgement comes to."""

    PROCEED = "PROCEED"
    REJECT = "REJECT"
    IN_FLIGHT = "IN FLIGHT"


class CellStatus(StrEnum):
    """Where a cell stands.

    Attributes:
        UNPAINTED: There is no picture yet.
        WAITING: It was not judged yet.
        JUDGED: It has its scores.
        UNJUDGED: It was tried, and could not be judged; the reason is told.
    """

    UNPAINTED = "unpainted"
    WAITING = "waiting"
    JUDGED = "judged"
    UNJUDGED = "unjudged"


class Score(msgspec.Struct, frozen=True):
    """What a judge says of one picture on one axis.

    Attributes:
        axis: Its name.
        score: 0 to 1.
        sentence: Why.
    """

    axis: str
    score: float
    sentence: str


class JudgedCell(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of the matrix.

    Attributes:
        name: Prompt and seed: `p1-s101`.
        prompt: As it was painted.
        seed: Likewise.
        status: Where it stands.
        picture: The file, from the run's folder.
        sha256: Of its bytes.
        references: Pictures of the dataset that it was held beside, from the run's folder.
        scores: By axis.
        answers: To the questions, in their order.
        passed: Whether it passes, by axis.
        why: Why it is not judged.
        cost: Of judging it.
    """

    name: str
    prompt: str
    seed: int
    status: CellStatus = CellStatus.UNPAINTED
    picture: str | None = None
    sha256: str = ""
    references: tuple[str, ...] = ()
    scores: tuple[Score, ...] = ()
    answers: tuple[bool, ...] = ()
    passed: Mapping[str, bool] = {}
    why: str = ""
    cost: float = 0.0

    def score(self, axis: str) -> Score | None:
        """What was said of it on an axis; None where nothing was."""
        return next((score for score in self.scores if score.axis == axis), None)


class AxisShare(msgspec.Struct, frozen=True, kw_only=True):
    """How many cells pass an axis.

    Attributes:
        axis: Its name; `all`: every axis that has a bar.
        title: In a word.
        passed: How many pass.
        of: Of how many that were judged.
        low, high: Where the share may lie, at 95 %.
        mean: Of the scores; None where there are none.
        needed: How many of all cells have to pass; None: the bars do not say.
    """

    axis: str
    title: str
    passed: int
    of: int
    low: float
    high: float
    mean: float | None = None
    needed: int | None = None

    @property
    def counted(self) -> str:
        """How many pass, in words."""
        return f"{self.passed} of {self.of} pass" if self.of else "none judged yet"

    @property
    def within(self) -> str:
        """Where the share may lie, in words; empty where nothing was judged, and nothing is known of it."""
        return f"at 95 % {self.low:.0%} to {self.high:.0%}" if self.of else ""


class JudgeSaid(msgspec.Struct, frozen=True, kw_only=True):
    """Who judged.

    Attributes:
        kind: `openai`, `anthropic`, `metric` or `person`.
        name: What they are called: the model, or the metric and its version.
        base_url: Where a model was asked; empty: nothing left this machine.
        is_metric: Whether these are numbers, and nobody looked.
    """

    kind: str
    name: str
    base_url: str = ""
    is_metric: bool = False


class JudgedAdapter(msgspec.Struct, frozen=True, kw_only=True):
    """Whose pictures were judged.

    Attributes:
        name: What it is called.
        step: Its checkpoint's.
        file: In the run's folder.
        sha256: Of its bytes.
        scale: At which it was painted with.
    """

    name: str
    step: int
    file: str
    sha256: str
    scale: float


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """How a judge's scores stand to what people voted of the same pictures.

    Attributes:
        axis: Whose scores.
        cells: Pictures that both judged.
        people: How many voted.
        bar: The score that the bars pass.
        agreed: Pictures on which judge and people say the same at that bar.
        best: The score at which they agree most often.
        best_agreed: On how many they agree there.
    """

    axis: str
    cells: int
    people: int
    bar: float
    agreed: int
    best: float
    best_agreed: int


class JudgementReport(msgspec.Struct, frozen=True, kw_only=True):
    """One judging.

    Attributes:
        number: Of the run's judgings, from 1.
        at: When it was begun.
        ended: When every cell was judged or the verdict stood; None: it goes on.
        digest: Of everything that it is made of; another one is another judging.
        kind: What the adapter teaches.
        base: The variant that it was painted on.
        numbers: That every picture was painted with.
        judge: Who judged.
        adapter: Whose pictures.
        axes: What they were scored on.
        questions: What was asked beside.
        bars: The bars and their version.
        cells: Every one, judged or not.
        verdict: What it comes to.
        reasons: Why, by cell.
        shares: By axis, those with bars; last the cells that pass all of them.
        notes: What has to be known to read it.
        agreement: How far people agree; None: no people judged.
        calibration: How the judge stands to people; None: there are no votes on these pictures.
        calls: Calls that a judge was paid for, or may have been.
        cost: Of all of them.
        currency: Of the cost.
    """

    version: int = 1
    number: int
    at: str
    ended: str | None = None
    digest: str
    kind: str
    base: str
    numbers: AskedNumbers = AskedNumbers()
    judge: JudgeSaid
    adapter: JudgedAdapter
    axes: tuple[Axis, ...]
    questions: tuple[str, ...] = ()
    bars: str
    cells: tuple[JudgedCell, ...]
    verdict: JudgingVerdict = JudgingVerdict.IN_FLIGHT
    reasons: tuple[str, ...] = ()
    shares: tuple[AxisShare, ...] = ()
    notes: tuple[str, ...] = ()
    agreement: Agreement | None = None
    calibration: Calibration | None = None
    calls: int = 0
    cost: float = 0.0
    currency: str = "USD"

    @property
    def judged(self) -> int:
        """How many cells have their scores."""
        return sum(cell.status is CellStatus.JUDGED for cell in self.cells)

    def title(self, axis: str) -> str:
        """What an axis is called."""
        return next((each.title for each in self.axes if each.name == axis), axis)


def read_judgement(folder: Path) -> JudgementReport | None:
    """What a judging came to so far; None where nothing was written yet.

    Args:
        folder: The judging's own.

    Raises:
        RunUnusable: It cannot be read.
    """
    path = folder / JUDGEMENT
    try:
        return msgspec.json.decode(path.read_bytes(), type=JudgementReport)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        mend = "take it away; `kilnmark lab judge` makes it again from what lies beside it"
        raise RunUnusable(str(path), str(error), mend) from error


def write_judgement(folder: Path, report: JudgementReport) -> None:
    """Leave it, whole and synced.

    Raises:
        RunUnusable: It cannot be written.
    """
    path = folder / JUDGEMENT
    try:
        with written_whole(path, alone=True) as file:
            file.write(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    except OSError as error:
        raise RunUnusable(str(path), error.strerror or str(error), "make room for it") from error
