"""What the page of a run shows, put together of its folder: facts and addresses, no markup.

Nothing is judged here; `standing` says how the run stands, and the judgement's own report what its pictures are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from kilnmark.client.web.files import inside
from kilnmark.lab.errors import LabError
from kilnmark.lab.figures.words import time_words
from kilnmark.lab.gate.report import PAGE as GATE_PAGE
from kilnmark.lab.judging.axes import IDENTITY, PHOTOGRAPHIC
from kilnmark.lab.judging.report import CellStatus, JudgedCell, JudgementReport, read_judgement
from kilnmark.lab.pages.markdown import rendered
from kilnmark.lab.pages.places import FILES, picture_of_run, quoted
from kilnmark.lab.pages.words import moment, seconds_between, since
from kilnmark.lab.run.found import FoundRun
from kilnmark.lab.run.next import NextStep, next_steps
from kilnmark.lab.run.plan import RunPlan
from kilnmark.lab.run.standing import RunStanding, cost_of, last_judgement, last_moment, serving
from kilnmark.lab.run.state import RunState
from kilnmark.lab.run.summary import NOTES, SUMMARY

__all__ = ["Fact", "JudgedTile", "RunView", "Stat", "view_of_run"]

_ALL = "all"
_LONGEST_TEXT = 200_000
"""Bytes of a summary that are shown."""


class Stat(NamedTuple):
    """One number on a card."""

    label: str
    value: str
    of: str


class Fact(NamedTuple):
    """One line of a list of facts; `address` leads to more, where there is more."""

    name: str
    value: str
    address: str | None = None


class AxisSaid(NamedTuple):
    """What a judge said of a tile on one axis."""

    axis: str
    score: float
    sentence: str
    passed: bool | None


@dataclass(frozen=True)
class JudgedTile:
    """One picture that was judged, and what it was held beside.

    Attributes:
        name: Of the cell.
        prompt, seed: As it was painted.
        standing: `passed`, `failed` or `waiting`, with why in `why`.
        picture: Its small picture, from the run's page; None where there is none.
        whole: The picture itself.
        sources: Small pictures of the dataset.
        said: By axis.
        answers: Questions, and whether yes.
        why: Why it is not judged.
    """

    name: str
    prompt: str
    seed: int
    standing: str
    picture: str | None
    whole: str | None
    sources: tuple[str, ...]
    said: tuple[AxisSaid, ...]
    answers: tuple[tuple[str, bool], ...]
    why: str


@dataclass(frozen=True)
class RunView:
    """All that the page of a run shows.

    Attributes:
        run: Which.
        plan: What was decided.
        state: What happened; None: nothing yet.
        standing: How it stands.
        changed: When something happened last, in words.
        next: How to go on.
        stats: Numbers on cards.
        judgement: Of the picked adapter; None where there is none.
        blind: The number of the judging that people can vote in; None where there is none.
        tiles: Of its cells.
        sheet: The sweep's contact sheet: small and whole.
        training: Facts of its training and dataset.
        checks: Facts of gate, judgements, promotions and deployments.
        summary: `SUMMARY.md` as HTML; empty where there is none.
        problems: What could not be read.
    """

    run: FoundRun
    plan: RunPlan
    state: RunState | None
    standing: RunStanding
    changed: str
    next: tuple[NextStep, ...]
    stats: tuple[Stat, ...]
    judgement: JudgementReport | None
    blind: int | None
    tiles: tuple[JudgedTile, ...]
    sheet: tuple[str, str] | None
    training: tuple[Fact, ...]
    checks: tuple[Fact, ...]
    summary: str
    problems: tuple[str, ...]


def view_of_run(run: FoundRun, folder: str) -> RunView | None:
    """What is shown of a run; None where the run cannot be read.

    Args:
        run: Which.
        folder: The run's folder as it is to be typed.
    """
    plan, state, standing = run.plan, run.state, run.standing
    if plan is None or standing is None:
        return None
    problems: list[str] = []
    judgement = _judgement(run, problems)
    sheet = state.sweep.sheet if state and state.sweep else None
    return RunView(
        run=run,
        plan=plan,
        state=state,
        standing=standing,
        changed=since(run.changed),
        next=next_steps(folder, plan, state, held=standing.held),
        stats=tuple(_stats(plan, state, judgement)),
        judgement=judgement,
        blind=_blind(judgement),
        tiles=tuple(_tile(run, judgement, cell) for cell in judgement.cells) if judgement else (),
        sheet=_sheet(run, sheet) if sheet else None,
        training=tuple(_training(run, plan, state)),
        checks=tuple(_checks(run, state)) if state else (),
        summary=_summary(run, problems),
        problems=tuple(problems),
    )


def _judgement(run: FoundRun, problems: list[str]) -> JudgementReport | None:
    judged = last_judgement(run.state) if run.state else None
    if judged is None:
        return None
    try:
        return read_judgement(run.folder / judged.folder)
    except LabError as error:
        problems.append(str(error))
        return None


def _blind(judgement: JudgementReport | None) -> int | None:
    """People can vote beside any judge: it is held to what they say."""
    cells = judgement.cells if judgement else ()
    return judgement.number if judgement and any(cell.picture and cell.references for cell in cells) else None


def _stats(plan: RunPlan, state: RunState | None, judgement: JudgementReport | None) -> Iterator[Stat]:
    shares = {share.axis: share for share in judgement.shares} if judgement else {}
    for axis, label in ((IDENTITY, "identity passes"), (PHOTOGRAPHIC, "photographic passes"), (_ALL, "full passes")):
        if share := shares.get(axis):
            yield Stat(label, f"{share.passed} of {share.of}" if share.of else share.counted, share.within)
    cost, limit = cost_of(state), plan.budget.limit
    yield Stat("cost", f"{cost:.2f} {plan.budget.currency}", f"budget {limit:.2f}")
    if state and (seconds := _seconds(state)) is not None:
        yield Stat("time", time_words(seconds), "from the first step to the last")


def _seconds(state: RunState) -> float | None:
    promotion = serving(state)
    return seconds_between(state.created, promotion.at if promotion else last_moment(state))


def _tile(run: FoundRun, report: JudgementReport, cell: JudgedCell) -> JudgedTile:
    judged = cell.status is CellStatus.JUDGED
    standing = "waiting" if not judged else "passed" if all(cell.passed.values()) else "failed"
    picture = cell.picture if cell.picture and inside(run.folder, cell.picture) else None
    return JudgedTile(
        name=cell.name,
        prompt=cell.prompt,
        seed=cell.seed,
        standing=standing,
        picture=picture_of_run(run, picture) if picture else None,
        whole=picture_of_run(run, picture, small=False) if picture else None,
        sources=tuple(address for file in cell.references[:3] if (address := picture_of_run(run, file))),
        said=tuple(
            AxisSaid(report.title(score.axis), score.score, score.sentence, cell.passed.get(score.axis))
            for score in cell.scores
        ),
        answers=tuple(zip(report.questions, cell.answers, strict=False)),
        why=cell.why or ("" if judged else str(cell.status)),
    )


def _sheet(run: FoundRun, file: str) -> tuple[str, str] | None:
    if inside(run.folder, file) is None:
        return None
    small, whole = picture_of_run(run, file), picture_of_run(run, file, small=False)
    return (small, whole) if small and whole else None


def _training(run: FoundRun, plan: RunPlan, state: RunState | None) -> Iterator[Fact]:
    trained = state.training if state else None
    numbers = plan.training
    yield Fact("trainer", trained.trainer if trained else numbers.trainer)
    yield Fact("steps", f"{trained.step} of {trained.steps or numbers.steps}" if trained else str(numbers.steps))
    yield Fact("checkpoint every", f"{numbers.save_every} steps")
    yield Fact("rank", str(numbers.rank))
    yield Fact("learning rate", f"{numbers.learning_rate:g}")
    yield Fact("seed", str(numbers.seed))
    found = state.preflight if state else None
    pairs = f"{found.pairs} pairs, {found.outcome}" if found else "not looked at yet"
    yield Fact("dataset", f"{plan.dataset.path}: {pairs}")
    if found:
        yield Fact("dataset's hash", found.sha256)
    if trained is None or state is None:
        return
    yield Fact("status", str(trained.status))
    if trained.failure:
        yield Fact("first failure", trained.failure)
    for note in trained.notes:
        yield Fact("note", note)
    if trained.remote_id:
        yield Fact("remote's name for it", trained.remote_id)
    if trained.log:
        yield Fact("log", trained.log, _address(run, trained.log))
    for entry in state.spending:
        settled = "" if entry.settled else ", reserved"
        yield Fact("cost", f"{entry.amount:.2f} {plan.budget.currency} for {entry.what}{settled}")
    for name, version in trained.environment.items():
        yield Fact(name, version)


def _checks(run: FoundRun, state: RunState) -> Iterator[Fact]:
    if found := state.verification:
        signed = f"signed by {found.signed_by}" if found.signed_by else "not signed"
        said = f"{found.outcome} by thresholds {found.thresholds}, {signed}, {moment(found.at)}"
        page = f"{found.report.rpartition('/')[0]}/{GATE_PAGE}"
        yield Fact("gate", said, _address(run, page) or _address(run, found.report))
        for sentence in found.left_open:
            yield Fact("left open by the gate", sentence)
    for judged in state.judgements:
        yield Fact("judgement", f"{judged.verdict} by {judged.judge}, {judged.bars}, {moment(judged.at)}")
    for one in state.promotions:
        word = "demoted" if one.demoted else "promoted"
        yield Fact(word, f"{one.name} in {one.genre} by {one.by}, {moment(one.at)}")
    for copy in state.deployments:
        yield Fact("deployed", f"{copy.where} ({copy.slot}), {moment(copy.at)}")


def _address(run: FoundRun, file: str) -> str | None:
    """Of a report or a log, from the run's page; None where it is not there."""
    return quoted(f"{FILES}/{file}") if inside(run.folder, file) else None


def _summary(run: FoundRun, problems: list[str]) -> str:
    path = inside(run.folder, SUMMARY)
    if path is None:
        return ""
    try:
        text = path.read_bytes()[:_LONGEST_TEXT].decode("utf-8", "replace")
    except OSError as error:
        problems.append(f"{SUMMARY}: {error.strerror}")
        return ""
    return rendered(text.replace(NOTES, ""), level=2)
