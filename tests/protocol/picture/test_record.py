"""The text chunks of a picture: the record comes back equal, and the field's own text tells the same facts."""

import msgspec
import pytest

from kilnmark.protocol.picture.record import PictureRecord, decode_record, parameters_text
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
    assert decode_record(msgspec.json.encode(RECORD).decode()) == RECORD


@pytest.mark.parametrize("chunk", ["", "{}", "[]", '{"schema":2}'])
def test_what_is_no_record_is_a_decode_error(chunk: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_record(chunk)


def test_the_parameters_text_tells_prompt_numbers_and_every_adapters_verdict() -> None:
    prompt, negative, facts = parameters_text(RECORD).split("\n")
    assert (prompt, negative) == ("a kiln", "Negative prompt: smoke")
    for fact in ("Steps: 4", "Seed: 7", "Size: 256x128", "Model: dev", "Model hash: 0123456789", '"ash: 0.5 noop"'):
        assert fact in facts


def test_a_notice_stands_in_the_parameters_text_and_no_adapters_leave_no_trace() -> None:
    record = msgspec.structs.replace(RECORD, notice="means nothing", negative_prompt=None, loras=[])
    prompt, facts = parameters_text(record).split("\n")
    assert prompt == "a kiln"
    assert 'Notice: "means nothing"' in facts
    assert "Lora" not in facts
