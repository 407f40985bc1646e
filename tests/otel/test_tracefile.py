"""The file of traces: whole lines of several processes, bounded, and told where it cannot be."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kilnmark.otel.setup import TracingMisconfigured, start
from kilnmark.otel.tracefile import TraceFile

WRITER = """
import sys
from pathlib import Path
from kilnmark.otel.tracefile import TraceFile
file = TraceFile(Path(sys.argv[1]), int(sys.argv[3]))
for number in range(400):
    file.write(sys.argv[2] * 3000 + "\\n")
"""


def test_spans_are_lines_of_otlps_json(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    telemetry = start("pottery", trace_file=path)
    with telemetry.tracer.start_as_current_span("fire", attributes={"cone": 6}):
        pass
    telemetry.stop()
    [line] = path.read_text().splitlines()
    [of_process] = json.loads(line)["resourceSpans"]
    [span] = of_process["scopeSpans"][0]["spans"]
    assert (span["name"], len(span["traceId"]), len(span["spanId"])) == ("fire", 32, 16)
    assert span["attributes"] == [{"key": "cone", "value": {"intValue": "6"}}]
    assert path.stat().st_mode & 0o077 == 0


def test_nothing_is_written_where_telemetry_is_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not start("pottery", trace_file=tmp_path / "traces.jsonl").enabled
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [1 << 30, 200_000])
def test_two_processes_write_whole_lines_into_one_bounded_file(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "traces.jsonl"
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, letter, str(limit)]) for letter in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    files = [each for each in (path, path.with_name("traces.jsonl.1")) if each.exists()]
    lines = [line for each in files for line in each.read_text().splitlines()]
    assert set(lines) <= {"a" * 3000, "b" * 3000}
    if limit > 1 << 29:
        assert len(lines) == 800
    else:
        assert all(each.stat().st_size < limit + 2 * 3001 for each in files)
        assert len(files) == 2


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    file = TraceFile(path)
    file.write("first\n")
    path.rename(tmp_path / "kept")
    file.write("second\n")
    file.close()
    assert (path.read_text(), (tmp_path / "kept").read_text()) == ("second\n", "first\n")


def test_a_place_that_is_none_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(TracingMisconfigured, match=r"the file of traces is '.*set it to a file that can be"):
        start("pottery", trace_file=tmp_path / "no" / "traces.jsonl")
    assert list(tmp_path.iterdir()) == []
