"""How a run stands: which step it has come to, what that came to, and one line for whoever looks at it.

Only what `run.toml` and `state.json` say counts, and whether a command works in the run at this moment. What to do next
is `next`'s part; how it looks is not known here.
"""

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from kilnmark.lab.run.plan import RunPlan
from kilnmark.lab.run.state import (
    Checkpoint,
    JudgedRun,
    Outcome,
    Promotion,
    RunState,
    Sweep,
    Training,
    TrainingStatus,
    Verification,
)

__all__ = [
    "RunStanding",
    "RunVerdict",
    "Stage",
    "adapter_of_run",
    "cost_of",
    "last_judgement",
    "last_moment",
    "serving",
    "standing_of",
    "verification_of",
]

_EVERYTHING = "all"
"""What a judgement calls the share of cells that pass every axis."""


class Stage(StrEnum):
    """The step that a run has come to, in the order of its life."""

    NEW = "new"
    PREFLIGHT = "preflight"
    TRAINING = "training"
    CHECKPOINTS = "checkpoints"
    SWEEP = "sweep"
    VERIFICATION = "verification"
    JUDGEMENT = "judgement"
    PROMOTION = "promotion"


class RunVerdict(StrEnum):
    """What a run comes to.

    Attributes:
        IN_FLIGHT: A step of it has begun and not ended; whether a command works at it is another thing.
        WAITING: A step is done; somebody has to begin the next.
        FAILED: A step ended, and not as it should have.
        REJECT: The pictures were looked at, and are not good enough.
        PROCEED: They are; somebody has to promote the adapter.
        PROMOTED: It serves.
    """

    IN_FLIGHT = "IN FLIGHT"
    WAITING = "WAITING"
    FAILED = "FAILED"
    REJECT = "REJECT"
    PROCEED = "PROCEED"
    PROMOTED = "PROMOTED"

    @property
    def icon(self) -> str:
        """One character of it."""
        return {"IN FLIGHT": "◐", "WAITING": "○", "FAILED": "✗", "REJECT": "✗", "PROCEED": "✓", "PROMOTED": "★"}[self]


class RunStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How a run stands.

    Attributes:
        stage: The step that it has come to.
        verdict: What it comes to.
        line: In one line, for people.
        held: Whether a command works in it at this moment.
        reasons: What failed or is missing, in sentences.
        left_open: What the gate did not ask of its adapter, or could not measure, in sentences.
    """

    stage: Stage
    verdict: RunVerdict
    line: str
    held: bool = False
    reasons: tuple[str, ...] = ()
    left_open: tuple[str, ...] = ()

    @property
    def further(self) -> tuple[str, ...]:
        """The reasons that its line does not say already."""
        return tuple(reason for reason in self.reasons if reason not in self.line)


def standing_of(plan: RunPlan, state: RunState | None, *, held: bool = False) -> RunStanding:
    """How a run stands.

    Args:
        plan: What was decided.
        state: What happened; None: nothing yet.
        held: Whether a command works in it at this moment.
    """
    if state is None:
        found = RunStanding(stage=Stage.NEW, verdict=RunVerdict.WAITING, line="nothing was done yet")
    else:
        verified = verification_of(state)
        left_open = verified.left_open if verified else ()
        found = msgspec.structs.replace(next(_steps(plan, state)), left_open=left_open)
    if held and found.verdict in {RunVerdict.WAITING, RunVerdict.FAILED}:
        line = f"a command works in it; before that: {found.line}"
        return msgspec.structs.replace(found, verdict=RunVerdict.IN_FLIGHT, held=True, line=line)
    return msgspec.structs.replace(found, held=held)


def adapter_of_run(state: RunState) -> Checkpoint | None:
    """The checkpoint that is picked; None where none is, or where it is none of the run's any more."""
    pick = state.sweep.pick if state.sweep else None
    if pick is None:
        return None
    return next((one for one in state.checkpoints if one.sha256 == pick.sha256), None)


def verification_of(state: RunState) -> Verification | None:
    """What the gate said of the adapter that is picked; of another one it says nothing."""
    found = state.verification
    return found if found and _is_of_pick(state, found.sha256) else None


def last_judgement(state: RunState) -> JudgedRun | None:
    """The last judgement of the adapter that is picked."""
    return next((one for one in reversed(state.judgements) if _is_of_pick(state, one.sha256)), None)


def serving(state: RunState) -> Promotion | None:
    """The promotion by which an adapter of the run serves; None where none does, or where it was demoted."""
    last = {(one.genre, one.name): one for one in state.promotions}
    return next((one for one in reversed(last.values()) if not one.demoted), None)


def cost_of(state: RunState | None) -> float:
    """What a run has cost so far, reservations included, in its currency."""
    return sum({one.key: one.amount for one in state.spending}.values()) if state else 0.0


def last_moment(state: RunState | None) -> str | None:
    """When something happened last; None where nothing did."""
    return max(_moments(state), default=None) if state else None


def _is_of_pick(state: RunState, sha256: str) -> bool:
    pick = state.sweep.pick if state.sweep else None
    return pick is None or pick.sha256 == sha256


def _moments(state: RunState) -> Iterator[str]:
    yield state.created
    ending = (state.training, state.sweep, *state.judgements)
    yield from (one.ended for one in ending if one and one.ended)
    steps = (state.preflight, *ending, state.verification, *state.deployments, *state.promotions, *state.spending)
    yield from (one.at for one in steps if one)
    if state.sweep and state.sweep.pick:
        yield state.sweep.pick.at


def _steps(plan: RunPlan, state: RunState) -> Iterator[RunStanding]:
    """What each step says, the last one of the run's life first; what the gate refuses, no judge lets through."""
    if promotion := serving(state):
        yield _promoted(state, promotion)
    verified = verification_of(state)
    if verified and verified.outcome is Outcome.FAILED:
        yield _verified(verified)
    if judged := last_judgement(state):
        yield _judged(judged)
    if verified:
        yield _verified(verified)
    if state.sweep:
        yield _swept(state.sweep)
    if state.training:
        yield _trained(plan, state.training, state.checkpoints)
    if state.checkpoints:
        line = f"{_count(len(state.checkpoints), 'checkpoint')}, not painted yet"
        yield RunStanding(stage=Stage.CHECKPOINTS, verdict=RunVerdict.WAITING, line=line)
    if found := state.preflight:
        words = {
            Outcome.PASSED: (RunVerdict.WAITING, f"{found.pairs} pairs can be trained on"),
            Outcome.UNDECIDED: (RunVerdict.WAITING, f"{found.pairs} pairs, with warnings to look at"),
            Outcome.FAILED: (RunVerdict.FAILED, f"the dataset cannot be trained on: {_first(found.problems)}"),
        }
        verdict, line = words[found.outcome]
        yield RunStanding(stage=Stage.PREFLIGHT, verdict=verdict, line=line, reasons=found.problems)
    yield RunStanding(stage=Stage.NEW, verdict=RunVerdict.WAITING, line="nothing was done yet")


def _promoted(state: RunState, promotion: Promotion) -> RunStanding:
    line = f"serves {promotion.genre} as {promotion.name}, signed by {promotion.by}"
    others = () if _is_of_pick(state, promotion.sha256) else ("what serves is not the checkpoint that is picked now",)
    return RunStanding(stage=Stage.PROMOTION, verdict=RunVerdict.PROMOTED, line=line, reasons=others)


def _judged(judged: JudgedRun) -> RunStanding:
    known = {one.value: one for one in (RunVerdict.PROCEED, RunVerdict.REJECT)}
    verdict = known.get(judged.verdict, RunVerdict.IN_FLIGHT)
    shares = [f"{axis} {passed} of {judged.cells}" for axis, passed in judged.passed.items() if axis != _EVERYTHING]
    if _EVERYTHING in judged.passed:
        shares.insert(0, f"{judged.passed[_EVERYTHING]} of {judged.cells} cells pass everything")
    said = f"{judged.judge}, held to {judged.bars}"
    nothing = not judged.judged and not any(judged.passed.values())
    far = (
        (f"none of {judged.cells} cells is judged" if judged.cells else "nothing was judged")
        if nothing
        else ", ".join(shares)
    )
    line = (
        f"not decided yet by {said}; so far {far}" if verdict is RunVerdict.IN_FLIGHT else f"{verdict} by {said}: {far}"
    )
    return RunStanding(stage=Stage.JUDGEMENT, verdict=verdict, line=line, reasons=judged.reasons)


def _verified(found: Verification) -> RunStanding:
    line = {
        Outcome.PASSED: f"verified by thresholds {found.thresholds}, {_signed(found)}",
        Outcome.FAILED: f"the gate refuses it: {_first(found.reasons)}",
        Outcome.UNDECIDED: "the gate has not decided yet",
    }[found.outcome]
    verdict = RunVerdict.FAILED if found.outcome is Outcome.FAILED else RunVerdict.WAITING
    return RunStanding(stage=Stage.VERIFICATION, verdict=verdict, line=line, reasons=found.reasons)


def _signed(found: Verification) -> str:
    return f"signed by {found.signed_by}" if found.signed_by else "not signed by anybody yet"


def _swept(sweep: Sweep) -> RunStanding:
    if sweep.pick:
        who = f"{sweep.pick.by} picked" if sweep.pick.by else "picked"
        line = f"{who} step {sweep.pick.step} at scale {sweep.pick.scale:g}: {sweep.pick.why}"
        return RunStanding(stage=Stage.SWEEP, verdict=RunVerdict.WAITING, line=line)
    if sweep.ended:
        line = f"no checkpoint passes every bar; {sweep.painted} of {sweep.cells} cells painted"
        return RunStanding(stage=Stage.SWEEP, verdict=RunVerdict.FAILED, line=line)
    line = f"{sweep.painted} of {sweep.cells} cells painted"
    return RunStanding(stage=Stage.SWEEP, verdict=RunVerdict.IN_FLIGHT, line=line)


def _trained(plan: RunPlan, training: Training, checkpoints: tuple[Checkpoint, ...]) -> RunStanding:
    have = _count(len(checkpoints), "checkpoint")
    who, why = training.trainer, training.failure or "it did not say why"
    far = f"step {training.step} of {training.steps or plan.training.steps}"
    words = {
        TrainingStatus.INTENDED: (
            RunVerdict.IN_FLIGHT,
            f"{who} was about to be started; ask whether it was",
        ),
        TrainingStatus.RUNNING: (
            RunVerdict.IN_FLIGHT,
            f"{who} at {far}, {have}",
        ),
        TrainingStatus.SUCCEEDED: (RunVerdict.WAITING, f"trained by {who}, {have}, not painted yet"),
        TrainingStatus.FAILED: (RunVerdict.FAILED, f"{who} failed at {far}: {why}"),
        TrainingStatus.CANCELLED: (RunVerdict.FAILED, f"{who} was cancelled at {far}: {why}"),
        TrainingStatus.DEAD: (RunVerdict.FAILED, f"a checkpoint is dead: {why}"),
    }
    verdict, line = words[training.status]
    reasons = (training.failure,) if training.failure else ()
    return RunStanding(stage=Stage.TRAINING, verdict=verdict, line=line, reasons=reasons)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _first(sentences: tuple[str, ...]) -> str:
    more = f" (and {len(sentences) - 1} more)" if len(sentences) > 1 else ""
    return f"{sentences[0]}{more}" if sentences else "no reason was written down"
