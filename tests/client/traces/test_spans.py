"""Lines of OTLP's JSON, put together to renders."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import StatusCode, Tracer, set_span_in_context

from kilnmark.client.traces.passing import of_file
from kilnmark.client.traces.seen import SeenRender
from kilnmark.client.traces.spans import PATIENCE, RendersOfSpans
from kilnmark.otel import names


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.jsonl"


def tracer_to(path: Path) -> Tracer:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(str(path))))
    return provider.get_tracer("test")


def paint(tracer: Tracer, *verdicts: str, **said: Any) -> None:
    """The spans of one render, those of the worker first, as they are exported."""
    own = tracer.start_span(names.RENDER)
    below = set_span_in_context(own)
    for number, verdict in enumerate(verdicts):
        adapter = tracer.start_span(names.LORA_APPLY, below)
        matched = 0 if verdict == "noop" else 684
        adapter.set_attributes(
            {
                names.LORA_NAME: f"adapter {number}",
                names.LORA_MATCHED_KEY_COUNT: matched,
                names.LORA_TOTAL_KEY_COUNT: 684,
                names.LORA_VERDICT: verdict,
                names.LORA_SCALE: 0.8,
            }
        )
        adapter.end()
    for part in (names.QUEUE, names.DENOISE, names.DENOISE_STEP, names.SAVE):
        tracer.start_span(part, below).end()
    own.set_attributes(
        {
            names.RENDER_JOB_ID: "one",
            names.RENDER_TIER: "portrait",
            names.RENDER_OUTCOME: "done",
            names.RENDER_SOURCE: "painted",
            names.LORA_STACK_SIZE: len(verdicts),
            **said,
        }
    )
    own.end()


def seen(path: Path) -> list[SeenRender]:
    return list(of_file(path, follow=False, tell=lambda _: None))


def test_a_render_is_put_together_with_its_adapters_and_its_parts(path: Path) -> None:
    tracer = tracer_to(path)
    with tracer.start_as_current_span("somebody else's"):
        paint(tracer, "engaged", "noop", **{names.RENDER_WIDTH: 64, names.RENDER_HEIGHT: 32})
    [render] = seen(path)
    assert (render.job_id, render.tier, render.outcome, render.size) == ("one", "portrait", "done", "64x32")
    told = [(each.name, each.matched, each.total, each.verdict, each.scale) for each in render.adapters]
    assert told == [("adapter 0", 684, 684, "engaged", 0.8), ("adapter 1", 0, 684, "noop", 0.8)]
    assert set(render.parts) == {"queue", "adapters", "denoise", "save"}
    assert render.dead


def test_spans_may_come_in_any_order(path: Path) -> None:
    paint(tracer_to(path), "engaged")
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join(reversed(lines)))
    [render] = seen(path)
    assert [each.verdict for each in render.adapters] == ["engaged"]


def test_a_render_is_told_as_soon_as_nothing_is_missing(path: Path) -> None:
    paint(tracer_to(path), "engaged")
    renders = RendersOfSpans()
    lines = path.read_bytes().splitlines()
    for line in lines[:-1]:
        renders.take(line, 0.0)
        assert list(renders.whole(0.0)) == []
    renders.take(lines[-1], 0.0)
    assert len(list(renders.whole(0.0))) == 1


def test_a_render_whose_workers_spans_never_come_is_told_after_a_while(path: Path) -> None:
    paint(tracer_to(path), "engaged", **{names.LORA_NAMES: ["ink"], names.LORA_SCALES: [0.5]})
    renders = RendersOfSpans()
    renders.take(path.read_bytes().splitlines()[-1], 0.0)
    assert list(renders.whole(PATIENCE - 1)) == []
    [render] = renders.whole(PATIENCE)
    assert [(each.name, each.verdict, each.scale) for each in render.adapters] == [("ink", "", 0.5)]


def test_what_is_no_span_is_passed_over_and_told_once(path: Path) -> None:
    paint(tracer_to(path), "engaged")
    lines = path.read_bytes().splitlines()
    odd = [b"{", b"[]", b"\xff", b'{"resourceSpans": 7}', b'{"resourceSpans": [{"scopeSpans": [{"spans": [7, {}]}]}]}']
    path.write_bytes(b"\n".join([*odd, *lines, b'{"resourceMetrics": []}', b'{"cut sh']))
    told: list[str] = []
    assert len(list(of_file(path, follow=False, tell=told.append))) == 1
    [sentence] = told
    assert "passed over" in sentence
    with pytest.raises(msgspec.DecodeError):
        RendersOfSpans().take(b"3", 0.0)


def test_a_file_without_a_line_of_otlps_json_is_none(path: Path) -> None:
    path.write_text('{"name": "flux_mlx.render"}\n')
    with pytest.raises(msgspec.DecodeError):
        seen(path)


def test_renders_of_a_file_come_in_the_order_in_which_they_ended(path: Path) -> None:
    tracer = tracer_to(path)
    for second, outcome in enumerate(("failed", "done", "cancelled")):
        own = tracer.start_span(names.RENDER, start_time=0)
        own.set_attributes({names.RENDER_OUTCOME: outcome, names.RENDER_SOURCE: "painted"})
        tracer.start_span(names.SAVE, set_span_in_context(own)).end()
        own.end(second * 1_000_000_000)
    assert [render.outcome for render in seen(path)] == ["failed", "done", "cancelled"]


def test_of_a_stack_that_has_no_spans_the_accused_is_dead(path: Path) -> None:
    tracer = tracer_to(path)
    own = tracer.start_span(names.RENDER)
    own.set_attributes({names.LORA_NAMES: ["ink", "wash"], names.ERROR_TYPE: "lora_noop"})
    own.set_status(StatusCode.ERROR, "wash: it is zero")
    own.end()
    [render] = seen(path)
    assert [(each.name, each.verdict) for each in render.adapters] == [("ink", ""), ("wash", "noop")]
    assert render.dead


def test_an_error_is_the_reason(path: Path) -> None:
    span = {
        "name": "flux_mlx.render", "traceId": "a" * 32, "spanId": "b" * 16, "startTimeUnixNano": "0",
        "endTimeUnixNano": "2500000000", "status": {"code": 2, "message": "ink: it is zero"},
    }  # fmt: skip
    path.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}))
    [render] = seen(path)
    assert (render.outcome, render.reason, render.seconds) == ("failed", "ink: it is zero", 2.5)
