"""Candidates made to measure, and runs that have one, for tests of what becomes of them."""

from pathlib import Path

import msgspec

from kilnmark.keymaps.files.contents import content_hash
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.lab.gate.report import write_report
from kilnmark.lab.gate.signing import sign
from kilnmark.lab.promotion.candidate import Candidate
from kilnmark.lab.run.folder import open_run
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import DatasetPlan, RunPlan
from kilnmark.lab.run.state import (
    Checkpoint,
    Outcome,
    Pick,
    Preflight,
    Sweep,
    Training,
    TrainingStatus,
    Verification,
)
from kilnmark.protocol.content.promoted import PassedVerification
from tests.lab.gate.known import report_of

__all__ = ["WHEN", "candidate", "verified_run"]

WHEN = "2026-11-28T10:00:00+00:00"


def candidate(path: Path, sha256: str, name: str = "wash") -> Candidate:
    """One that passed."""
    report = PassedVerification(report="/runs/ink/report.json", sha256="c" * 64, verdict="passed", thresholds="style 1")
    return Candidate(
        path=path,
        sha256=sha256,
        name=name,
        trigger="inkwash",
        kind="style",
        base="mini",
        trained_on=None,
        steps=300,
        rank=8,
        verification=report,
    )


def verified_run(folder: Path) -> Path:
    """A run whose adapter was trained, picked, verified and signed."""
    plan = RunPlan(name="ink", kind="style", trigger="inkwash", base="dev", dataset=DatasetPlan(path="../set"))
    new_run(folder, plan)
    with open_run(folder) as held:
        sha256 = content_hash(make_adapter(held.checkpoints / "ink-200.safetensors", blocks=1, rank=2))
        found = msgspec.structs.replace(report_of(Outcome.PASSED), sha256=sha256)
        report = write_report(held.report / "verify", found)
        signed = sign(report, "Ada", asked=True)
        checkpoint = Checkpoint(
            step=200,
            file="checkpoints/ink-200.safetensors",
            sha256=sha256,
            origin="trained",
            verdict="engaged",
            matched_key_count=40,
            total_key_count=40,
        )
        verification = Verification(
            at=WHEN,
            sha256=sha256,
            outcome=Outcome.PASSED,
            report="report/verify/report.json",
            report_sha256=signed.report_sha256,
            thresholds="style 1",
            signed_by="Ada",
        )
        held.change(
            checkpoints=(checkpoint,),
            preflight=Preflight(at=WHEN, outcome=Outcome.PASSED, pairs=150, sha256="d" * 64),
            training=Training(at=WHEN, status=TrainingStatus.SUCCEEDED, trainer="mflux", key="k"),
            sweep=Sweep(at=WHEN, cells=1, pick=Pick(at=WHEN, step=200, sha256=sha256, scale=1.0, why="first")),
            verification=verification,
        )
    return folder
