"""What shows that an adapter may be trusted: a signed report that passed these very bytes, and the file itself.

Each is held to what it has to be here, wherever it comes from; who asks knows of runs and reports.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.gate.errors import NothingToVerify
from kilnmark.lab.gate.report import read_report
from kilnmark.lab.gate.signing import read_signature
from kilnmark.lab.gate.sound import contradiction
from kilnmark.lab.promotion.errors import PromotionRefused
from kilnmark.lab.run.state import Outcome, Verification
from kilnmark.protocol.content.promoted import PassedVerification
from kilnmark.protocol.picture.report import Verdict

__all__ = ["engaged_rank", "passed"]


def passed(found: Verification, report: Path, path: Path, sha256: str, command: str) -> PassedVerification:
    """A verification as a manifest has it.

    Args:
        found: What the gate said.
        report: Where its report lies.
        path, sha256: The adapter that is to be promoted.
        command: What would verify it.

    Raises:
        PromotionRefused: It is of other bytes, did not pass, is signed by nobody, or its report is not the one.
    """
    for problem, mend in _against(found, report, sha256, command):
        raise PromotionRefused(str(path), problem, mend)
    return PassedVerification(
        report=str(report),
        sha256=found.report_sha256,
        verdict=found.outcome.value,
        thresholds=found.thresholds,
        scale=read_report(report).scale,
    )


def engaged_rank(path: Path, base: str, sha256: str) -> int:
    """The rank of an adapter, as reports have it; looked at once more, so that nothing dead is ever promoted.

    Raises:
        PromotionRefused: It does not engage, or has other bytes than it had a moment ago.
    """
    found = inspect_file(str(path), load_shapes(base)).inspection
    if found.sha256 != sha256:
        raise PromotionRefused(str(path), "was changed while it was looked at", "try again once it is written")
    if found.verdict is not Verdict.ENGAGED:
        raise PromotionRefused(str(path), f"is {found.verdict} on {base}: {found.reason}", "promote one that engages")
    return found.rank


def _against(found: Verification, report: Path, sha256: str, command: str) -> Iterator[tuple[str, str]]:
    """What is wrong with a verification, each with the mend; the first counts."""
    if found.sha256 != sha256:
        yield f"has other bytes than those that were verified ({found.sha256[:12]}...)", f"run `{command}`"
    elif found.outcome is Outcome.FAILED:
        yield _refusal(found.reasons)
    elif found.outcome is not Outcome.PASSED:
        yield "is not verified to the end", f"run `{command}`"
    elif not found.signed_by:
        yield "is verified, and signed by nobody", f"look at its report, then run `{command} --sign NAME`"
    elif (problem := _report_problem(report, found)) is not None:
        yield f"is verified by a report that {problem}", f"run `{command}` again"


def _refusal(reasons: Sequence[str]) -> tuple[str, str]:
    """Why the gate refuses it, and what to do: each mend once, whatever number of reasons asks for it."""
    pairs = [reason.rpartition("; ") if "; " in reason else (reason, "", "") for reason in reasons]
    why = "; ".join(dict.fromkeys(said for said, _, _ in pairs)) or "no reason was written down"
    mends = list(dict.fromkeys(mend for _, _, mend in pairs if mend))
    return f"does not pass the gate: {why}", ", or ".join(mends) or "pick another checkpoint, or train anew"


def _report_problem(path: Path, told: Verification) -> str | None:
    """What is wrong with a report itself: what the state has of it can be older, or somebody's own."""
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"cannot be read ({path}: {error.strerror})"
    if found != told.report_sha256:
        return f"was changed since ({path})"
    try:
        report, signature = read_report(path), read_signature(path)
    except (NothingToVerify, RunUnusable) as error:
        return f"says nothing ({error})"
    if report.sha256 != told.sha256:
        return f"is of other bytes ({path})"
    if report.outcome is not Outcome.PASSED:
        return f"says {report.outcome} ({path})"
    if (wrong := contradiction(report)) is not None:
        return f"contradicts itself ({path}: {wrong})"
    return None if signature is not None else f"is signed by nobody ({path})"
