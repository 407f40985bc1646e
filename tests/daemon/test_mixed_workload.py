"""A mixed workload, as an operator sees it: every span in its place, every job in the log, every number right.

Eleven jobs at once of a real daemon and a real worker: painted, shared, cached, engaged, dead and warned of, refused,
cancelled while they wait and while they are painted, and one whose worker is killed.
"""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kilnmark.keymaps.zoo.write import write_tensors
from kilnmark.otel.received import LogLine, Point, Span
from kilnmark.otel.receiver import Receiver
from tests.daemon.conftest import PATIENCE, SMALL, Wire, wait_until_gone
from tests.daemon.shuttered import Shuttered, shuttered
from tests.pinhole import pairs_for_pinhole

CALLER = "b7ad6b7169203331"
JOBS = (
    *("first", "sharer", "engaged", "dead", "warned", "refused"),
    *("queued-cancelled", "running-cancelled", "again", "killed", "cached"),
)
TRACES = {job_id: f"{number:02x}" * 16 for number, job_id in enumerate(JOBS, 1)}
PARTS = {"flux_mlx.encode", "flux_mlx.denoise", "flux_mlx.decode", "flux_mlx.save"}


@dataclass(frozen=True)
class Seen:
    """Everything that a collector was sent of the workload."""

    spans: list[Span]
    points: list[Point]
    lines: list[LogLine]
    replies: dict[str, Any]

    def of(self, job_id: str, name: str) -> list[Span]:
        return [span for span in self.spans if (span.trace_id, span.name) == (TRACES[job_id], name)]

    def render(self, job_id: str) -> Span:
        (span,) = self.of(job_id, "flux_mlx.render")
        return span

    def total(self, name: str, **said: str) -> float:
        """What a counter, or the count of a histogram, came to: the last word of each of its values."""
        last: dict[tuple[tuple[str, Any], ...], float] = {}
        for point in self.points:
            if point.name == name and all(
                point.attributes.get(key.replace("__", ".")) == value for key, value in said.items()
            ):
                last[tuple(sorted(point.attributes.items()))] = point.count or point.value
        return sum(last.values())


def ask(wire: Wire, job_id: str, **more: Any) -> int:
    meta = {"traceparent": f"00-{TRACES[job_id]}-{CALLER}-01", "progressToken": job_id}
    return wire.send("render", {**SMALL, "steps": 3, "job_id": job_id, "_meta": meta, **more})


def worked(daemon: Shuttered, wire: Wire, receiver: Receiver) -> dict[str, Any]:
    """The workload; the reply to each job."""
    good = write_tensors(daemon.loras / "good.safetensors", pairs_for_pinhole("transformer."))
    dead = write_tensors(daemon.loras / "dead.safetensors", pairs_for_pinhole("transformer.", strength=0.0))
    asked = {}

    def stack(path: Path | str) -> dict[str, Any]:
        return {"lora_paths": [str(path)], "lora_scales": [1.0]}

    daemon.hold("step 1")
    asked["first"] = ask(wire, "first", seed=1)
    wire.read_until(lambda told: told.get("params", {}).get("message", "").startswith("denoise 1/"))
    asked["sharer"] = ask(wire, "sharer", seed=1)
    asked["engaged"] = ask(wire, "engaged", seed=2, tier="portrait", variant="shutter", **stack(good))
    asked["dead"] = ask(wire, "dead", seed=3, **stack(dead))
    asked["warned"] = ask(wire, "warned", seed=4, on_mismatch="warn", **stack(dead))
    asked["refused"] = ask(wire, "refused", seed=5, **stack("gone.safetensors"))
    asked["queued-cancelled"] = ask(wire, "queued-cancelled", seed=6)
    wire.result("cancel", {"job_id": "queued-cancelled"})
    daemon.release("step 1")
    replies = {}
    for job_id in ("first", "sharer", "engaged", "dead", "warned", "refused", "queued-cancelled"):
        with daemon.wire() as waiting:
            replies[job_id] = waiting.call("jobs.wait", {"job_id": job_id})["result"]
    receiver.wait_for(
        lambda spans: sum(span.name == "flux_mlx.save" for span in spans) >= 3, PATIENCE
    )  # before it dies
    daemon.hold("step 1")
    for job_id, seed in (("running-cancelled", 7), ("killed", 8)):
        asked[job_id] = ask(wire, job_id, seed=seed)
        wire.read_until(lambda told, job_id=job_id: _is_at_step(told, job_id))  # type: ignore[misc]
        if job_id == "killed":
            pid = daemon.worker_pid()
            os.kill(pid, signal.SIGKILL)
            wait_until_gone(pid)
            daemon.release("step 1")
        else:
            wire.send("$/cancelRequest", {"id": asked[job_id]}, id=None)
            replies[job_id] = wire.reply(asked[job_id])
    replies["killed"] = wire.reply(asked["killed"])
    replies["again"] = wire.reply(ask(wire, "again", seed=9))
    replies["cached"] = wire.reply(ask(wire, "cached", seed=9))
    wire.error("paint.everything")
    return replies


def _is_at_step(told: dict[str, Any], job_id: str) -> bool:
    params = told.get("params", {})
    return params.get("progressToken") == job_id and str(params.get("message", "")).startswith("denoise 1/")


@pytest.fixture(scope="module")
def seen() -> Iterator[Seen]:
    with Receiver() as receiver:
        env = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "OTEL_EXPORTER_OTLP_TIMEOUT": "30",
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        with shuttered(env=env, cache_bytes=1 << 30, step_spans="on", drain_timeout=5) as daemon:
            daemon.warm()
            with daemon.wire() as wire:
                replies = worked(daemon, wire, receiver)
            with daemon.wire() as wire:
                wire.result("shutdown", {"drain": True})
            daemon.ended()
        wanted = len(JOBS)
        receiver.wait_for(lambda spans: sum(span.name == "flux_mlx.render" for span in spans) >= wanted, PATIENCE)
        yield Seen(receiver.spans, receiver.points, receiver.lines, replies)


def test_every_span_is_in_its_callers_trace_below_one_that_is_there(seen: Seen) -> None:
    ids = {span.span_id for span in seen.spans} | {CALLER}
    orphans = [span for span in seen.spans if span.parent_id and span.parent_id not in ids]
    killed = [span for span in orphans if span.trace_id == TRACES["killed"]]
    assert orphans == killed  # of the worker that was killed with the part above them still open
    assert len({span.span_id for span in seen.spans}) == len(seen.spans)
    assert all(span.end_ns >= span.start_ns for span in seen.spans)


def test_each_job_has_one_render_with_one_wait_apart_from_its_work(seen: Seen) -> None:
    for job_id in JOBS:
        render = seen.render(job_id)
        queue, *again = sorted(seen.of(job_id, "flux_mlx.queue"), key=lambda span: span.start_ns)
        assert [span.attributes.get("flux_mlx.reason") for span in again] == ["worker_lost"] * (job_id == "killed")
        assert (render.parent_id, render.kind) == (CALLER, "server")
        assert queue.parent_id == render.span_id
        assert render.start_ns <= queue.start_ns <= queue.end_ns <= render.end_ns
        for part in PARTS:
            for span in seen.of(job_id, part):
                assert span.parent_id == render.span_id
                assert span.start_ns >= queue.start_ns


def test_what_was_painted_has_its_parts_and_steps_and_nothing_of_another(seen: Seen) -> None:
    for job_id in ("first", "engaged", "warned", "again"):
        assert [len(seen.of(job_id, part)) for part in sorted(PARTS)] == [1, 1, 1, 1]
        (denoise,) = seen.of(job_id, "flux_mlx.denoise")
        steps = sorted(seen.of(job_id, "flux_mlx.denoise.step"), key=lambda span: span.start_ns)
        assert [span.attributes["render.step"] for span in steps] == [1, 2, 3]
        assert {span.parent_id for span in steps} == {denoise.span_id}
        assert all(denoise.start_ns <= span.start_ns <= span.end_ns <= denoise.end_ns for span in steps)
    for job_id in ("sharer", "cached", "refused", "queued-cancelled"):
        assert [part for part in sorted(PARTS) if seen.of(job_id, part)] == []


def test_pictures_of_others_point_at_the_render_that_made_them(seen: Seen) -> None:
    linked = {job_id: [(link.trace_id, link.span_id) for link in seen.render(job_id).links] for job_id in JOBS}
    made = {job_id: (TRACES[by], seen.render(by).span_id) for job_id, by in (("sharer", "first"), ("cached", "again"))}
    assert linked == {job_id: [made[job_id]] if job_id in made else [] for job_id in JOBS}


def test_only_what_failed_is_an_error_and_says_why_in_one_of_few_words(seen: Seen) -> None:
    failed = {span.attributes["render.job_id"]: span.attributes["error.type"] for span in seen.spans
              if span.name == "flux_mlx.render" and span.status_code == "error"}  # fmt: skip
    assert failed == {"dead": "lora_noop", "warned": "lora_noop", "refused": "lora_refused"}
    ends = {job_id: seen.render(job_id).attributes["render.outcome"] for job_id in JOBS}
    cancelled = ("queued-cancelled", "running-cancelled")
    assert {job_id for job_id, end in ends.items() if end == "cancelled"} == set(cancelled)
    assert {job_id for job_id, end in ends.items() if end == "failed"} == {"dead", "refused"}
    wrong = [span for span in seen.spans if span.trace_id in {TRACES[job_id] for job_id in cancelled}]
    assert {span.status_code for span in wrong} == {"unset"}


def test_each_adapter_has_a_span_with_its_verdict_and_its_keys(seen: Seen) -> None:
    of = ("render.lora.verdict", "render.lora.matched_key_count")
    told = {
        job_id: [
            (*(span.attributes[name] for name in of), span.status_code)
            for span in seen.of(job_id, "flux_mlx.lora.apply")
        ]
        for job_id in ("engaged", "dead", "warned", "first")
    }
    assert told == {
        "engaged": [("engaged", 10, "unset")],
        "dead": [("noop", 10, "error")],
        "warned": [("noop", 10, "error")],
        "first": [],
    }


def test_a_lost_worker_costs_a_second_try_in_the_same_trace(seen: Seen) -> None:
    assert "result" in seen.replies["killed"]
    (saved,) = seen.of("killed", "flux_mlx.save")
    (_, waited) = sorted(seen.of("killed", "flux_mlx.queue"), key=lambda span: span.start_ns)
    assert waited.end_ns <= saved.start_ns
    assert seen.render("killed").status_code == "unset"


def test_the_numbers_are_those_of_the_workload(seen: Seen) -> None:
    ends = ("done", "failed", "cancelled")
    durations = {end: seen.total("flux_mlx.render.duration", render__outcome=end) for end in ends}
    assert durations == {"done": 7, "failed": 2, "cancelled": 2}
    assert seen.total("flux_mlx.render.duration", render__source="shared") == 1
    assert seen.total("flux_mlx.render.duration", render__source="cached") == 1
    verdicts = {
        each: seen.total("flux_mlx.lora.adapters", render__lora__verdict=each)
        for each in ("engaged", "noop", "refused")
    }
    assert verdicts == {"engaged": 1, "noop": 2, "refused": 1}
    assert seen.total("flux_mlx.images") == 5
    assert seen.total("flux_mlx.worker.restarts", flux_mlx__reason="lost") == 1
    assert seen.total("flux_mlx.requests.rejected", flux_mlx__reason="unknown_method") == 1
    assert seen.total("flux_mlx.denoise.steps") >= 5 * 3
    labels = {name for point in seen.points for name in point.attributes}
    assert not labels & {"render.job_id", "render.seed", "render.image.path", "render.prompt"}


def test_every_job_has_its_line_in_the_log_with_its_trace(seen: Seen) -> None:
    told = {str(line.attributes["job_id"]): line for line in seen.lines if str(line.body).startswith("job ")}
    assert {job_id: line.trace_id for job_id, line in told.items()} == TRACES
    assert {line.severity for job_id, line in told.items() if job_id in {"dead", "warned", "refused"}} == {"WARN"}
    assert told["first"].severity == "INFO"


def test_prompts_leave_in_nothing(seen: Seen) -> None:
    assert not any("prompt" in name for span in seen.spans for name in span.attributes)
