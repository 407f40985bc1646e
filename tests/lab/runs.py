"""Runs in every state that one can be in, made by the run folder's own API; also a folder of them to look at.

`python -m tests.lab.runs FOLDER` leaves one of each, with pictures that one can tell apart.
"""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from PIL import Image

from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.run.manifest import Manifest, write_manifest
from kilnmark.lab.judging.axes import standard_axes
from kilnmark.lab.judging.intervals import wilson
from kilnmark.lab.judging.report import (
    AxisShare,
    CellStatus,
    JudgedAdapter,
    JudgedCell,
    JudgementReport,
    JudgeSaid,
    JudgingVerdict,
    Score,
    write_judgement,
)
from kilnmark.lab.run.folder import Run, open_run
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import BudgetPlan, DatasetPlan, Prompt, RunPlan, SweepPlan
from kilnmark.lab.run.state import (
    Checkpoint,
    Deployment,
    JudgedRun,
    Outcome,
    Pick,
    Preflight,
    Promotion,
    Spending,
    Sweep,
    Training,
    TrainingStatus,
    Verification,
)
from tests.client.batch.gallery import ENTRIES, STACKS, picture

__all__ = [
    "MOMENTS",
    "NAMES",
    "STATES",
    "fill_judged",
    "judged",
    "make_batch",
    "make_documents",
    "make_run",
    "make_runs",
    "make_set",
    "painted",
    "said_in",
]

MOMENTS: Final = [f"2026-11-{day:02d}T10:00:00+00:00" for day in range(1, 28)]
"""Times of which each is a day after the other."""


def sha(text: str) -> str:
    """Of a text, as the hashes of files are."""
    return hashlib.sha256(text.encode()).hexdigest()


def plan(name: str) -> RunPlan:
    """What is decided of a run."""
    prompts = (
        Prompt(role="familiar", text="inkwash, a mill by a river"),
        Prompt(role="control", text="a mill by a river"),
    )
    return RunPlan(
        name=name,
        kind="style",
        trigger="inkwash",
        base="mini",
        genre="tides",
        dataset=DatasetPlan(path="../set", size=128),
        sweep=SweepPlan(prompts=prompts),
        budget=BudgetPlan(limit=20.0),
    )


PASSED = Preflight(at=MOMENTS[1], outcome=Outcome.PASSED, pairs=150, sha256=sha("set"))
TRAINING = Training(at=MOMENTS[2], status=TrainingStatus.RUNNING, trainer="remote", key="k1", step=400, log="train.log")
TRAINED = msgspec.structs.replace(TRAINING, status=TrainingStatus.SUCCEEDED, step=1000, ended=MOMENTS[3])
CHECKPOINTS = tuple(
    Checkpoint(
        step=step,
        file=f"checkpoints/ink-{step:06d}.safetensors",
        sha256=sha(f"step {step}"),
        origin="trained",
        verdict="engaged",
        matched_key_count=152,
        total_key_count=152,
    )
    for step in (200, 400, 600)
)
COST = (Spending(at=MOMENTS[2], what="training", key="k1", amount=4.5, settled=True),)
SWEPT = Sweep(at=MOMENTS[4], cells=60, painted=60, sheet="report/sweep.png", ended=MOMENTS[5])
PICK = Pick(at=MOMENTS[5], step=400, sha256=CHECKPOINTS[1].sha256, scale=1.0, why="the earliest that passes every bar")
PICKED = msgspec.structs.replace(SWEPT, pick=PICK)
VERIFIED = Verification(
    at=MOMENTS[6],
    sha256=PICK.sha256,
    outcome=Outcome.PASSED,
    report="report/verify/report.json",
    report_sha256=sha("report"),
    thresholds="style 1",
)
SIGNED = msgspec.structs.replace(VERIFIED, signed_by="Ada")
JUDGED = JudgedRun(
    at=MOMENTS[7],
    sha256=PICK.sha256,
    judge="metric",
    verdict="PROCEED",
    bars="default 2",
    folder="report/judge-1",
    cells=6,
    passed={"Q1": 6, "Q4": 6, "all": 6},
    ended=MOMENTS[8],
)
REJECTED = msgspec.structs.replace(
    JUDGED,
    verdict="REJECT",
    passed={"Q1": 4, "Q4": 6, "all": 4},
    reasons=("p2-s101: identity 0.31 is below 0.70: another hand",),
)
DEPLOYED = Deployment(at=MOMENTS[8], where="genre_packs/tides/loras/ink.safetensors", slot="folder", sha256=PICK.sha256)
PROMOTED = Promotion(at=MOMENTS[9], genre="tides", name="ink", sha256=PICK.sha256, by="Ada")

_GATED: dict[str, Any] = {
    "preflight": PASSED,
    "training": TRAINED,
    "checkpoints": CHECKPOINTS,
    "spending": COST,
    "sweep": PICKED,
    "verification": SIGNED,
}


def _training(status: TrainingStatus, failure: str | None = None, remote: str | None = None) -> dict[str, Any]:
    training = msgspec.structs.replace(TRAINING, status=status, failure=failure, remote_id=remote)
    return {"preflight": PASSED, "training": training, "spending": COST}


STATES: Final[dict[str, dict[str, Any]]] = {
    "untouched": {},
    "refused": {
        "preflight": msgspec.structs.replace(
            PASSED, outcome=Outcome.FAILED, problems=("a.png has no caption", "b.png cannot be decoded")
        )
    },
    "checked": {"preflight": PASSED},
    "doubtful": {"preflight": msgspec.structs.replace(PASSED, outcome=Outcome.UNDECIDED, problems=("3 are blurred",))},
    "intended": _training(TrainingStatus.INTENDED),
    "training": _training(TrainingStatus.RUNNING) | {"checkpoints": CHECKPOINTS[:1]},
    "failed": _training(TrainingStatus.FAILED, "RuntimeError: <b>out of memory</b>"),
    "cancelled": _training(TrainingStatus.CANCELLED, "cancelled by ada", "r8-1"),
    "dead": _training(TrainingStatus.DEAD, "all 152 updates are exactly zero") | {"checkpoints": CHECKPOINTS[:1]},
    "trained": {"preflight": PASSED, "training": TRAINED, "checkpoints": CHECKPOINTS, "spending": COST},
    "uncollected": {"preflight": PASSED, "training": TRAINED},
    "imported": {"checkpoints": CHECKPOINTS},
    "sweeping": {"checkpoints": CHECKPOINTS, "sweep": msgspec.structs.replace(SWEPT, painted=23, ended=None)},
    "unpicked": {"checkpoints": CHECKPOINTS, "sweep": SWEPT},
    "picked": {"checkpoints": CHECKPOINTS, "sweep": PICKED},
    "verified": _GATED | {"verification": VERIFIED},
    "signed": _GATED,
    "ungated": _GATED
    | {"verification": msgspec.structs.replace(VERIFIED, outcome=Outcome.FAILED, reasons=("it does nothing",))},
    "undecided": _GATED | {"verification": msgspec.structs.replace(VERIFIED, outcome=Outcome.UNDECIDED)},
    "judging": _GATED | {"judgements": (msgspec.structs.replace(JUDGED, verdict="IN FLIGHT", ended=None),)},
    "good": _GATED | {"judgements": (JUDGED,)},
    "unsigned": _GATED | {"verification": VERIFIED, "judgements": (JUDGED,)},
    "bad": _GATED | {"judgements": (REJECTED,)},
    "promoted": _GATED | {"judgements": (JUDGED,), "promotions": (PROMOTED,)},
    "demoted": _GATED
    | {"deployments": (DEPLOYED,)}
    | {"judgements": (JUDGED,), "promotions": (PROMOTED, msgspec.structs.replace(PROMOTED, demoted=True))},
}
"""What happened in each, by its name."""

NAMES: Final = tuple(STATES)


def make_run(folder: Path, name: str, fill: Callable[[Run], None] | None = None) -> Path:
    """Make the run of a name in a folder.

    Args:
        folder: Where it is to be, under its name.
        name: One of `NAMES`.
        fill: What else is done while it is held.
    """
    place = folder / name
    new_run(place, plan(name))
    if name == "untouched":
        return place
    with open_run(place) as run:
        run.change(created=MOMENTS[0], **STATES[name])
        if fill:
            fill(run)
    return place


def painted(goal: Path, seed: int, size: tuple[int, int] = (96, 128)) -> Path:
    """A picture that can be told from those of other seeds."""
    chance = np.random.default_rng(seed)
    width, height = size
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    sky, land = chance.uniform(60, 240, (2, 3))
    ridge = 0.5 + 0.2 * np.sin(across * chance.uniform(3, 9) + chance.uniform(0, 6))
    canvas = np.where((down > ridge)[..., None], land * 0.6, sky * (1 - down[..., None] * 0.5))
    goal.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8)).save(goal)
    return goal


REAL = 3
"""Pictures of the dataset."""


def judged(verdict: JudgingVerdict, *, person: bool = False) -> JudgementReport:
    """What a judging of six cells came to."""
    cells = tuple(_cell(number, verdict) for number in range(6))
    good = sum(all(cell.passed.values()) for cell in cells)
    at = [cell.score("Q1") for cell in cells]
    mean = sum(score.score for score in at if score) / 6
    metric, people = JudgeSaid(kind="metric", name="metric 1", is_metric=True), JudgeSaid(kind="person", name="people")

    def share(axis: str, title: str, passed: int, mean: float | None = None) -> AxisShare:
        within = wilson(passed, 6)
        return AxisShare(axis=axis, title=title, passed=passed, of=6, low=within.low, high=within.high, mean=mean)

    return JudgementReport(
        number=1,
        at=MOMENTS[7],
        ended=None if verdict is JudgingVerdict.IN_FLIGHT else MOMENTS[8],
        digest=sha("judging"),
        kind="style",
        base="mini",
        judge=people if person else metric,
        adapter=JudgedAdapter(name="ink", step=400, file=CHECKPOINTS[1].file, sha256=PICK.sha256, scale=1.0),
        axes=standard_axes("style"),
        questions=("Is the mill's wheel on its left?",),
        bars="default 2",
        cells=cells,
        verdict=verdict,
        reasons=REJECTED.reasons if verdict is JudgingVerdict.REJECT else (),
        shares=(share("Q1", "identity", good, mean), share("Q4", "photographic", 6, 0.9), share("all", "full", good)),
        notes=("six cells are few: the share may lie far from what is shown",),
    )


def _cell(number: int, verdict: JudgingVerdict) -> JudgedCell:
    name = f"p{number // 2 + 1}-s10{number % 2 + 1}"
    bad = verdict is JudgingVerdict.REJECT and number > 3
    identity = 0.31 if bad else 0.81 + number / 50
    waiting = verdict is JudgingVerdict.IN_FLIGHT and number > 3
    said = (
        Score("Q1", identity, "another hand" if bad else "the same hand, the same ink"),
        Score("Q4", 0.9, "nothing melted; <b>sound</b>"),
    )
    return JudgedCell(
        name=name,
        prompt="inkwash, a mill by a river, in the evening",
        seed=101 + number % 2,
        status=CellStatus.WAITING if waiting else CellStatus.JUDGED,
        picture=f"report/judge-1/{name}.png",
        sha256=sha(name),
        references=tuple(f"../set/{one}.png" for one in range(REAL)),
        scores=() if waiting else said,
        answers=() if waiting else (True,),
        passed={} if waiting else {"Q1": not bad, "Q4": True},
    )


def fill_judged(run: Run) -> None:
    """Leave the judging that a run's state speaks of, with its pictures, and the sheet of its sweep."""
    for one in run.state.judgements[-1:]:
        folder = run.folder / one.folder
        report = judged(JudgingVerdict(one.verdict), person=one.verdict == "IN FLIGHT")
        folder.mkdir(parents=True)
        write_judgement(folder, report)
        for number, cell in enumerate(report.cells):
            painted(run.folder / str(cell.picture), 20 + number)
    if run.state.sweep and run.state.sweep.sheet:
        painted(run.folder / run.state.sweep.sheet, 50, (640, 300))
    if run.state.training and run.state.training.log:
        (run.folder / run.state.training.log).write_text("step 1\nRuntimeError: <b>out of memory</b>\n")


def make_set(folder: Path) -> None:
    """The dataset that all the runs in a folder were made of."""
    for number in range(REAL):
        painted(folder / "set" / f"{number}.png", number)


def make_runs(folder: Path) -> None:
    """One of each, with a dataset, documents and a batch beside them."""
    make_set(folder)
    for name in NAMES:
        make_run(folder, name, fill_judged)
    make_documents(folder)
    make_batch(folder)


def make_documents(folder: Path) -> None:
    """What people wrote beside the runs in a folder."""
    documents = folder / "docs"
    documents.mkdir()
    (documents / "goals.md").write_text(DOCUMENT)
    (documents / "handover.md").write_text("# Handover\n\nBack to [the goals](goals.md#why).\n")
    painted(documents / "sketch.png", 60)


def make_batch(folder: Path) -> Path:
    """A batch beside the runs in a folder, with pictures that failed, too."""
    batch = folder / "weatherwright"
    batch.mkdir(parents=True)
    pairs = enumerate(zip(ENTRIES[:6], STACKS, strict=False))
    pictures = [picture(number, entry, stack) for number, (entry, stack) in pairs]
    pictures[1] = msgspec.structs.replace(pictures[1], status="failed", message="the worker was lost")
    for number, one in enumerate(pictures):
        if one.status == "done":
            painted(batch / one.file, 70 + number, (64, 48))
    write_manifest(batch, Manifest(pictures=pictures))
    return batch


DOCUMENT = """# Goals

An ink that *floods*, like the tide. See [the handover](handover.md).

## Why

- [x] <script>alert(1)</script>
- ![the sketch](sketch.png) ![elsewhere](https://example.invalid/a.png) [bad](javascript:alert(1))

| what | when |
|---|---|
| a pack | in spring |
"""


if __name__ == "__main__":
    make_runs(Path(sys.argv[1]))


def said_in(batch: Path) -> set[tuple[str, str, str]]:
    """What counts of the pictures of a batch: word, person and reason."""
    said = (one.standing for pick in PicksFiles.of(batch).read().entries for one in pick.pictures)
    return {(one.word, one.by, one.reason) for one in said if one is not None}
