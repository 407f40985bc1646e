"""`state.json`: what happened in a run, one document written whole and synced before and after every step that costs.

Each Struct here is one step's; its room fills it. Paths are relative to the run's folder, times are UTC in ISO 8601,
amounts in the run's currency. New fields are appended with defaults, so that older runs are read.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from kilnmark.lab.run.trained import Checkpoint, TrainerProcess, Training, TrainingStatus

__all__ = [
    "Checkpoint",
    "Deployment",
    "JudgedRun",
    "Outcome",
    "Pick",
    "Preflight",
    "Promotion",
    "RunState",
    "Spending",
    "Sweep",
    "TrainerProcess",
    "Training",
    "TrainingStatus",
    "Verification",
]


class Outcome(StrEnum):
    """What a step that judges came to."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"


class Preflight(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of the dataset.

    Attributes:
        at: When.
        outcome: Whether it can be trained on.
        pairs: Pictures with their captions.
        sha256: Over all files of it, by name and content.
        problems: What was refused or warned of, in sentences.
        refused: How many of these refuse it; they come first.
        report: All that was found, in the run's folder.
        sheets: The pages of its contact sheet, in the run's folder.
        given: What each trainer is to be given, by its name, in the run's folder.
    """

    at: str
    outcome: Outcome
    pairs: int
    sha256: str
    problems: tuple[str, ...] = ()
    refused: int = 0
    report: str | None = None
    sheets: tuple[str, ...] = ()
    given: Mapping[str, str] = {}


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """One amount that was spent, or that was reserved before it was.

    Attributes:
        at: When.
        what: For what.
        key: What it is recognised by when it is told again.
        amount: In the run's currency.
        settled: Whether it is what was charged, rather than what was reckoned with.
    """

    at: str
    what: str
    key: str
    amount: float
    settled: bool = False


class Pick(msgspec.Struct, frozen=True, kw_only=True):
    """Which checkpoint was chosen.

    Attributes:
        at: When.
        step: The checkpoint's.
        sha256: Of its bytes.
        scale: At which it is to be used.
        why: The reason, in a sentence.
        by: The person who overruled; None: the bars.
    """

    at: str
    step: int
    sha256: str
    scale: float
    why: str
    by: str | None = None


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """What the sweep came to. Each cell's own numbers lie in `cells/`.

    Attributes:
        at: When it was begun.
        cells: How many there are to be.
        painted: How many there are.
        sheet: The contact sheet, in the run's folder.
        pick: The one that is chosen now.
        ended: When it ended.
        picks: All that were ever chosen, the last one last.
    """

    at: str
    cells: int
    painted: int = 0
    sheet: str | None = None
    pick: Pick | None = None
    ended: str | None = None
    picks: tuple[Pick, ...] = ()


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """A copy of the picked adapter where it is used.

    Attributes:
        at: When.
        where: The path or address.
        slot: What kind of place it is.
        sha256: Of its bytes.
    """

    at: str
    where: str
    slot: str
    sha256: str


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate says of one adapter.

    Attributes:
        at: When.
        sha256: Of the adapter's bytes.
        outcome: Whether it may be promoted.
        report: In the run's folder.
        report_sha256: Of the report's bytes.
        thresholds: The version of the thresholds.
        reasons: What failed, in sentences.
        signed_by: Who signed it off.
        left_open: What was not asked of it, or could not be measured, in sentences.
    """

    at: str
    sha256: str
    outcome: Outcome
    report: str
    report_sha256: str
    thresholds: str
    reasons: tuple[str, ...] = ()
    signed_by: str | None = None
    left_open: tuple[str, ...] = ()


class JudgedRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge said of a run's matrix.

    Attributes:
        at: When it was begun.
        sha256: Of the adapter's bytes.
        judge: Who.
        verdict: `PROCEED`, `REJECT` or `IN FLIGHT`.
        bars: The bars and their version.
        folder: Where its pictures and scores lie, in the run's folder.
        reasons: Why, by cell.
        cells: How many there are.
        passed: How many passed, by axis.
        ended: When it ended.
        judged: How many cells have their scores.
        cost: What it cost so far, or may have.
        is_metric: Whether numbers judged, and nobody looked.
        digest: Of everything that it is made of; another one is another judging.
    """

    at: str
    sha256: str
    judge: str
    verdict: str
    bars: str
    folder: str
    reasons: tuple[str, ...] = ()
    cells: int = 0
    passed: Mapping[str, int] = {}
    ended: str | None = None
    judged: int = 0
    cost: float = 0.0
    is_metric: bool = False
    digest: str = ""


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """The run's adapter promoted, or demoted again.

    Attributes:
        at: When.
        genre: Where it serves.
        name: As what.
        sha256: Of its bytes.
        by: Who signed.
        demoted: Whether it was taken away.
    """

    at: str
    genre: str
    name: str
    sha256: str
    by: str
    demoted: bool = False


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """All that happened in a run.

    Attributes:
        run_id: Of this run alone, wherever it is copied to.
        created: When.
        kilnmark: The version that made it.
        spending: What was spent and reserved.
    """

    run_id: str
    created: str
    kilnmark: str
    version: int = 1
    preflight: Preflight | None = None
    training: Training | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    sweep: Sweep | None = None
    deployments: tuple[Deployment, ...] = ()
    verification: Verification | None = None
    judgements: tuple[JudgedRun, ...] = ()
    promotions: tuple[Promotion, ...] = ()
    spending: tuple[Spending, ...] = ()
