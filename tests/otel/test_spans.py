"""Facts on spans, as they arrive at a real receiver."""

from collections.abc import Callable

import msgspec
import pytest
from opentelemetry.trace import INVALID_SPAN
from opentelemetry.trace import Span as LiveSpan

from kilnmark.otel import names
from kilnmark.otel.received import Attribute, Span
from kilnmark.otel.receiver import Receiver
from kilnmark.otel.setup import start
from kilnmark.otel.spans import describe_adapter, describe_origin, describe_render, describe_stack, mark_failed
from kilnmark.protocol.picture.beside import LayersBeside
from kilnmark.protocol.picture.block_scales import BlockScale
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.replies import StackInfo
from kilnmark.protocol.wire.work import RenderCommand

REPORT = AdapterReport(
    name="glaze",
    path="/loras/glaze.safetensors",
    sha256="ab" * 32,
    scale=0.8,
    convention="kohya",
    kind="lora",
    rank=16,
    total_key_count=912,
    matched_key_count=912,
    target_count=304,
    applied_target_count=304,
    delta_ratio=0.0125,
    probe_divergence=0.02,
    effective_share=0.9,
    stack_share=0.4,
    undone_targets=LayersBeside(3, ("a", "b", "c"), (), ("ash",)),
    quantized_survival=0.25,
    verdict=Verdict.ENGAGED,
    reason="912 of 912 keys changed 304 layers",
    strength_from={"tensor": 300, "default": 4},
    made_for="flux1",
)
JOB = RenderCommand(
    job_id="j",
    variant="standin",
    prompt="p",
    negative_prompt=None,
    tier="scene",
    seed=2**53 - 1,
    steps=4,
    guidance=3.5,
    width=256,
    height=128,
    lora_names=["glaze", "ash"],
    lora_paths=["/loras/glaze.safetensors", "/loras/ash.safetensors"],
    lora_scales=[0.8, 1.0],
    stack=StackInfo(source="paths"),
    on_mismatch="warn",
)


def report(**changes: object) -> AdapterReport:
    return msgspec.structs.replace(REPORT, **changes)


DEAD = report(name="ash", path="/loras/ash.safetensors", scale=1.0, verdict=Verdict.NOOP, reason="all zero")


def received(receiver: Receiver, describe: Callable[[LiveSpan], None]) -> Span:
    telemetry = start("test")
    with telemetry.tracer.start_as_current_span("it") as span:
        describe(span)
    telemetry.stop()
    [span_received] = receiver.wait_for(bool)
    return span_received


def test_an_engaged_adapter_stands_on_its_span_and_leaves_the_status_unset(receiver: Receiver) -> None:
    span = received(receiver, lambda span: describe_adapter(span, REPORT))
    assert span.attributes == {
        "render.lora.name": "glaze",
        "render.lora.file": "/loras/glaze.safetensors",
        "render.lora.sha256": "ab" * 32,
        "render.lora.scale": 0.8,
        "render.lora.convention": "kohya",
        "render.lora.matched_key_count": 912,
        "render.lora.total_key_count": 912,
        "render.lora.applied_target_count": 304,
        "render.lora.delta_ratio": 0.0125,
        "render.lora.probe_divergence": 0.02,
        "render.lora.effective_share": 0.9,
        "render.lora.stack_share": 0.4,
        "render.lora.undone_target_count": 3,
        "render.lora.drowned_target_count": 0,
        "render.lora.quantized_survival": 0.25,
        "render.lora.strength_from": "default, tensor",
        "render.lora.made_for": "flux1",
        "render.lora.verdict": "engaged",
    }
    assert (span.status_code, span.status_message) == ("unset", "")


def test_scales_by_blocks_stand_beside_the_scale(receiver: Receiver) -> None:
    reached = (BlockScale("double", 0.3, 76), BlockScale("single.20-37", 1.0, 90), BlockScale("rest", 0.8, 138))
    span = received(receiver, lambda span: describe_adapter(span, report(block_scales=reached)))
    assert span.attributes["render.lora.scale"] == 0.8
    assert span.attributes["render.lora.block_scales"] == "double 0.3, single.20-37 1"


def test_a_render_says_which_scales_by_blocks_were_asked_for(receiver: Receiver) -> None:
    job = msgspec.structs.replace(JOB, lora_block_scales=[{}, {"double": 0.3}])
    span = received(receiver, lambda span: describe_render(span, job, variant="standin"))
    assert span.attributes["render.lora.block_scales"] == ["", "double 0.3"]


@pytest.mark.parametrize("verdict", [Verdict.NOOP, Verdict.PARTIAL, Verdict.REFUSED])
def test_any_other_verdict_makes_the_span_an_error_of_its_type(receiver: Receiver, verdict: Verdict) -> None:
    span = received(receiver, lambda span: describe_adapter(span, report(verdict=verdict, reason="why")))
    assert span.attributes["error.type"] == f"lora_{verdict.value}"
    assert (span.status_code, span.status_message) == ("error", "glaze: why")


def test_a_ratio_that_is_not_known_is_left_out(receiver: Receiver) -> None:
    span = received(receiver, lambda span: describe_adapter(span, report(delta_ratio=None)))
    assert "render.lora.delta_ratio" not in span.attributes


def test_a_render_says_what_was_asked_for(receiver: Receiver) -> None:
    span = received(receiver, lambda span: describe_render(span, JOB, variant="standin"))
    assert span.attributes == {
        "render.job_id": JOB.job_id,
        "render.tier": "scene",
        "render.seed": 2**53 - 1,
        "render.variant": "standin",
        "render.width": 256,
        "render.height": 128,
        "render.steps": 4,
        "render.guidance": 3.5,
        "render.lora.stack_size": 2,
        "render.lora.names": ["glaze", "ash"],
        "render.lora.files": ["/loras/glaze.safetensors", "/loras/ash.safetensors"],
        "render.lora.scales": [0.8, 1.0],
        "gen_ai.operation.name": "generate_content",
        "gen_ai.output.type": "image",
        "gen_ai.provider.name": "kilnmark",
        "gen_ai.request.model": "standin",
        "gen_ai.request.seed": 2**53 - 1,
        "gen_ai.request.choice.count": 1,
        "gen_ai.response.id": "j",
    }


def test_without_a_tier_none_is_made_up(receiver: Receiver) -> None:
    job = msgspec.structs.replace(JOB, tier=None)
    assert "render.tier" not in received(receiver, lambda span: describe_render(span, job, variant="dev")).attributes


def test_a_styled_render_says_whose_style_it_has(receiver: Receiver) -> None:
    stack = StackInfo(source="style", genre="weatherwright", world="carding_moor", tier="scene")
    job = msgspec.structs.replace(JOB, stack=stack)
    attributes = received(receiver, lambda span: describe_render(span, job, variant="dev")).attributes
    assert (attributes["render.genre"], attributes["render.world"]) == ("weatherwright", "carding_moor")


def test_a_picture_says_where_it_came_from(receiver: Receiver) -> None:
    said = {"numerics": "fast", "path": "/p/one.png", "sha256": ""}
    span = received(receiver, lambda span: describe_origin(span, cached=False, shared_with="j", **said))
    expected = {"render.cached": False, "render.shared_with": "j", "render.numerics": "fast"}
    assert span.attributes == {**expected, "render.image.path": "/p/one.png"}


def test_one_dead_adapter_among_healthy_ones_is_the_one_accused(receiver: Receiver) -> None:
    span = received(receiver, lambda span: describe_stack(span, [REPORT, DEAD, report(matched_key_count=10)]))
    expected: dict[str, Attribute] = {
        "render.lora.stack_size": 3,
        "render.lora.names": ["glaze", "ash", "glaze"],
        "render.lora.files": [REPORT.path, DEAD.path, REPORT.path],
        "render.lora.scales": [0.8, 1.0, 0.8],
        "render.lora.matched_keys": [912, 912, 10],
        "render.lora.noop_count": 1,
        "render.lora.min_matched_key_count": 10,
        "error.type": "lora_noop",
    }
    assert span.attributes == expected
    assert (span.status_code, span.status_message) == ("error", "ash: all zero")


def test_an_engaged_stack_leaves_the_status_unset(receiver: Receiver) -> None:
    span = received(receiver, lambda span: describe_stack(span, [REPORT, REPORT], 0.02))
    assert span.status_code == "unset"
    assert span.attributes["render.lora.stack_delta_ratio"] == 0.02
    assert span.attributes["render.lora.noop_count"] == 0


def test_an_empty_stack_has_no_smallest_count(receiver: Receiver) -> None:
    span = received(receiver, lambda span: describe_stack(span, []))
    assert span.attributes["render.lora.stack_size"] == 0
    assert "render.lora.min_matched_key_count" not in span.attributes


def test_a_failure_has_a_type_and_words(receiver: Receiver) -> None:
    span = received(receiver, lambda span: mark_failed(span, "worker_lost", "it died"))
    assert (span.status_code, span.status_message) == ("error", "it died")
    assert span.attributes == {"error.type": "worker_lost"}


def test_a_span_that_is_not_recorded_takes_everything_in_silence() -> None:
    describe_render(INVALID_SPAN, JOB, variant="dev")
    describe_stack(INVALID_SPAN, [DEAD])
    describe_adapter(INVALID_SPAN, DEAD)


def test_no_name_stands_twice() -> None:
    values = [value for name, value in vars(names).items() if name.isupper()]
    assert len(values) == len(set(values)) > 30
