"""Adapters that were verified outside of any run: by a report of their own, as signed, of exactly these bytes."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kilnmark.keymaps.files.contents import content_hash
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.lab.gate.checks import checked
from kilnmark.lab.gate.errors import NotSigned
from kilnmark.lab.gate.limits import limits_of
from kilnmark.lab.gate.report import DatasetFacts, GateReport, read_report, write_report
from kilnmark.lab.gate.signing import SIGNED, sign
from kilnmark.lab.promotion.errors import NotPromotable, PromotionRefused
from kilnmark.lab.promotion.reported import reported_candidate
from kilnmark.lab.run.state import Outcome
from tests.lab.gate.known import HEALTHY, with_figures
from tests.lab.promotion.candidates import WHEN


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    return make_adapter(tmp_path / "ink.safetensors", blocks=1, rank=2)


@pytest.fixture
def folder(adapter: Path, tmp_path: Path) -> Path:
    """Of a report that passed, signed."""
    report = GateReport(
        at=WHEN,
        kilnmark="1",
        name="ink",
        sha256=content_hash(adapter),
        kind="style",
        trigger="inkwash",
        base="dev",
        scale=1.0,
        genre="tides",
        limits="style 1",
        outcome=Outcome.PASSED,
        reasons=(),
        checks=checked(HEALTHY, limits_of("style")),
        figures=HEALTHY,
        notes=(),
        inspection="engaged",
        convention="diffusers",
        adapter_kind="lora",
        strength_from={},
        layers=(),
        dataset=DatasetFacts(path="/sets/ink", pictures=150, sha256=None),
    )
    sign(write_report(tmp_path / "ink.verify", report), "Ada", asked=True)
    return tmp_path / "ink.verify"


def rewritten(folder: Path, **changed: Any) -> None:
    write_report(folder, msgspec.structs.replace(read_report(folder / "report.json"), **changed))


def test_a_signed_report_of_these_bytes_is_enough(folder: Path, adapter: Path) -> None:
    found, genre = reported_candidate(folder, adapter)
    assert (found.path, found.sha256, found.name, genre) == (adapter, content_hash(adapter), "ink", "tides")
    assert (found.trigger, found.kind, found.base, found.rank) == ("inkwash", "style", "dev", 2)
    assert (found.trained_on, found.steps) == ("ink, 150 pictures", None)
    assert found.verification.report == str(folder / "report.json")
    assert (found.verification.verdict, found.verification.thresholds) == ("passed", "style 1")


def failed(folder: Path, _adapter: Path) -> None:
    rewritten(folder, outcome=Outcome.FAILED, reasons=("it does nothing",))


def unsigned(folder: Path, _adapter: Path) -> None:
    (folder / "signed.json").unlink()


def changed_since(folder: Path, _adapter: Path) -> None:
    rewritten(folder, notes=("one more",))


def replaced(_folder: Path, adapter: Path) -> None:
    make_adapter(adapter, blocks=1, rank=3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (failed, "does not pass the gate: it does nothing"),
        (unsigned, "is verified, and signed by nobody"),
        (changed_since, "is verified, and signed by nobody"),
        (replaced, "has other bytes than those that were verified"),
    ],
)
def test_anything_less_is_refused(
    folder: Path, adapter: Path, change: Callable[[Path, Path], None], words: str
) -> None:
    change(folder, adapter)
    with pytest.raises(PromotionRefused, match=words):
        reported_candidate(folder, adapter)


def test_a_report_is_of_a_file(folder: Path) -> None:
    with pytest.raises(NotPromotable, match="name the adapter's file"):
        reported_candidate(folder, folder)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"checks": ()}, "keys is missing"),
        ({"figures": with_figures(unlike=1.0)}, "its check of unlike is of another number than its figures have"),
        ({"figures": with_figures(keys=None)}, "another number than its figures have"),
    ],
)
def test_a_word_that_was_edited_makes_no_report_pass(folder: Path, changed: dict[str, Any], words: str) -> None:
    """Neither by whoever signs it, nor where somebody wrote the signature, too."""
    rewritten(folder, **changed)
    with pytest.raises(NotSigned, match=words):
        sign(folder / "report.json", "Ada", asked=True)


def test_a_signature_that_was_written_by_hand_lets_nothing_through(folder: Path, adapter: Path) -> None:
    rewritten(folder, checks=())
    signature = json.loads((folder / SIGNED).read_text())
    signature["report_sha256"] = hashlib.sha256((folder / "report.json").read_bytes()).hexdigest()
    (folder / SIGNED).write_text(json.dumps(signature))
    with pytest.raises(PromotionRefused, match="contradicts itself"):
        reported_candidate(folder, adapter)
