"""The text chunk of a picture: the record comes back equal."""

import struct
import zlib
from io import BytesIO

import msgspec
import pytest

from kilnmark.protocol.picture.record import CHUNK, PictureRecord, decode_record, encode_record, find_record
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.replies import StackInfo
from tests.protocol.samples import BASE

RECORD = PictureRecord(
    kilnmark_version="0.1.0",
    created="2026-01-01T00:00:00Z",
    job_id="j",
    prompt="a kiln",
    negative_prompt="smoke",
    tier="scene",
    seed=7,
    steps=4,
    guidance=3.5,
    width=256,
    height=128,
    base=msgspec.structs.replace(BASE, variant="dev", fingerprint="0123456789abcdef"),
    stack=StackInfo(source="paths", names=("ash",)),
    loras=[
        AdapterReport(name="ash", path="/ash", sha256="ab" * 32, scale=0.5, verdict=Verdict.NOOP, reason="all zero"),
    ],
)


def test_a_record_comes_back_equal() -> None:
    assert decode_record(encode_record(RECORD)) == RECORD


@pytest.mark.parametrize("chunk", ["", "{}", "[]", '{"schema":2}'])
def test_what_is_no_record_is_a_decode_error(chunk: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_record(chunk)


@pytest.mark.parametrize("text", [b"{}", b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}", b"\xff"])
def test_a_chunk_that_is_none_of_ours_says_nothing(text: bytes) -> None:
    whole = CHUNK.encode() + b"\0" * 5 + text
    chunk = struct.pack(">I4s", len(whole), b"iTXt") + whole + struct.pack(">I", zlib.crc32(b"iTXt" + whole))
    assert find_record(BytesIO(b"\x89PNG\r\n\x1a\n" + chunk)) is None


def test_the_chunk_has_nothing_in_it_that_a_terminal_acts_on() -> None:
    record = msgspec.structs.replace(RECORD, prompt="a\x1b]52;c;eA==\x07\x9b31m\x7f\u202ekiln\U000e0041")
    assert encode_record(record).isprintable()
    assert decode_record(encode_record(record)) == record
