"""One warning a minute when traces cannot be delivered, on a clock the test owns."""

import logging

import pytest

from kilnmark.otel.quiet import INTERVAL, EveryMinute, quieten_exporters


class Clock:
    """Monotonic seconds that only the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def record(level: int = logging.ERROR) -> logging.LogRecord:
    error = OSError("refused")
    return logging.LogRecord("x", level, __file__, 1, "lost %s", ("batch",), (OSError, error, None))


def test_the_first_failure_is_one_warning_without_a_stack_trace() -> None:
    first = record()
    assert EveryMinute(Clock()).filter(first)
    assert first.getMessage() == "telemetry is not being delivered: lost batch"
    assert (first.levelname, first.exc_info) == ("WARNING", None)


def test_more_failures_are_held_back_and_counted_in_the_next_warning() -> None:
    clock = Clock()
    every_minute = EveryMinute(clock)
    assert every_minute.filter(record())
    clock.now += INTERVAL - 0.001
    assert [every_minute.filter(record()) for _ in range(3)] == [False] * 3
    clock.now += 0.001
    later = record()
    assert every_minute.filter(later)
    assert "3 messages like this were held back" in later.getMessage()


def test_what_is_less_than_a_warning_passes_untouched() -> None:
    every_minute = EveryMinute(Clock())
    assert every_minute.filter(record())
    quiet = record(logging.DEBUG)
    assert every_minute.filter(quiet)
    assert quiet.getMessage() == "lost batch"


@pytest.mark.parametrize(
    ("error", "mend"),
    [
        ("('Connection aborted.', BadStatusLine('\\x00\\x00\\x18\\x04'))", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"),
        (
            "ipv4:127.0.0.1:4317: Failed parsing HTTP/2 (Expected SETTINGS frame, got frame type 79)",
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        ),
    ],
)
def test_an_answer_in_another_protocol_is_told_with_the_variable_that_mends_it(error: str, mend: str) -> None:
    said = logging.LogRecord("x", logging.ERROR, __file__, 1, "Failed to export span batch: %s", (error,), None)
    assert EveryMinute(Clock()).filter(said)
    assert mend in said.getMessage()
    assert error not in said.getMessage()


def test_a_line_about_telemetry_that_is_not_exported_is_no_news() -> None:
    from opentelemetry.instrumentation.logging import handler

    quieten_exporters()
    assert not handler._internal_logger.isEnabledFor(logging.WARNING)
