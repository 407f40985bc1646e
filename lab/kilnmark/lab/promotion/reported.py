"""What is to be promoted of an adapter that was verified outside of any run: all that is known stands in its report."""

import hashlib
import os
from pathlib import Path

from kilnmark.keymaps.files.contents import content_hash
from kilnmark.lab.gate.report import REPORT, GateReport, read_report
from kilnmark.lab.gate.signing import read_signature
from kilnmark.lab.promotion.candidate import Candidate
from kilnmark.lab.promotion.errors import NotPromotable
from kilnmark.lab.promotion.shown import engaged_rank, passed
from kilnmark.lab.run.state import Verification

__all__ = ["reported_candidate"]


def reported_candidate(folder: Path, adapter: Path, *, name: str | None = None) -> tuple[Candidate, str | None]:
    """See whether an adapter may be promoted by a report of its own.

    Args:
        folder: Where `lab verify` left the report.
        adapter: Its file.
        name: What it is to be called; None: as the report has it.

    Returns:
        What may be promoted, and the genre that it was verified for, if there was one.

    Raises:
        NothingToVerify: There is no such report.
        PromotionRefused: It is not of these bytes, did not pass, or is signed by nobody; or the file does not engage.
        NotPromotable: It is a folder.
    """
    if adapter.is_dir():
        raise NotPromotable(str(adapter), "is a folder, and a report is of one file", "name the adapter's file")
    report = folder.absolute() / REPORT
    found, path = read_report(report), adapter.absolute()
    sha256 = content_hash(path)
    signature = read_signature(report)
    told = Verification(
        at=found.at,
        sha256=found.sha256,
        outcome=found.outcome,
        report=str(report),
        report_sha256=hashlib.sha256(report.read_bytes()).hexdigest(),
        thresholds=found.limits,
        reasons=found.reasons,
        signed_by=None if signature is None else signature.by,
    )
    command = f"kilnmark lab verify {path} --kind {found.kind} --base {found.base} --report {folder}"
    candidate = Candidate(
        path=path,
        sha256=sha256,
        name=name or found.name,
        trigger=found.trigger or None,
        kind=found.kind,
        base=found.base,
        trained_on=_trained_on(found),
        steps=None,
        verification=passed(told, report, path, sha256, command),
        rank=engaged_rank(path, found.base, sha256),
    )
    return candidate, found.genre


def _trained_on(report: GateReport) -> str | None:
    facts = report.dataset
    if facts is None:
        return None
    sha256 = f", sha256 {facts.sha256}" if facts.sha256 else ""
    return f"{os.path.basename(facts.path) or facts.path}, {facts.pictures} pictures{sha256}"  # noqa: PTH119 - as told
