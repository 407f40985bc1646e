"""The daemon's log: a line a job, a line a refusal, and neither more nor longer ones than an operator can read."""

import logging
import os
from collections.abc import Iterator

import pytest

from kilnmark.daemon.jobs.logged import TOLD_ADAPTERS, TOLD_REASON, level_of, line_of
from kilnmark.daemon.jobs.outcome import error_again, result_of
from kilnmark.daemon.wire.refused import AT_ONCE
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.errors import AdapterRefused, Cancelled, InternalError
from kilnmark.protocol.wire.replies import Timings
from kilnmark.protocol.wire.work import Finished
from tests.daemon.conftest import SMALL, FakeDaemon, Wire
from tests.daemon.jobs.queues import FAILED, INK, Asked, Untraced

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO):
        yield caplog


def lines(log: pytest.LogCaptureFixture, begin: str) -> list[str]:
    return [line for record in log.records if (line := record.getMessage()).startswith(begin)]


def test_each_job_that_ended_is_one_line_with_all_that_finds_it_again(log: pytest.LogCaptureFixture) -> None:
    with FakeDaemon(cache_bytes=1 << 20) as daemon, daemon.wire() as wire:
        made = wire.result("render", {**SMALL, "job_id": "first"})
        wire.result("render", {**SMALL, "job_id": "again"})
    [first] = lines(log, "job first ")
    assert first.startswith("job first done in ")
    assert f"; {made['variant']} 64x64, 1 steps, seed 7; asked by " in first
    assert first.endswith(f"; {made['image_path']}")
    assert f"[{os.getpid()}]" in first.partition("asked by ")[2]
    [again] = lines(log, "job again ")
    assert ", from the picture cache;" in again


def test_a_refused_adapter_is_a_warning_that_names_it(wire: Wire, log: pytest.LogCaptureFixture) -> None:
    error = wire.error("render", {**SMALL, "job_id": "dead", "lora_paths": ["/no/ink.safetensors"], "lora_scales": [1]})
    [line] = lines(log, "job dead ")
    assert line.startswith("job dead failed (adapter_refused) after ")
    assert "; adapters: ink refused; " in line
    assert line.endswith(error["message"][:TOLD_REASON])
    assert [record.levelname for record in log.records if "job dead" in record.getMessage()] == ["WARNING"]


def test_a_request_that_becomes_no_job_is_a_line_and_nonsense_without_end_is_a_few(
    log: pytest.LogCaptureFixture,
) -> None:
    with FakeDaemon() as daemon, daemon.wire() as wire:
        for _ in range(AT_ONCE + 30):
            wire.error("render", {**SMALL, "width": 130})
    told = lines(log, "render of ")
    assert len(told) == AT_ONCE
    assert " was refused (invalid_params): " in told[0]
    assert told[0].endswith("- at `$.params.width`")


def report(name: str, verdict: Verdict) -> AdapterReport:
    return AdapterReport(name=name, path=f"/l/{name}.safetensors", verdict=verdict, reason="")


def test_however_long_a_stack_and_a_reason_are_the_line_is_bounded() -> None:
    asked = Asked()
    asked.accepted("long", **INK)
    error = error_again(FAILED, "long")
    error.message, error.trace_id = "x" * 5000, TRACE
    reports = [report("n" * 300, Verdict.REFUSED) for _ in range(40)]
    line = line_of(asked.job("long"), error, reports, seconds=2.5, asked_by="kilnmark[7]")
    assert len(line) < 1200
    assert f" and {40 - TOLD_ADAPTERS} more; asked by kilnmark[7]; trace {TRACE}; xxx" in line


def test_the_level_says_whether_somebody_has_to_look() -> None:
    asked = Asked()
    asked.accepted("one", **INK)
    engaged, noop = report("ink", Verdict.ENGAGED), report("ink", Verdict.NOOP)
    finished = Finished(
        job_id="one", image_path="/p.png", image_sha256="", timings=Timings(), loras=[noop], stack_delta_ratio=None
    )
    made = result_of(asked.job("one").facts, finished, Timings(), Untraced())
    assert level_of(made, [engaged]) == logging.INFO
    assert level_of(made, [noop]) == logging.WARNING
    assert level_of(AdapterRefused("no"), ()) == logging.WARNING
    assert level_of(Cancelled("no"), ()) == logging.INFO
    assert level_of(InternalError("no"), ()) == logging.ERROR
