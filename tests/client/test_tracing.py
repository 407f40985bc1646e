"""The client's span: made by the caller's own provider, carried to the daemon, and marked when a render fails.

A provider can be set once a process, so each caller here is a process of its own.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from tests.client.conftest import FakeDaemon, silent_daemon

CALLER = """
import json, sys, msgspec
from contextlib import suppress
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from kilnmark.client import Client, KilnmarkError

spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
socket, options, silence = sys.argv[1], msgspec.json.decode(sys.argv[2]), float(sys.argv[3])
trace_id = ""
with Client(socket, silence_timeout=silence) as client, suppress(KilnmarkError):
    with trace.get_tracer("caller").start_as_current_span("caller"):
        trace_id = client.render("a kiln", width=64, height=64, steps=1, **options).trace_id
print(json.dumps([trace_id, [
    {"name": s.name, "trace": format(s.context.trace_id, "032x"), "parent": s.parent and s.parent.span_id,
     "span": s.context.span_id, "status": s.status.status_code.name, "attributes": dict(s.attributes)}
    for s in spans.get_finished_spans()]]))
"""

GIVEN_UP = """
import asyncio, json
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from kilnmark.client.tracing import render_span

spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
for error in (asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit, OSError):
    try:
        with render_span():
            raise error
    except error:
        pass
print(json.dumps([[s.status.status_code.name, dict(s.attributes)] for s in spans.get_finished_spans()]))
"""


def render_traced(socket: Path, silence: float = 30.0, **options: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The reply's trace id, the client's span and its caller's."""
    command = [sys.executable, "-c", CALLER, str(socket), msgspec.json.encode(options).decode(), str(silence)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    trace_id, (own, caller) = msgspec.json.decode(done.stdout)
    assert (own["name"], caller["name"]) == ("kilnmark.client.render", "caller")
    return trace_id, own, caller


def test_the_daemon_works_in_the_callers_trace(daemon: FakeDaemon) -> None:
    trace_id, own, caller = render_traced(daemon.socket)
    assert trace_id == own["trace"] == caller["trace"]
    assert own["parent"] == caller["span"]
    assert own["status"] == "UNSET"


def test_what_the_daemon_refuses_marks_the_span(daemon: FakeDaemon, dead: Path) -> None:
    _, own, _ = render_traced(daemon.socket, lora_paths=[str(dead)])
    assert (own["status"], own["attributes"]["error.type"]) == ("ERROR", "adapter_not_engaged")


def test_a_time_out_marks_the_span(folder: Path) -> None:
    with silent_daemon(folder) as path:
        _, own, _ = render_traced(path, silence=0.2)
    assert (own["status"], own["attributes"]["error.type"]) == ("ERROR", "silence_timeout")


def test_a_render_that_its_caller_gives_up_is_no_failure() -> None:
    done = subprocess.run([sys.executable, "-c", GIVEN_UP], capture_output=True, text=True, check=True, timeout=60)
    given_up = ["UNSET", {"render.outcome": "cancelled"}]
    left, failed = ["UNSET", {}], ["ERROR", {"error.type": "OSError"}]
    assert msgspec.json.decode(done.stdout) == [given_up, given_up, given_up, left, failed]
