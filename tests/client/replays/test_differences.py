"""What of a base is another by now, and what is only worth a note."""

import msgspec

from kilnmark.client.replays.differences import base_differences, notes
from kilnmark.protocol.picture.record import PictureRecord
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.replies import StackInfo

BASE = BaseInfo(
    variant="dev",
    fingerprint="a" * 64,
    precision="bfloat16",
    quantize=None,
    backend="cuda",
    target_count=494,
    memory_bytes=1,
    load_ms=1.0,
    mlx_version="1",
    mflux_version="2",
)
RECORD = PictureRecord(
    kilnmark_version="0.0.1",
    created="2026-11-28T00:00:00.000+00:00",
    job_id="j",
    prompt="a kiln",
    negative_prompt=None,
    tier=None,
    width=64,
    height=64,
    steps=1,
    guidance=3.5,
    seed=1,
    base=BASE,
    stack=StackInfo(source="none"),
    loras=[],
)


def test_the_base_itself_differs_in_nothing() -> None:
    assert base_differences(RECORD, BASE) == []


def test_other_weights_bits_and_numerics_are_each_named() -> None:
    now = msgspec.structs.replace(BASE, fingerprint="b" * 64, quantize=8, numerics="fast")
    reasons = [each.reason for each in base_differences(RECORD, now)]
    assert reasons[0] == "its weights are others (bbbbbbbbbbbb, and were aaaaaaaaaaaa)"
    assert "layers of 8 bits" in reasons[1]
    assert "it computes in fast, and did in exact" in reasons[2]


def test_another_machine_and_program_are_notes() -> None:
    told = notes(RECORD, msgspec.structs.replace(BASE, backend="cpu", mlx_version="3"))
    assert told[0].startswith("kilnmark was 0.0.1 and is ")
    assert told[1:] == ["mlx was 1 and is 3", "the back end was cuda and is cpu"]
