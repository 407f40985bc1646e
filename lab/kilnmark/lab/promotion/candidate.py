"""What is to be promoted, and what shows that it may be: an adapter's bytes, and the gate's report of these very bytes.

Everything that speaks against it is an error here. Nothing is written.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kilnmark.keymaps.files.contents import content_hash
from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.lab.promotion.errors import NotPromotable, PromotionRefused
from kilnmark.lab.run.folder import Run
from kilnmark.lab.run.plan import PLAN, LoraKind
from kilnmark.lab.run.standing import adapter_of_run, last_judgement
from kilnmark.lab.run.state import Checkpoint, Outcome, RunState, Verification
from kilnmark.protocol.content.promoted import PassedVerification
from kilnmark.protocol.picture.report import Verdict

__all__ = ["Candidate", "candidate_of", "run_of"]

_REJECT = "REJECT"
"""What a judge says of a run whose pictures are not good enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An adapter that may be promoted.

    Attributes:
        path: Where its file lies, absolute.
        sha256: Of its bytes and the config beside it, as reports have it.
        trained_on, steps: None where it was trained elsewhere.
        rank: 0 where it is unknown.
    """

    path: Path
    sha256: str
    name: str
    trigger: str | None
    kind: LoraKind
    base: str
    trained_on: str | None
    steps: int | None
    rank: int
    verification: PassedVerification


def run_of(target: Path) -> Path:
    """The run that a path means: the folder itself, or the one that an adapter lies in.

    Raises:
        NotPromotable: It lies in none.
    """
    place = target.absolute()
    found = next((folder for folder in (place, *place.parents) if (folder / PLAN).is_file()), None)
    if found is None:
        mend = "name the run that it was verified in with --run"
        raise NotPromotable(str(target), "is no run, and lies in none", mend)
    return found


def candidate_of(run: Run, adapter: Path | None, packs: Path, *, name: str | None = None, why: str = "") -> Candidate:
    """See whether an adapter may be promoted.

    Args:
        run: The one that it was verified in.
        adapter: Its file; None: what the run picked, as it was deployed to the packs, else as it lies in the run.
        packs: The folder of packs.
        name: What it is to be called; None: as the run says.
        why: Why it is promoted against a judge's word; empty: none is against it.

    Raises:
        PromotionRefused: It is not verified, is not what was verified, does not engage, or is judged not good enough.
        NotPromotable: There is none, or its file cannot be read.
    """
    path = _picked(run, packs) if adapter is None else adapter.absolute()
    sha256 = content_hash(path)
    verification = _verified(run, path, sha256)
    _check_judged(run.state, path, sha256, why)
    checkpoint = next((one for one in run.state.checkpoints if one.sha256 == sha256), None)
    plan = run.plan
    return Candidate(
        path=path,
        sha256=sha256,
        name=name or plan.name,
        trigger=plan.trigger or None,
        kind=plan.kind,
        base=plan.base,
        trained_on=_trained_on(run),
        steps=None if checkpoint is None or checkpoint.origin != "trained" else checkpoint.step,
        rank=_rank(path, plan.base, sha256),
        verification=verification,
    )


def _picked(run: Run, packs: Path) -> Path:
    """The file of the picked adapter that production reads, if there is one; else the run's own."""
    checkpoint = adapter_of_run(run.state)
    if checkpoint is None:
        mend = f"pick one with `kilnmark lab sweep {run.folder}`, or name its file"
        raise NotPromotable(str(run.folder), "has picked no checkpoint", mend)
    places = [Path(one.where) for one in reversed(run.state.deployments) if one.sha256 == checkpoint.sha256]
    deployed = next((place for place in places if place.is_relative_to(packs) and place.is_file()), None)
    return deployed or _own(run, checkpoint)


def _own(run: Run, checkpoint: Checkpoint) -> Path:
    return run.folder / checkpoint.file


def _verified(run: Run, path: Path, sha256: str) -> PassedVerification:
    found = run.state.verification
    command = f"kilnmark lab verify {path} --run {run.folder}"
    for problem, mend in _against(run, found, sha256, command):
        raise PromotionRefused(str(path), problem, mend)
    assert found is not None  # noqa: S101 - else there was a problem
    return PassedVerification(
        report=str(run.folder / found.report),
        sha256=found.report_sha256,
        verdict=found.outcome.value,
        thresholds=found.thresholds,
    )


def _against(run: Run, found: Verification | None, sha256: str, command: str) -> Iterator[tuple[str, str]]:
    """What is missing of a verification of these bytes, each with the mend; the first counts."""
    if found is None:
        yield "is not verified", f"run `{command}`"
    elif found.sha256 != sha256:
        yield f"has other bytes than those that were verified ({found.sha256[:12]}...)", f"run `{command}`"
    elif found.outcome is Outcome.FAILED:
        yield f"does not pass the gate: {'; '.join(found.reasons)}", "pick another checkpoint, or train anew"
    elif found.outcome is not Outcome.PASSED:
        yield "is not verified to the end", f"run `{command}`"
    elif not found.signed_by:
        yield "is verified, and signed by nobody", f"look at its report, then run `{command} --sign NAME`"
    elif (problem := _report_problem(run.folder / found.report, found.report_sha256)) is not None:
        yield f"is verified by a report that {problem}", f"run `{command}` again"


def _report_problem(path: Path, sha256: str) -> str | None:
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"cannot be read ({path}: {error.strerror})"
    return None if found == sha256 else f"was changed since ({path})"


def _check_judged(state: RunState, path: Path, sha256: str, why: str) -> None:
    judged = last_judgement(state)
    if judged is not None and judged.sha256 == sha256 and judged.verdict == _REJECT and not why:
        reason = f"was judged {_REJECT} by {judged.judge}: {'; '.join(judged.reasons) or 'no reason was written down'}"
        raise PromotionRefused(str(path), reason, "pick another checkpoint, or say with --why REASON what outweighs it")


def _rank(path: Path, base: str, sha256: str) -> int:
    """As reports have it; looked at once more, so that nothing dead is promoted whatever else was said of it."""
    found = inspect_file(str(path), load_shapes(base)).inspection
    if found.sha256 != sha256:
        raise PromotionRefused(str(path), "was changed while it was looked at", "try again once it is written")
    if found.verdict is not Verdict.ENGAGED:
        raise PromotionRefused(str(path), f"is {found.verdict} on {base}: {found.reason}", "promote one that engages")
    return found.rank


def _trained_on(run: Run) -> str | None:
    training, preflight = run.state.training, run.state.preflight
    if training is None:
        return None
    told = f", {preflight.pairs} pairs, sha256 {preflight.sha256}" if preflight is not None else ""
    return f"{run.dataset.name or run.plan.dataset.path}{told}"
