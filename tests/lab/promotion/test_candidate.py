"""Who may be promoted: what a signed report passed, of exactly these bytes, and nothing else."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kilnmark.keymaps.files.contents import content_hash
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.lab.gate.report import read_report, write_report
from kilnmark.lab.gate.signing import sign
from kilnmark.lab.promotion.candidate import candidate_of, run_of
from kilnmark.lab.promotion.errors import NotPromotable, PromotionRefused
from kilnmark.lab.run.folder import Run, open_run
from kilnmark.lab.run.state import Deployment, JudgedRun, Outcome
from tests.lab.promotion.candidates import WHEN, verified_run

Change = Callable[[Run], Any]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with open_run(verified_run(tmp_path / "run")) as held:
        yield held


def verification(run: Run, **changed: Any) -> None:
    assert run.state.verification is not None
    run.change(verification=msgspec.structs.replace(run.state.verification, **changed))


def test_a_signed_verification_of_these_bytes_is_enough(run: Run, tmp_path: Path) -> None:
    found = candidate_of(run, None, tmp_path / "packs")
    assert (found.path, found.sha256) == (
        run.folder / "checkpoints/ink-200.safetensors",
        run.state.checkpoints[0].sha256,
    )
    assert (found.name, found.trigger, found.kind, found.base) == ("ink", "inkwash", "style", "dev")
    assert (found.trained_on, found.steps, found.rank) == (f"set, 150 pairs, sha256 {'d' * 64}", 200, 2)
    assert found.verification.scale == 1.0
    assert found.verification.report == str(run.folder / "report/verify/report.json")


def test_a_copy_in_the_packs_is_the_one_that_is_meant(run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "packs" / "ink.safetensors"
    copy.parent.mkdir()
    copy.write_bytes((run.folder / "checkpoints/ink-200.safetensors").read_bytes())
    told = Deployment(at=WHEN, where=str(copy), slot="folder", sha256=run.state.checkpoints[0].sha256)
    run.change(deployments=(told,))
    assert candidate_of(run, None, tmp_path / "packs").path == copy
    copy.unlink()
    assert candidate_of(run, None, tmp_path / "packs").path == run.folder / "checkpoints/ink-200.safetensors"


def unverified(run: Run) -> None:
    run.change(verification=None)


def replaced(run: Run) -> None:
    make_adapter(run.checkpoints / "ink-200.safetensors", blocks=1, rank=3)


def dead(run: Run) -> None:
    path = make_adapter(run.checkpoints / "ink-200.safetensors", blocks=1, rank=2, dead=True)
    report, sha256 = run.report / "verify/report.json", content_hash(path)
    write_report(report.parent, msgspec.structs.replace(read_report(report), sha256=sha256))
    verification(run, sha256=sha256, report_sha256=sign(report, "Ada", asked=True).report_sha256)


def edited(run: Run) -> None:
    """Only the state says that it passed."""
    path = run.report / "verify/report.json"
    write_report(path.parent, msgspec.structs.replace(read_report(path), outcome=Outcome.FAILED))
    verification(run, report_sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def rejected(run: Run) -> None:
    sha256 = run.state.checkpoints[0].sha256
    reasons = ("a0: identity 0.2",)
    told = JudgedRun(at=WHEN, sha256=sha256, judge="metric", verdict="REJECT", bars="b", folder="f", reasons=reasons)
    run.change(judgements=(told,))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (unverified, "is not verified; run `kilnmark lab verify "),
        (replaced, "has other bytes than those that were verified"),
        (lambda run: verification(run, sha256="0" * 64), "has other bytes than those that were verified"),
        (
            lambda run: verification(run, outcome=Outcome.FAILED, reasons=("it does nothing",)),
            "does not pass the gate: it does nothing; pick another checkpoint",
        ),
        (lambda run: verification(run, outcome=Outcome.UNDECIDED), "is not verified to the end"),
        (lambda run: verification(run, signed_by=None), "is verified, and signed by nobody; look at its report"),
        (
            lambda run: (run.report / "verify/report.json").write_text("{ }"),
            "is verified by a report that was changed since",
        ),
        (lambda run: (run.report / "verify/report.json").unlink(), "is verified by a report that cannot be read"),
        (lambda run: (run.report / "verify/signed.json").unlink(), "is verified by a report that is signed by nobody"),
        (edited, "is verified by a report that says failed"),
        (dead, "is noop on dev"),
        (rejected, "was judged REJECT by metric: a0: identity 0.2; pick another checkpoint, or say with --why"),
    ],
)
def test_anything_less_is_refused(run: Run, tmp_path: Path, change: Change, words: str) -> None:
    change(run)
    with pytest.raises(PromotionRefused) as refused:
        candidate_of(run, run.folder / "checkpoints/ink-200.safetensors", tmp_path)
    assert words in str(refused.value)


def test_what_the_gate_says_to_do_is_said_once(run: Run, tmp_path: Path) -> None:
    again = "take another checkpoint, or train it again"
    reasons = (
        f"some layers change nothing (0.5); {again}",
        f"it is not like them (0.1); {again}",
        "it is odd; look at it",
    )
    verification(run, outcome=Outcome.FAILED, reasons=reasons)
    with pytest.raises(PromotionRefused) as refused:
        candidate_of(run, run.folder / "checkpoints/ink-200.safetensors", tmp_path)
    said = (
        "some layers change nothing (0.5); it is not like them (0.1); it is odd; take another checkpoint, or train it "
    )
    assert str(refused.value).endswith(f"does not pass the gate: {said}again, or look at it")


def test_a_judges_word_can_be_outweighed_with_a_reason(run: Run, tmp_path: Path) -> None:
    rejected(run)
    assert candidate_of(run, None, tmp_path, why="the judge was blind").name == "ink"


def test_without_a_pick_a_run_has_nothing_to_promote(run: Run, tmp_path: Path) -> None:
    run.change(sweep=None)
    with pytest.raises(NotPromotable, match="has picked no checkpoint; pick one with"):
        candidate_of(run, None, tmp_path)


def test_an_adapter_is_of_the_run_that_it_lies_in(run: Run, tmp_path: Path) -> None:
    assert run_of(run.folder) == run_of(run.folder / "checkpoints/ink-200.safetensors") == run.folder
    with pytest.raises(NotPromotable, match="is no run, and lies in none; name what it was verified in"):
        run_of(tmp_path)
