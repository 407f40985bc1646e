"""A file that two processes write lines to: whole ones, within its bound, whatever happens to it meanwhile."""

import fcntl
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kilnmark.otel import tracefile
from kilnmark.otel.settings import TelemetryOptions
from kilnmark.otel.setup import TracingMisconfigured, start
from kilnmark.otel.tracefile import TraceFile

WRITER = """
import sys
from pathlib import Path
from kilnmark.otel.tracefile import TraceFile
file = TraceFile(Path(sys.argv[1]), 2_000)
for number in range(200):
    file.write(sys.argv[2] * 90 + "\\n")
"""


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_lines_are_added_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text("before\n")
    TraceFile(path).write("after\n")
    assert path.read_text() == "before\nafter\n"


def test_only_its_owner_reads_a_new_one(tmp_path: Path) -> None:
    TraceFile(tmp_path / "traces.jsonl").check()
    assert (tmp_path / "traces.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_full_one_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    file = TraceFile(path, 10)
    for line in ("first\n", "second\n", "third\n"):
        file.write(line)
    assert (path.read_text(), file.earlier.read_text()) == ("third\n", "second\n")


def test_a_line_longer_than_the_bound_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    file = TraceFile(path, 10)
    file.write("longer than that\n")
    file.write("short\n")
    assert (path.read_text(), file.earlier.read_text()) == ("short\n", "longer than that\n")


def test_one_that_was_taken_away_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    file = TraceFile(path)
    file.write("taken\n")
    path.unlink()
    file.write("left\n")
    assert path.read_text() == "left\n"


def test_one_that_another_program_has_locked_is_told_and_nobody_waits_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracefile, "LOCK_SECONDS", 0.0)
    path = tmp_path / "traces.jsonl"
    with path.open("a") as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        with pytest.raises(TracingMisconfigured, match="another program has it locked"):
            TraceFile(path).check()
        with pytest.raises(OSError, match="another program has it locked"):
            TraceFile(path).write("lost\n")
    TraceFile(path).write("taken\n")
    assert path.read_text() == "taken\n"


def test_a_turn_that_goes_wrong_closes_nothing_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, closed = tmp_path / "traces.jsonl", list[int]()
    file = TraceFile(path, 10)
    file.write("first\n")
    to_open, to_close = os.open, os.close

    def open_once(*args: Any, **kwargs: Any) -> int:
        if file.earlier.exists():
            raise OSError(24, "Too many open files")
        return to_open(*args, **kwargs)

    def close(handle: int) -> None:
        closed.append(handle)
        to_close(handle)

    monkeypatch.setattr(os, "open", open_once)
    monkeypatch.setattr(os, "close", close)
    with pytest.raises(OSError, match="Too many open files"):
        file.write("second\n")
    assert len(closed) == 1


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text('{"cut')
    TraceFile(path).write("whole\n")
    assert path.read_text() == '{"cut\nwhole\n'


def test_of_a_line_that_has_no_room_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    file = TraceFile(path)
    file.write("before\n")
    with full_disk(12), pytest.raises(OSError, match="too large"):
        file.write("too long for it\n")
    file.write("after\n")
    assert path.read_text() == "before\nafter\n"


def test_two_processes_lose_none_of_the_last_lines_and_tear_none(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path, letter]) for letter in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    for file in (path, TraceFile(path).earlier):
        assert file.stat().st_size <= 2_000
        assert set(file.read_text().split()) <= {"a" * 90, "b" * 90}
    assert TraceFile(path).earlier.stat().st_size == 2_000 // 91 * 91


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_told(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "other")
    with pytest.raises(TracingMisconfigured, match=r"--trace-file is .*other.*a file that can be written"):
        TraceFile(tmp_path / "other").check()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TracingMisconfigured, match="No such file"):
        TraceFile(tmp_path / "nowhere" / "traces.jsonl").check()


def test_spans_stand_in_the_file_as_lines_of_otlp(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    telemetry = start("pottery", options=TelemetryOptions(trace_file=path))
    with telemetry.tracer.start_as_current_span("render") as span:
        span.set_attribute("render.seed", 7)
        trace_id = format(span.get_span_context().trace_id, "032x")
    telemetry.stop()
    (line,) = path.read_text().splitlines()
    (of_process,) = json.loads(line)["resourceSpans"]
    (written,) = of_process["scopeSpans"][0]["spans"]
    assert (written["name"], written["traceId"]) == ("render", trace_id)
    assert written["attributes"] == [{"key": "render.seed", "value": {"intValue": "7"}}]
    assert {"key": "service.name", "value": {"stringValue": "pottery"}} in of_process["resource"]["attributes"]


def test_spans_that_cannot_be_written_are_counted_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "traces.jsonl"
    telemetry = start("pottery", options=TelemetryOptions(trace_file=path))
    (tmp_path / "folder").rmdir()
    for _ in range(3):
        telemetry.tracer.start_span("lost").end()
    telemetry.stop()
    assert telemetry.drops.of("traces") == 3
    (told,) = [record.getMessage() for record in caplog.records if record.name.startswith("opentelemetry")]
    assert told.startswith("telemetry is not being delivered: ")
    assert str(path) in told


def test_a_file_that_is_asked_for_has_wrong_variables_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = TelemetryOptions(trace_file=tmp_path / "traces.jsonl")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "sometimes")
    with pytest.raises(TracingMisconfigured, match="OTEL_TRACES_SAMPLER"):
        start("pottery", options=options)


def test_an_option_is_not_overruled_in_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with pytest.raises(TracingMisconfigured, match="OTEL_SDK_DISABLED"):
        start("pottery", options=TelemetryOptions(trace_file=tmp_path / "traces.jsonl"))
