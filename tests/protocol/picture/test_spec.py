"""One picture, decided: one digest for it, whoever carries it, today and in what was written before."""

import hashlib
from typing import Any

import msgspec
import pytest

from kilnmark.client.batch.run.picture import Picture
from kilnmark.daemon.pictures.cache import picture_key, recorded_key
from kilnmark.protocol.content.tiers import TierNumbers
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.family import Variant
from kilnmark.protocol.picture.record import PictureRecord, decode_record
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.picture.spec import NUMBERS, PictureSpec, PinnedSpec, asked_again
from kilnmark.protocol.wire.replies import RenderResult, StackInfo
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.work import RenderCommand, decode_command, encode
from tests.protocol.samples import BASE

STACK = (("a" * 64, 0.8), ("b" * 64, -1.0))
SPEC = PictureSpec(
    prompt="inkwash, a stair of glass",
    negative_prompt=None,
    variant="standin",
    seed=7,
    width=64,
    height=128,
    steps=2,
    guidance=3.5,
)
WRITTEN = (
    b'{"prompt":"inkwash, a stair of glass","negative_prompt":null,"seed":7,"width":64,"height":128,"steps":2,'
    b'"guidance":3.5,"variant":"standin","adapters":[["' + b"a" * 64 + b'",0.8],["' + b"b" * 64 + b'",-1.0]]}'
)
"""What the manifests of earlier versions hold the SHA-256 of."""


def report(sha256: str, scale: float) -> AdapterReport:
    return AdapterReport(
        name="a", path="/a.safetensors", sha256=sha256, scale=scale, verdict=Verdict.ENGAGED, reason="r"
    )


def record(**more: Any) -> PictureRecord:
    return PictureRecord(
        **SPEC.fields_for(PictureRecord),
        kilnmark_version="1",
        created="2026-01-01T00:00:00Z",
        job_id="j",
        tier=None,
        base=BASE,
        stack=StackInfo(source="paths"),
        loras=[report(*each) for each in STACK],
        **more,
    )


def command() -> RenderCommand:
    return RenderCommand(
        **SPEC.fields_for(RenderCommand),
        job_id="j",
        tier=None,
        lora_names=["a", "b"],
        lora_paths=["/a", "/b"],
        lora_scales=[scale for _, scale in STACK],
        stack=StackInfo(source="paths"),
        on_mismatch="error",
    )


def test_a_digest_is_the_one_that_earlier_manifests_have() -> None:
    assert SPEC.pinned(STACK).digest == hashlib.sha256(WRITTEN).hexdigest()


def test_message_and_record_have_the_digest_of_their_spec() -> None:
    digest = SPEC.pinned(STACK).digest
    assert command().pinned(STACK).digest == digest
    assert decode_record(msgspec.json.encode(record()).decode()).spec.digest == digest
    assert decode_record(msgspec.json.encode(record()).decode()).spec == SPEC.pinned(STACK)


def test_the_cache_knows_a_picture_by_its_record() -> None:
    assert recorded_key(record()) == picture_key(command().pinned(STACK), BASE, "1")


def test_a_picture_whose_adapters_did_not_engage_has_no_key() -> None:
    dead = msgspec.structs.replace(report(*STACK[0]), verdict=Verdict.NOOP)
    assert recorded_key(msgspec.structs.replace(record(), loras=[dead])) is None


@pytest.mark.parametrize(
    "change",
    [
        *({name: "other"} for name in ("mlx_version", "mflux_version", "fingerprint", "precision", "backend")),
        {"numerics": "fast"},
        {"compiled": True},
    ],
)
def test_another_base_is_another_key_and_the_same_digest(change: dict[str, Any]) -> None:
    other = msgspec.structs.replace(record(), base=msgspec.structs.replace(BASE, **change))
    assert recorded_key(other) != recorded_key(record())
    assert other.spec.digest == record().spec.digest


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a gate"},
        {"negative_prompt": ""},
        {"seed": 8},
        {"width": 128},
        {"height": 64},
        {"steps": 3},
        {"guidance": 1.0},
        {"variant": "dev"},
        {"start": "c" * 64},
    ],
    ids=str,
)
def test_each_part_decides_the_digest(change: dict[str, Any]) -> None:
    assert msgspec.structs.replace(SPEC, **change).pinned(STACK).digest != SPEC.pinned(STACK).digest


@pytest.mark.parametrize("stack", [(), STACK[:1], STACK[::-1], ((STACK[0][0], 0.9), STACK[1])], ids=range(4))
def test_the_stack_decides_the_digest(stack: tuple[tuple[str, float], ...]) -> None:
    assert SPEC.pinned(stack).digest != SPEC.pinned(STACK).digest


def test_a_scale_is_a_number_however_it_was_written() -> None:
    assert SPEC.pinned([("a" * 64, 1)]).digest == SPEC.pinned([("a" * 64, 1.0)]).digest


def test_an_image_to_start_from_is_written_only_where_there_is_one() -> None:
    assert b"start" not in msgspec.json.encode(record())
    from_image = msgspec.structs.replace(command(), start="c" * 64)
    assert decode_command(encode(from_image)) == from_image
    assert from_image.pinned(STACK).start == "c" * 64


@pytest.mark.parametrize("carrier", [RenderCommand, RenderResult, PictureRecord, Picture, PinnedSpec])
def test_every_carrier_has_the_numbers_of_the_spec_flat(carrier: type[PictureSpec]) -> None:
    assert {"prompt", "seed", "width", "height", "steps", "guidance"} <= set(SPEC.fields_for(carrier))


def test_a_record_of_an_earlier_version_still_tells_what_it_was_made_of() -> None:
    text = (
        '{"schema":1,"kilnmark_version":"0.1.0","created":"2026-01-01T00:00:00.000+00:00","notice":"","job_id":"j",'
        '"prompt":"inkwash, a stair of glass","negative_prompt":null,"tier":null,"seed":7,"steps":2,"guidance":3.5,'
        '"width":64,"height":128,"base":{"variant":"standin","fingerprint":"f","precision":"float32","quantize":null,'
        '"backend":"cpu","target_count":494,"memory_bytes":1,"load_ms":2.5,"mlx_version":"0","mflux_version":"0"},'
        '"stack":{"source":"none"},"loras":[],"warnings":[],"trace_id":""}'
    )
    assert decode_record(text).spec == SPEC.pinned(())


def test_every_number_can_be_said_by_a_request_a_tier_and_a_variant() -> None:
    assert set(NUMBERS) <= set(RenderParams.__struct_fields__)
    assert set(NUMBERS) <= set(TierNumbers.model_fields)
    assert set(NUMBERS) <= set(Variant.__struct_fields__)


def test_people_read_size_and_settings_in_one_line() -> None:
    assert SPEC.size_and_settings == "64 x 128, 2 steps, guidance 3.5"
    assert msgspec.structs.replace(SPEC, steps=1).size_and_settings == "64 x 128, 1 step, guidance 3.5"


def test_what_is_asked_again_leaves_out_what_the_variant_does_not_take() -> None:
    assert asked_again(SPEC, VARIANTS["dev"])["guidance"] == 3.5
    assert asked_again(SPEC, VARIANTS["schnell"])["guidance"] is None
