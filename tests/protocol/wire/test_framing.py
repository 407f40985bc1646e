"""The line splitter, fed whole, byte by byte, and in any chunks Hypothesis can think of."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.protocol.wire.framing import FRAME_LIMIT, LineSplitter, OversizedFrame

LIMIT = 12
LINES = st.lists(st.binary(max_size=LIMIT + 6).map(lambda b: b.replace(b"\n", b"")), max_size=12)


def frames_of(splitter: LineSplitter, chunks: list[bytes]) -> list[bytes | OversizedFrame]:
    return [frame for chunk in chunks for frame in splitter.feed(chunk)]


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[a:b] for a, b in pairwise(edges)]


def test_two_lines_in_one_chunk_are_two_frames() -> None:
    assert LineSplitter().feed(b'{"a":1}\n{"b":2}\n') == [b'{"a":1}', b'{"b":2}']


def test_byte_by_byte_gives_the_same_frames() -> None:
    stream = b'{"a":1}\r\n\n  {"b":2}\t\n'
    assert frames_of(LineSplitter(), [stream[i : i + 1] for i in range(len(stream))]) == [b'{"a":1}', b'{"b":2}']


def test_trailing_bytes_wait_for_their_newline() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b'{"a":1}\n{"b"') == [b'{"a":1}']
    assert splitter.pending
    assert splitter.feed(b":2}\n") == [b'{"b":2}']
    assert not splitter.pending


def test_feeding_works_without_looking_at_the_frames() -> None:
    splitter = LineSplitter()
    splitter.feed(b'{"a"')
    assert splitter.feed(b":1}\n") == [b'{"a":1}']


def test_blank_lines_are_no_frames() -> None:
    assert LineSplitter().feed(b"\n \t\r\n\r\n") == []


def test_a_carriage_return_inside_a_line_stays() -> None:
    assert LineSplitter().feed(b"a\rb\n") == [b"a\rb"]


@given(lines=LINES, places=st.lists(st.integers(min_value=0, max_value=500), max_size=20))
def test_any_chunking_gives_the_same_frames(lines: list[bytes], places: list[int]) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    expected = [
        OversizedFrame(LIMIT) if len(line) > LIMIT else line.strip(b" \t\r")
        for line in lines
        if len(line) > LIMIT or line.strip(b" \t\r")
    ]
    assert frames_of(LineSplitter(LIMIT), cut(stream, places)) == expected


@pytest.mark.parametrize("length", [LIMIT, LIMIT + 1])
def test_the_limit_itself_is_allowed_and_one_byte_more_is_not(length: int) -> None:
    [frame] = LineSplitter(LIMIT).feed(b"x" * length + b"\n")
    assert frame == (b"x" * length if length == LIMIT else OversizedFrame(LIMIT))


def test_an_oversized_frame_is_told_at_once_and_thrown_away_up_to_its_newline() -> None:
    splitter = LineSplitter(LIMIT)
    assert splitter.feed(b"x" * (LIMIT + 1)) == [OversizedFrame(LIMIT)]
    assert splitter.feed(b"y" * 10 * LIMIT) == []
    assert splitter.pending
    assert splitter.feed(b'tail\n{"a":1}\n') == [b'{"a":1}']


def test_an_oversized_frame_is_not_kept_in_memory() -> None:
    splitter = LineSplitter(LIMIT)
    for _ in range(100):
        splitter.feed(b"z" * 1000)
    assert len(splitter._buffer) <= LIMIT


def test_no_limit_takes_a_line_of_any_length() -> None:
    line = b"x" * (FRAME_LIMIT + 1)
    assert LineSplitter(limit=None).feed(line + b"\n") == [line]


@pytest.mark.parametrize("value", [{"jsonrpc": "2.0", "id": 1, "method": "ping"}, [], [{"a": [1, "}"]}]])
def test_a_complete_value_is_taken_without_its_newline_and_never_before_its_last_byte(value: object) -> None:
    encoded = json.dumps(value).encode()
    splitter = LineSplitter()
    for i in range(len(encoded)):
        assert splitter.take_unterminated() is None
        assert splitter.feed(encoded[i : i + 1]) == []
    assert splitter.take_unterminated() == encoded
    assert not splitter.pending


def test_the_newline_that_comes_after_all_is_no_second_frame() -> None:
    splitter = LineSplitter()
    splitter.feed(b'{"a":1}')
    assert splitter.take_unterminated() == b'{"a":1}'
    assert splitter.feed(b'\r\n{"b":2}\n') == [b'{"b":2}']


@pytest.mark.parametrize("scalar", [b"12", b"tru", b'"text"', b"", b"   "])
def test_a_scalar_is_never_taken_early_since_more_of_it_may_come(scalar: bytes) -> None:
    splitter = LineSplitter()
    splitter.feed(scalar)
    assert splitter.take_unterminated() is None


def test_two_values_without_a_newline_between_them_are_not_taken() -> None:
    splitter = LineSplitter()
    splitter.feed(b'{"a":1}{"b":2}')
    assert splitter.take_unterminated() is None


def test_the_rest_of_an_oversized_frame_is_never_taken_for_a_value() -> None:
    splitter = LineSplitter(LIMIT)
    splitter.feed(b"x" * (LIMIT + 1))
    splitter.feed(b"{}")
    assert splitter.take_unterminated() is None


def test_a_value_too_deep_to_check_is_not_taken() -> None:
    splitter = LineSplitter()
    splitter.feed(b"[" * 100_000 + b"]" * 100_000)
    assert splitter.take_unterminated() is None
