"""Signatures: of what passed alone, by a name, bound to the report's bytes."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.gate.checks import checked, outcome_of
from kilnmark.lab.gate.errors import NothingToVerify, NotSigned
from kilnmark.lab.gate.limits import limits_of
from kilnmark.lab.gate.report import ReportedPicture, read_report, write_report
from kilnmark.lab.gate.signing import SIGNED, read_signature, sign
from kilnmark.lab.run.state import Outcome
from tests.lab.gate.known import report_of, with_figures


def test_a_signature_holds_for_the_report_as_it_was_signed(tmp_path: Path) -> None:
    path = write_report(tmp_path, report_of(Outcome.PASSED))
    assert read_signature(path) is None
    signed = sign(path, " Ada ", asked=True)
    assert (signed.by, read_signature(path)) == ("Ada", signed)
    write_report(tmp_path, msgspec.structs.replace(report_of(Outcome.PASSED), scale=0.5))
    assert read_signature(path) is None


def test_a_signature_stays_where_the_same_is_found_again(tmp_path: Path) -> None:
    path = write_report(tmp_path, report_of(Outcome.PASSED))
    signed = sign(path, "Ada", asked=True)
    write_report(tmp_path, msgspec.structs.replace(report_of(Outcome.PASSED), at="2026-11-29T00:00:00+00:00"))
    assert read_signature(path) == signed


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNDECIDED])
def test_what_did_not_pass_is_not_signed(tmp_path: Path, outcome: Outcome) -> None:
    path = write_report(tmp_path, report_of(outcome))
    with pytest.raises(NotSigned, match="wreckage"):
        sign(path, "Ada", asked=True)
    assert not (tmp_path / SIGNED).exists()


def test_nobody_is_no_name(tmp_path: Path) -> None:
    with pytest.raises(NotSigned, match="no name"):
        sign(write_report(tmp_path, report_of(Outcome.PASSED)), " ", asked=True)


def test_what_is_no_report_is_told(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(NothingToVerify, match="no report"):
        sign(tmp_path / "report.json", "Ada", asked=True)


def test_a_signature_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = write_report(tmp_path, report_of(Outcome.PASSED))
    (tmp_path / SIGNED).write_text("{")
    with pytest.raises(RunUnusable, match="sign again"):
        read_signature(path)


def test_a_report_is_read_as_it_was_written_and_its_page_shows_every_check(tmp_path: Path) -> None:
    report = report_of(Outcome.FAILED)
    assert read_report(write_report(tmp_path, report)) == report
    page = (tmp_path / "index.html").read_text()
    assert "Refused" in page
    assert "<b>" not in page
    assert "strength by default on 8 layers" in page
    assert all(check.limit in page for check in report.checks)
    assert page.count(report.reasons[0]) == 1


def test_a_page_says_once_what_failed_and_what_was_left_open(tmp_path: Path) -> None:
    limits = limits_of("style")
    figures = with_figures(strange=0.9, towards=None)
    failed, open_ = (checked(one, limits) for one in (figures, with_figures(towards=None)))
    report = msgspec.structs.replace(report_of(Outcome.FAILED), checks=failed, reasons=outcome_of(failed, limits)[1])
    write_report(tmp_path / "failed", report)
    page = (tmp_path / "failed" / "index.html").read_text()
    assert [page.count(said) for said in (report.reasons[0], "since it was not asked for")] == [1, 1]
    passed = msgspec.structs.replace(report_of(Outcome.PASSED), checks=open_, unasked=("its trigger was not asked",))
    write_report(tmp_path / "passed", passed)
    page = (tmp_path / "passed" / "index.html").read_text()
    assert "Left open" in page
    assert [page.count(said) for said in passed.left_open] == [1, 1]


def test_a_report_whose_pictures_were_exchanged_is_not_signed(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"painted")
    shown = ReportedPicture(
        shown="trigger", scene=0, prompt="p", seed=1, file="a.png", sha256=hashlib.sha256(b"painted").hexdigest()
    )
    path = write_report(tmp_path, msgspec.structs.replace(report_of(Outcome.PASSED), pictures=(shown,)))
    (tmp_path / "a.png").write_bytes(b"another")
    with pytest.raises(NotSigned, match=r"a\.png is another one than was painted"):
        sign(path, "Ada", asked=True)
    (tmp_path / "a.png").unlink()
    with pytest.raises(NotSigned, match=r"a\.png cannot be read"):
        sign(path, "Ada", asked=True)
