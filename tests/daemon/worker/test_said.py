"""What a worker wrote is kept to a bound, shown as characters, and its first failure is never lost behind the last."""

import pytest

from kilnmark.daemon.worker.said import AT_ONCE, LINE_BYTES, LINES, WorkerSaid


def heard(*pieces: bytes) -> tuple[WorkerSaid, list[str]]:
    lines = list[str]()
    said = WorkerSaid(lines.append)
    for piece in pieces:
        said.take(piece)
    return said, lines


def test_lines_come_as_they_end_wherever_the_pieces_are_cut() -> None:
    said, lines = heard(b"on", b"e\ntwo\nthr", b"ee")
    assert lines == ["one", "two"]
    said.end()
    said.end()
    assert lines == said.words.lines == ["one", "two", "three"]


def test_the_last_lines_are_kept_and_those_before_them_counted() -> None:
    said, lines = heard(b"".join(b"line %d\n" % i for i in range(LINES + 50)))
    first, last = range(AT_ONCE // 2), range(LINES + 50 - AT_ONCE // 2, LINES + 50)
    more = f"({LINES + 50 - AT_ONCE} lines more came at once)"
    assert lines == [*(f"line {i}" for i in first), more, *(f"line {i}" for i in last)]
    assert said.words.lines == [f"line {i}" for i in range(50, LINES + 50)]
    assert (said.words.lines_before, said.words.first_failure) == (50, None)


@pytest.mark.parametrize(
    "failure",
    [
        "Traceback (most recent call last):",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "Fatal Python error: Segmentation fault",
        "python: malloc.c:2617: sysmalloc: Assertion `(old_top == initial_top (av)' failed.",
        "CUDA driver out of memory",
    ],
)
def test_the_first_failure_outlives_the_lines_that_came_after_it(failure: str) -> None:
    said, _ = heard(b"loading\n", failure.encode() + b"\n", b"and an error again\n" * (LINES + 1))
    assert said.words.first_failure == failure
    assert failure not in said.words.lines


def test_what_failed_before_it_did_well_is_not_what_it_dies_of() -> None:
    said, _ = heard(b"an error of yesterday\n")
    said.all_is_well()
    said.take(b"fine\nan error of today\n")
    assert said.words.first_failure == "an error of today"


def test_whatever_bytes_come_are_shown_as_characters() -> None:
    said, _ = heard(b"\x1b[2J\x07 \xff\xfe \xc2\x9b31m \xe2\x80\xae tab\t.\r\n")
    assert said.words.lines == ["\\x1b[2J\\x07 \\xff\\xfe \\x9b31m \\u202e tab\\t.\\r"]


def test_a_line_without_an_end_is_told_in_pieces_and_nothing_of_it_is_lost() -> None:
    said, lines = heard(b"x" * (3 * LINE_BYTES + 5), b"y\n")
    assert [len(line) for line in lines] == [LINE_BYTES] * 3 + [6]
    assert "".join(lines) == "x" * (3 * LINE_BYTES + 5) + "y"
    said.take(b"\n")
    assert lines[-1] == ""
