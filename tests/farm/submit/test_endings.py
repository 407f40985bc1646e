"""How jobs ended, in the words that a daemon of one's own would have had."""

from typing import Any

import pytest

from kilnmark.client.reports import reports_of
from kilnmark.farm.documents import ContentFile, FarmAdapter, FarmResult
from kilnmark.farm.submit.endings import error_of
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.errors import BY_CODE, AdapterRefused, RenderFailed
from kilnmark.protocol.wire.replies import JobError

SHA = "ab" * 32
INK = FarmAdapter(sha256=SHA, files=(ContentFile(name="ink 2.safetensors", sha256=SHA, size=1),), scale=1.0)
OWN = "/home/ann/loras/ink 2.safetensors"
THERE = f"/a node/farm/{SHA}/ink 2.safetensors"


def ending(state: str, error: JobError | None, **facts: Any) -> FarmResult:
    return FarmResult(
        job_id="j",
        submitter="ann",
        submission="s",
        state=state,  # type: ignore[arg-type]
        error=error,
        **facts,
    )


def failure(code: int, message: str = "no", *paths: str) -> JobError:
    reports = [
        AdapterReport(name="ink 2", path=path, sha256=SHA, verdict=Verdict.REFUSED, reason="no") for path in paths
    ]
    return JobError(code=code, kind="x", message=message, retryable=False, loras=reports, trace_id="t")


@pytest.mark.parametrize("code", BY_CODE)
def test_every_error_of_a_daemon_is_the_same_here(code: int) -> None:
    error = error_of(ending("failed", failure(code)), (), ())
    assert (type(error), error.message, error.job_id, error.trace_id) == (BY_CODE[code], "no", "j", "t")


def test_files_are_named_as_they_are_here() -> None:
    said = failure(AdapterRefused.code, f"{THERE} is cut short", THERE)
    error = error_of(ending("failed", said), (INK,), (OWN,))
    assert error.message == f"{OWN} is cut short"
    assert [report.path for report in reports_of(error)] == [OWN]


def test_reports_of_some_adapters_are_known_by_what_is_in_their_files() -> None:
    other = FarmAdapter(sha256="cd" * 32, files=INK.files, scale=1.0)
    error = error_of(ending("failed", failure(-32007, "no", THERE)), (other, INK), ("/other", OWN))
    assert [report.path for report in reports_of(error)] == [OWN]


def test_a_dead_job_is_told_with_its_deliveries_its_first_line_and_the_mend() -> None:
    dead = ending("dead", failure(-32003, "the worker died"), deliveries=5, node="anvil", first_line="Killed")
    error = error_of(dead, (), ())
    assert isinstance(error, RenderFailed)
    assert str(error) == (
        "no node could finish it, and it was handed out 5 times, last to anvil: "
        "the worker died (it began with: Killed); `kilnmark farm dead --again j` hands it out again"
    )


def test_a_cancelled_job_is_none_that_a_batch_asks_for_again_by_itself() -> None:
    error = error_of(ending("cancelled", failure(-32800)), (), ())
    assert isinstance(error, RenderFailed)
    assert "hand it in again" in str(error)
