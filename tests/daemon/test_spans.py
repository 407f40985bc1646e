"""The daemon's spans, as a real receiver gets them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kilnmark.otel.received import Span
from kilnmark.otel.receiver import Receiver
from tests.daemon.conftest import PATIENCE, SMALL, FakeDaemon
from tests.daemon.shuttered import Shuttered, shuttered

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
META = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One genre, whose adapter is not there."""
    folder = tmp_path_factory.mktemp("packs")
    (folder / "ink").mkdir()
    (folder / "ink" / "visual_style.yaml").write_text(
        "loras: [{name: wash, file: gone.safetensors, scale: 1, applies_to: [scene]}]\n"
    )
    return folder


@pytest.fixture(scope="module")
def traced(receiver: Receiver, packs: Path) -> Iterator[Shuttered]:
    """A daemon that sends its spans to the receiver within a fraction of a second."""
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    env["OTEL_EXPORTER_OTLP_TIMEOUT"] = "30"  # a busy receiver is no dead one
    with shuttered(env=env, cache_bytes=1 << 30, packs=str(packs)) as daemon:
        daemon.warm()
        yield daemon


def wait_for(receiver: Receiver, name: str, trace_id: str, count: int = 1) -> list[Span]:
    """The spans of one name in one trace, once there are as many."""

    def of(spans: list[Span]) -> list[Span]:
        return [span for span in spans if (span.name, span.trace_id) == (name, trace_id)]

    return of(receiver.wait_for(lambda spans: len(of(spans)) >= count, timeout=PATIENCE))


def test_a_render_is_one_trace_from_the_caller_through_daemon_and_worker(traced: Shuttered, receiver: Receiver) -> None:
    with traced.wire() as wire:
        result = wire.result("render", {**SMALL, "tier": "portrait", "variant": "shutter", "_meta": META})
    assert result["trace_id"] == TRACE
    [render] = wait_for(receiver, "flux_mlx.render", TRACE)
    [queue] = wait_for(receiver, "flux_mlx.queue", TRACE)
    [save] = wait_for(receiver, "flux_mlx.save", TRACE)
    assert render.parent_id == PARENT
    assert (render.kind, render.attributes["rpc.system.name"], render.attributes["rpc.method"]) == (
        "server",
        "jsonrpc",
        "render",
    )
    assert "render.prompt" not in render.attributes
    assert queue.parent_id == save.parent_id == render.span_id
    assert render.service != save.service
    assert (render.attributes["render.seed"], render.attributes["render.tier"]) == (7, "portrait")
    found = [render.attributes[f"render.{name}"] for name in ("job_id", "image.path", "image.sha256")]
    assert found == [result["job_id"], result["image_path"], result["image_sha256"]]
    assert render.status_code == "unset"
    assert queue.end_ns <= save.start_ns < render.end_ns


def test_a_cancelled_render_says_so_and_is_no_failure(traced: Shuttered, receiver: Receiver) -> None:
    trace = TRACE.replace("0af", "1af")
    meta = {"traceparent": f"00-{trace}-{PARENT}-01", "progressToken": 1}
    traced.hold("step 1")
    with traced.wire() as wire:
        render = wire.send("render", {**SMALL, "steps": 100, "_meta": meta})
        wire.progressed("denoise 1/")
        wire.send("$/cancelRequest", {"id": render}, id=None)
        error = wire.reply(render)["error"]
    assert (error["code"], error["data"]["trace_id"]) == (-32800, trace)
    traced.release("step 1")
    [span] = wait_for(receiver, "flux_mlx.render", trace)
    assert (span.status_code, span.attributes["render.outcome"]) == ("unset", "cancelled")
    assert "error.type" not in span.attributes
    [denoise] = wait_for(receiver, "flux_mlx.denoise", trace)
    assert denoise.status_code == "unset"


def test_a_styles_missing_file_is_accused_on_the_render(traced: Shuttered, receiver: Receiver) -> None:
    trace = TRACE.replace("0af", "9af")
    asked = {"prompt": "a mill", "genre": "ink", "tier": "scene", "job_id": "gone"}
    with traced.wire() as wire:
        error = wire.error("render", {**asked, "_meta": {"traceparent": f"00-{trace}-{PARENT}-01"}})
        told = wire.result("jobs.get", {"job_id": "gone"})
    assert (error["code"], error["data"]["job_id"]) == (-32007, "gone")
    assert (told["job"]["state"], told["error"]["code"]) == ("failed", -32007)
    assert error["data"]["trace_id"] == told["error"]["trace_id"] == trace
    [span] = wait_for(receiver, "flux_mlx.render", trace)
    assert (span.status_code, span.attributes["error.type"]) == ("error", "lora_refused")
    assert (span.attributes["render.genre"], span.attributes["render.tier"]) == ("ink", "scene")
    assert span.attributes["render.lora.names"] == ["wash"]


def test_a_refused_adapter_is_accused_on_the_render(traced: Shuttered, receiver: Receiver) -> None:
    trace = TRACE.replace("0af", "2af")
    stack = {"lora_paths": ["gone.safetensors"], "lora_scales": [1.0]}
    with traced.wire() as wire:
        error = wire.error("render", {**SMALL, **stack, "_meta": {"traceparent": f"00-{trace}-{PARENT}-01"}})
    assert error["code"] == -32007
    [span] = wait_for(receiver, "flux_mlx.render", trace)
    assert (span.status_code, span.attributes["error.type"]) == ("error", "lora_refused")
    [adapter] = wait_for(receiver, "flux_mlx.lora.apply", trace)
    assert (adapter.parent_id, adapter.status_code) == (span.span_id, "error")
    assert (adapter.attributes["render.lora.name"], adapter.attributes["render.lora.verdict"]) == ("gone", "refused")


def test_a_request_that_becomes_no_job_names_its_callers_trace(traced: Shuttered) -> None:
    with traced.wire() as wire:
        error = wire.error("render", {**SMALL, "tier": "no such", "_meta": META})
        untold = wire.error("render", {**SMALL, "tier": "no such"})
    assert (error["data"]["trace_id"], untold["data"]["trace_id"]) == (TRACE, "")


def test_each_job_of_a_shared_render_has_a_span_that_says_who_it_was_painted_as(
    traced: Shuttered, receiver: Receiver
) -> None:
    painter, sharer = (TRACE.replace("0af", digits) for digits in ("4af", "5af"))
    with traced.wire() as wire:
        for trace, name in ((painter, "painter"), (sharer, "sharer")):
            meta = {"traceparent": f"00-{trace}-{PARENT}-01"}
            wire.send("render", {**SMALL, "seed": 45, "job_id": name, "_meta": meta})
        traces = {result["job_id"]: result["trace_id"] for result in (wire.read()["result"] for _ in range(2))}
    assert traces == {"painter": painter, "sharer": sharer}
    [painted] = wait_for(receiver, "flux_mlx.render", painter)
    [shared] = wait_for(receiver, "flux_mlx.render", sharer)
    assert "render.shared_with" not in painted.attributes
    assert (shared.attributes["render.shared_with"], shared.status_code) == ("painter", "unset")
    assert (painted.attributes["render.source"], shared.attributes["render.source"]) == ("painted", "shared")
    assert [(link.trace_id, link.span_id) for link in shared.links] == [(painter, painted.span_id)]
    assert painted.links == ()


def test_a_picture_from_the_cache_has_a_span_of_its_own_that_says_so(traced: Shuttered, receiver: Receiver) -> None:
    trace = TRACE.replace("0af", "6af")
    with traced.wire() as wire:
        made = wire.result("render", {**SMALL, "seed": 6})
        result = wire.result("render", {**SMALL, "seed": 6, "_meta": {"traceparent": f"00-{trace}-{PARENT}-01"}})
    assert (result["cached"], result["trace_id"]) == (True, trace)
    [span] = wait_for(receiver, "flux_mlx.render", trace)
    assert (span.attributes["render.cached"], span.status_code) == (True, "unset")
    assert [(link.trace_id, link.span_id) for link in span.links] == [(made["trace_id"], made["span_id"])]
    assert span.span_id == result["span_id"] != made["span_id"]


def test_a_warm_up_has_a_span(traced: Shuttered, receiver: Receiver) -> None:
    trace = TRACE.replace("0af", "3af")
    with traced.wire() as wire:
        wire.result("warm_up", {"_meta": {"traceparent": f"00-{trace}-{PARENT}-01"}})
    [span] = wait_for(receiver, "flux_mlx.warm_up", trace)
    assert span.parent_id == PARENT


def test_without_a_collector_the_callers_trace_is_still_told(daemon: FakeDaemon) -> None:
    with daemon.wire() as wire:
        assert wire.result("render", {**SMALL, "_meta": META})["trace_id"] == TRACE
        assert wire.result("render", SMALL)["trace_id"] == ""
