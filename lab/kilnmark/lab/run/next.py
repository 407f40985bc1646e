"""How to go on with a run: the commands that are right for its state, with the reason for each.

One function says it for the command line, the pages and `SUMMARY.md`. Nothing is run here.
"""

import os
import shlex
from collections.abc import Iterator

import msgspec

from kilnmark.lab.run.plan import RunPlan
from kilnmark.lab.run.standing import Stage, adapter_of_run, last_judgement, serving, standing_of, verification_of
from kilnmark.lab.run.state import Outcome, RunState, TrainingStatus, Verification

__all__ = ["NextStep", "next_for_file", "next_steps"]

_SIGN = "sign it, once its report was looked at"
_NEW_TRAINING = "the numbers in run.toml or the dataset were wrong: train anew"


class NextStep(msgspec.Struct, frozen=True):
    """One way to go on.

    Attributes:
        command: What to type; words in capitals are to be filled in. Empty where nothing is typed.
        why: What it does, or when it is the right one.
    """

    command: str
    why: str


def next_steps(run: str, plan: RunPlan, state: RunState | None, *, held: bool = False) -> tuple[NextStep, ...]:
    """How to go on with a run, the most likely way first.

    Args:
        run: Its folder, as it is to be typed.
        plan: What was decided.
        state: What happened; None: nothing yet.
        held: Whether a command works in it at this moment.
    """
    if held:
        watch = _step("show", [run], "a command works in this run; look how far it is")
        return (watch, *_log(run, state))
    return tuple(_steps(run, plan, state))


def next_for_file(adapter: str, report: str, outcome: Outcome, *, signed: bool) -> tuple[NextStep, ...]:
    """The same for an adapter that was verified without a run.

    Args:
        adapter: Its file, as it is to be typed.
        report: The folder of its report, likewise.
        outcome: What the gate said.
        signed: Whether somebody answers for that.
    """
    if outcome is not Outcome.PASSED:
        return ()
    if not signed:
        return (_step("verify", [adapter, "--report", report, "--sign", "NAME"], _SIGN),)
    words = [adapter, "--report", report, "--genre", "GENRE", "--packs", "PACKS", "--signed-by", "NAME"]
    return (_step("promote", words, "let it serve"),)


def _steps(run: str, plan: RunPlan, state: RunState | None) -> Iterator[NextStep]:
    stage = standing_of(plan, state).stage
    if state is None or stage in {Stage.NEW, Stage.PREFLIGHT}:
        return _from_dataset(run, plan, state)
    if stage is Stage.TRAINING:
        return _from_training(run, state)
    if stage is Stage.CHECKPOINTS:
        return iter([_sweep(run)])
    if stage is Stage.SWEEP:
        return _from_sweep(run, state)
    if stage is Stage.VERIFICATION:
        return _from_gate(run, plan, state)
    if stage is Stage.JUDGEMENT:
        return _from_judgement(run, plan, state)
    return _from_promotion(run, state)


def _from_dataset(run: str, plan: RunPlan, state: RunState | None) -> Iterator[NextStep]:
    found = state.preflight if state else None
    dataset = os.path.normpath(os.path.join(run, plan.dataset.path))  # noqa: PTH118 - a path as it is typed
    words = [dataset, "--kind", plan.kind, *(("--trigger", plan.trigger) if plan.trigger else ()), "--run", run]
    if found is None:
        yield _step("preflight", words, "look at the dataset before anything is paid for")
    elif found.outcome is Outcome.FAILED:
        yield _step("preflight", words, "when what is told of the dataset is mended: look again")
        return
    yield _step("train", [run], "train; it goes on where it stopped, and asks before it spends more than the budget")
    yield _step("import", ["FILE", "--run", run], "or take in adapters that were trained elsewhere")


def _from_training(run: str, state: RunState) -> Iterator[NextStep]:
    status = state.training.status if state.training else TrainingStatus.SUCCEEDED
    if status in {TrainingStatus.INTENDED, TrainingStatus.RUNNING}:
        yield _step("train", [run], "go on: what was begun is asked for, and never paid for again")
        yield from _log(run, state)
        return
    if status is not TrainingStatus.SUCCEEDED:
        yield from _again(run, state)
    if not state.checkpoints:
        if status is TrainingStatus.SUCCEEDED:
            yield _step("train", [run], "collect its checkpoints")
        return
    yield _sweep(run)


def _again(run: str, state: RunState) -> Iterator[NextStep]:
    """After a training that ended badly. One of a remote is over; one of this machine can go on."""
    trained = state.training
    mended = "" if trained and trained.status is TrainingStatus.CANCELLED else "when the reason is mended: "
    if trained and trained.remote_id is None and trained.status is not TrainingStatus.DEAD:
        yield _step("train", [run], f"{mended}go on, where the trainer can")
    yield _step("train", [run, "--new-training"], f"{mended}train anew")
    yield from _log(run, state)


def _from_sweep(run: str, state: RunState) -> Iterator[NextStep]:
    sweep = state.sweep
    if sweep and sweep.pick:
        if adapter_of_run(state):
            yield _step("verify", ["--run", run], "put the picked checkpoint before the gate")
        else:
            yield _step("sweep", [run], "the picked checkpoint is none of the run's any more: pick again")
    elif sweep and not sweep.ended:
        yield _step("sweep", [run], "go on: cells that are painted stay")
        return
    yield _step("sweep", [run, "--pick", "STEP", "--why", "REASON"], "overrule the pick, with a reason that is kept")
    if not (sweep and sweep.pick):
        yield _step("train", [run, "--new-training"], _NEW_TRAINING)


def _from_gate(run: str, plan: RunPlan, state: RunState) -> Iterator[NextStep]:
    found, verify = verification_of(state), _verified(run, state)
    if found is None or found.outcome is Outcome.UNDECIDED:
        yield _step("verify", verify, "go on with the gate")
    elif found.outcome is Outcome.FAILED:
        yield _step("sweep", [run, "--pick", "STEP", "--why", "REASON"], "pick another checkpoint")
        yield _step("train", [run, "--new-training"], _NEW_TRAINING)
    else:
        if not found.signed_by:
            yield _step("verify", [*verify, "--sign", "NAME"], _SIGN)
        yield _step("judge", [run], "have its pictures judged")
        if found.signed_by:
            yield _promote(run, plan)


def _from_judgement(run: str, plan: RunPlan, state: RunState) -> Iterator[NextStep]:
    judged = last_judgement(state)
    verdict = judged.verdict if judged else ""
    if verdict == "PROCEED":
        yield from _to_promotion(run, plan, state, verification_of(state))
    elif verdict == "REJECT":
        yield _step("sweep", [run, "--pick", "STEP", "--why", "REASON"], "pick another checkpoint, and judge that")
        yield _step("train", [run, "--new-training"], _NEW_TRAINING)
    else:
        by_people = plan.judge.judge == "person"
        if by_people:
            yield _step("serve", [run], "people judge in the browser; send them there one after the other")
        why = "count their votes" if by_people else "go on: cells that were judged and paid for stay"
        yield _step("judge", [run], why)


def _to_promotion(run: str, plan: RunPlan, state: RunState, found: Verification | None) -> Iterator[NextStep]:
    verify = _verified(run, state)
    if found is None or found.outcome is not Outcome.PASSED:
        yield _step("verify", verify, "its pictures are good; the gate has not passed it yet")
    elif not found.signed_by:
        yield _step("verify", [*verify, "--sign", "NAME"], _SIGN)
    else:
        if not any(copy.sha256 == found.sha256 for copy in state.deployments):
            goal = f"PACKS/{plan.genre or 'GENRE'}/loras"
            yield _step("deploy", [run, "--to", goal], "copy it to where it is used, under its name")
        yield _promote(run, plan)


def _from_promotion(run: str, state: RunState) -> Iterator[NextStep]:
    yield _step("deploy", [run, "--to", "PLACE"], "copy it to where it is used, under its name")
    if promotion := serving(state):
        words = [promotion.name, "--genre", promotion.genre, "--packs", "PACKS", "--why", "REASON", "--run", run]
        yield _step("demote", words, "take it out of service again")


def _promote(run: str, plan: RunPlan) -> NextStep:
    words = [run, "--genre", plan.genre or "GENRE", "--packs", "PACKS", "--signed-by", "NAME"]
    return _step("promote", words, "let it serve")


def _sweep(run: str) -> NextStep:
    return _step("sweep", [run], "paint every checkpoint, and pick one")


def _log(run: str, state: RunState | None) -> Iterator[NextStep]:
    if state and state.training and state.training.log:
        yield NextStep(shlex.join(["less", f"{run}/{state.training.log}"]), "what the trainer wrote")


def _verified(run: str, state: RunState) -> list[str]:
    """What is put before the gate: the picked checkpoint, or the one that was judged or verified without a pick."""
    if adapter_of_run(state):
        return ["--run", run]
    meant = {one.sha256 for one in (last_judgement(state), verification_of(state)) if one}
    file = next((f"{run}/{one.file}" for one in state.checkpoints if one.sha256 in meant), "FILE")
    return [file, "--run", run]


def _step(command: str, words: list[str], why: str) -> NextStep:
    return NextStep(shlex.join(["kilnmark", "lab", command, *words]), why)
