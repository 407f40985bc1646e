"""What is to be promoted, and what shows that it may be: an adapter's bytes, and the gate's report of these very bytes.

Everything that speaks against it is an error here. Nothing is written.
"""

from dataclasses import dataclass
from pathlib import Path

from kilnmark.keymaps.files.contents import content_hash
from kilnmark.lab.promotion.errors import NotPromotable, PromotionRefused
from kilnmark.lab.promotion.shown import engaged_rank, passed
from kilnmark.lab.run.folder import Run
from kilnmark.lab.run.plan import PLAN, LoraKind
from kilnmark.lab.run.standing import adapter_of_run, last_judgement
from kilnmark.lab.run.state import Checkpoint, RunState
from kilnmark.protocol.content.promoted import PassedVerification

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
        mend = "name what it was verified in, with --run or --report"
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
    verification = _of_run(run, path, sha256)
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
        rank=engaged_rank(path, plan.base, sha256),
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


def _of_run(run: Run, path: Path, sha256: str) -> PassedVerification:
    command = f"kilnmark lab verify {path} --run {run.folder}"
    found = run.state.verification
    if found is None:
        raise PromotionRefused(str(path), "is not verified", f"run `{command}`")
    return passed(found, run.folder / found.report, path, sha256, command)


def _check_judged(state: RunState, path: Path, sha256: str, why: str) -> None:
    judged = last_judgement(state)
    if judged is not None and judged.sha256 == sha256 and judged.verdict == _REJECT and not why:
        reason = f"was judged {_REJECT} by {judged.judge}: {'; '.join(judged.reasons) or 'no reason was written down'}"
        raise PromotionRefused(str(path), reason, "pick another checkpoint, or say with --why REASON what outweighs it")


def _trained_on(run: Run) -> str | None:
    training, preflight = run.state.training, run.state.preflight
    if training is None:
        return None
    told = f", {preflight.pairs} pairs, sha256 {preflight.sha256}" if preflight is not None else ""
    return f"{run.dataset.name or run.plan.dataset.path}{told}"
