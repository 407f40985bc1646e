"""The log for programs: one JSON object a line, with the job and the trace that it belongs to."""

import json
import logging
from pathlib import Path

import msgspec
import pytest
from opentelemetry.sdk.trace import TracerProvider

from kilnmark.client import Client
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.streams import formatter_for
from kilnmark.protocol.logged import JsonFormatter


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("kilnmark.daemon", logging.WARNING, __file__, 1, message, (), None)
    made.__dict__.update(extra)
    return made


def test_a_line_says_what_it_belongs_to() -> None:
    said = json.loads(JsonFormatter().format(record("fired\n<1>forged", job_id="one", trace_id="")))
    assert (said["level"], said["logger"], said["message"]) == ("warning", "kilnmark.daemon", "fired\n<1>forged")
    assert said["job_id"] == "one"
    assert "trace_id" not in said
    assert said["time"].endswith("+00:00")


def test_a_line_is_one_line_whatever_stands_in_it() -> None:
    broken = record("a \udcff name")
    error = ValueError("two\nlines \udcff")
    broken.exc_info = (ValueError, error, None)
    line = JsonFormatter().format(broken)
    assert "\n" not in line
    assert "ValueError" in json.loads(line)["exception"]


def test_the_journal_of_systemd_has_the_level_before_the_object(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        found = (tmp_path / "log").stat()
        env = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        line = formatter_for(file.fileno(), env, "json").format(record("x"))
        assert line.startswith("<4>{")
        assert formatter_for(file.fileno(), {}, "json").format(record("x")).startswith("{")


def test_the_line_of_a_job_has_its_id_and_its_trace(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kilnmark")
    tracer = TracerProvider().get_tracer("test")
    with InProcessDaemon(tracer=tracer) as daemon, Client(daemon.socket) as client:
        made = client.render("a mill", width=64, height=64)
    (line,) = [line for line in caplog.records if line.getMessage().startswith("job ")]
    said = msgspec.json.decode(JsonFormatter().format(line))
    assert (said["job_id"], said["trace_id"]) == (made.job_id, made.trace_id)
    assert made.span_id
