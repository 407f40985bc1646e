"""The log is written while somebody reads it, and lines that nobody has room for are counted."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kilnmark.daemon.streams import FLUSH_TIMEOUT, PatientLog, formatter_for


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    try:
        yield reading, writing
    finally:
        os.close(reading)


def said(log: PatientLog, text: str) -> None:
    log.emit(logging.LogRecord("kiln", logging.INFO, __file__, 1, text, None, None))


def read_lines(handle: int, last: str) -> list[str]:
    """All lines up to the one that has a text in it."""
    data = b""
    while last.encode() not in data or not data.endswith(b"\n"):
        data += os.read(handle, 1 << 16)
    return data.decode().splitlines()


def test_lines_are_written_in_their_order_before_a_flush_returns() -> None:
    with pipe() as (reading, writing):
        log = PatientLog(writing)
        for i in range(100):
            said(log, f"line {i}")
        log.flush()
        os.set_blocking(reading, False)
        assert os.read(reading, 1 << 16).decode().splitlines() == [f"line {i}" for i in range(100)]


def test_where_nobody_reads_nobody_waits_and_what_is_dropped_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilnmark.daemon.streams.FLUSH_TIMEOUT", 0.05)
    with pipe() as (reading, writing):
        log = PatientLog(writing, limit=10)
        begun = time.process_time()
        for i in range(1000):
            said(log, f"{i:03} " + "x" * 8000)
        log.flush()
        assert time.process_time() - begun < FLUSH_TIMEOUT
        lines = read_lines(reading, "were dropped")
        kept, told = lines[:-1], lines[-1]
        assert kept[0].startswith("000 ")
        assert told == f"{1000 - len(kept)} lines of this log were dropped, since nobody read it"
        assert log.dropped() == 1000 - len(kept)
        said(log, "and on")
        assert read_lines(reading, "and on") == ["and on"]


def test_a_closed_pipe_stops_nobody() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    log = PatientLog(writing)
    said(log, "nobody hears it")
    log.flush()
    said(log, "nor this")
    log.flush()
    os.close(writing)


def test_the_journal_gets_the_level_of_each_line_and_no_second_time() -> None:
    with pipe() as (_, writing):
        found = os.fstat(writing)
        plain = formatter_for(writing, {"JOURNAL_STREAM": "8:1"})
        journal = formatter_for(writing, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
    raised = (ValueError, ValueError("the mill"), None)
    record = logging.LogRecord("kiln", logging.ERROR, __file__, 1, "gone", None, raised)
    lines = journal.format(record).splitlines()
    assert lines[0] == "<3>kiln: gone"
    assert all(line.startswith("<3>") for line in lines)
    assert lines[-1] == "<3>  ValueError: the mill"
    assert " ERROR kiln: gone" in plain.format(record)
