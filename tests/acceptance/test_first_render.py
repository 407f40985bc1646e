"""The first render as a user has it: `kilnmark serve`, the command line, the library and a raw socket, full-size files.

One daemon for the whole file, with a real OTLP receiver behind it.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from kilnmark.client import Client, RenderResult, Verdict
from kilnmark.keymaps.zoo.write import ConventionName, make_adapter
from kilnmark.otel.names import farm_metrics
from kilnmark.otel.names.definitions import Metric
from kilnmark.otel.names.metrics import BATCH_PICTURES, COMPILE_TRACES, LAB_PROGRESS, REJECTED, WORKER_RESTARTS
from kilnmark.otel.received import Span
from kilnmark.otel.receiver import Receiver
from kilnmark.protocol.picture.record import CHUNK, decode_record
from tests.client.conftest import KILNMARK, Daemon, serving
from tests.client.here import run_here
from tests.scripts.telemetry.asked import metrics_asked

SMALL: dict[str, Any] = {"width": 64, "height": 64, "steps": 1, "seed": 7}
NOT_HERE = {metric.name for metric in (BATCH_PICTURES, LAB_PROGRESS, COMPILE_TRACES, WORKER_RESTARTS, REJECTED)}
NOT_HERE |= {metric.name for metric in vars(farm_metrics).values() if isinstance(metric, Metric)}
"""Metrics of what does not happen here: `make telemetry` has all of it happen."""

PATIENCE = 60.0
"""Seconds any single wait may take before the test fails."""

TRACED_CALLER = """
import json, sys
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from kilnmark.client import Client, RequestError

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
options = json.loads(sys.argv[2])
with Client(sys.argv[1]) as client, trace.get_tracer("caller").start_as_current_span("caller") as span:
    reply = {"trace_id": format(span.get_span_context().trace_id, "032x")}
    try:
        reply["verdicts"] = [report.verdict for report in client.render("a kiln", **options).loras]
    except RequestError as error:
        reply |= {"kind": error.kind, "verdicts": [report["verdict"] for report in error.detail["loras"]]}
provider.shutdown()
print(json.dumps(reply))
"""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def daemon(receiver: Receiver) -> Iterator[Daemon]:
    """`kilnmark serve` on standin, whose processes send their spans to the receiver."""
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix="kilnmark-") as name,
    ):
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        patch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "500")
        patch.setenv("KILNMARK_STEP_SPANS", "on")  # whatever the pace of this machine
        with serving(Path(name)) as running:
            patch.setenv("KILNMARK_SOCKET", str(running.socket))
            for own in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_BSP_SCHEDULE_DELAY", "OTEL_METRIC_EXPORT_INTERVAL"):
                patch.delenv(own)
            yield running


@pytest.fixture(scope="module")
def stack(daemon: Daemon) -> list[Path]:
    """Two healthy full-size adapters in two conventions, with a dead one between them."""
    return [
        make_adapter(daemon.folder / "ink.safetensors", "diffusers", rank=2, seed=1),
        make_adapter(daemon.folder / "dead.safetensors", "diffusers", rank=1, seed=2, dead=True),
        make_adapter(daemon.folder / "gold.safetensors", "kohya", rank=2, seed=3),
    ]


def words(*arguments: str | Path) -> list[str]:
    options = [word for name, value in SMALL.items() for word in (f"--{name}", str(value))]
    return ["render", "a kiln", "--json", "--no-cache", *options, *map(str, arguments)]


def rendered(*arguments: str | Path) -> RenderResult:
    done = run_here(*words(*arguments))
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(done.stdout, type=RenderResult)


def pixels(result: RenderResult) -> NDArray[np.float64]:
    with Image.open(result.image_path) as picture:
        return np.asarray(picture, dtype=np.float64)


@pytest.mark.parametrize(
    ("convention", "keys"), [("diffusers", 988), pytest.param("kohya", 912, marks=pytest.mark.slow)]
)
def test_a_full_size_adapter_engages_wholly_and_leaves_the_base_bit_identical(
    daemon: Daemon, convention: ConventionName, keys: int
) -> None:
    adapter = make_adapter(daemon.folder / f"whole-{convention}.safetensors", convention, rank=4)
    before = pixels(rendered())
    styled = rendered("--lora", adapter)
    after = pixels(rendered())
    (report,) = styled.loras
    assert (report.verdict, report.convention) == (Verdict.ENGAGED, convention)
    assert (report.matched_key_count, report.total_key_count) == (keys, keys)
    assert (report.applied_target_count, report.target_count) == (494, 494)
    assert np.abs(pixels(styled) - before).mean() > 0.5
    assert np.array_equal(before, after)


def lora_options(stack: list[Path]) -> list[str]:
    return [word for path in stack for word in ("--lora", f"{path}:0.5")]


def test_one_dead_adapter_of_three_alone_is_accused_and_ends_the_command_with_3(stack: list[Path]) -> None:
    command = [KILNMARK, *words(*lora_options(stack))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 3
    error = json.loads(done.stdout)["error"]
    assert error["code"] == -32008
    assert [report["verdict"] for report in error["detail"]["loras"]] == ["engaged", "noop", "engaged"]
    assert "dead is noop" in error["message"]
    assert "ink" not in error["message"]
    assert "gold" not in error["message"]


def test_with_warn_the_picture_itself_accuses_the_dead_adapter_alone(stack: list[Path]) -> None:
    done = run_here(*words("--on-mismatch", "warn", *lora_options(stack)))
    assert done.returncode == 3
    result = msgspec.json.decode(done.stdout, type=RenderResult)
    with Image.open(result.image_path) as picture:
        record = decode_record(picture.info[CHUNK])
    assert [(report.name, report.verdict) for report in record.loras] == [
        ("ink", Verdict.ENGAGED),
        ("dead", Verdict.NOOP),
        ("gold", Verdict.ENGAGED),
    ]
    assert record.loras == result.loras
    assert [warning.split()[0] for warning in record.warnings] == ["dead"]


def traced_render(daemon: Daemon, receiver: Receiver, stack: list[Path]) -> dict[str, Any]:
    """A render by a caller with a tracer of its own, and what it heard."""
    options = SMALL | {"lora_paths": [str(path) for path in stack], "lora_scales": [0.5] * len(stack), "cache": False}
    command = [sys.executable, "-c", TRACED_CALLER, str(daemon.socket), json.dumps(options)]
    env = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE, env=env)
    reply: dict[str, Any] = json.loads(done.stdout)
    return reply


@dataclass(frozen=True)
class Traced:
    """What a caller heard, and every span of its trace in the order they began."""

    reply: dict[str, Any]
    spans: list[Span]


@pytest.fixture(scope="module")
def traced(daemon: Daemon, receiver: Receiver, stack: list[Path]) -> tuple[Traced, Traced]:
    """A render of the healthy, and one that the dead adapter ends.

    Both traces are whole: callers have ended, and daemon and worker send in order, so a later render's spans come last.
    """
    ink, _, gold = stack
    replies = traced_render(daemon, receiver, [ink, gold]), traced_render(daemon, receiver, stack)
    with Client(daemon.socket) as client:
        later = client.render("a kiln", **SMALL, cache=False).trace_id
    last = {"flux_mlx.render", "flux_mlx.save"}
    spans = receiver.wait_for(
        lambda spans: last <= {span.name for span in spans if span.trace_id == later}, timeout=PATIENCE
    )
    healthy, refused = (
        Traced(reply, sorted((span for span in spans if span.trace_id == reply["trace_id"]), key=began))
        for reply in replies
    )
    return healthy, refused


def began(span: Span) -> int:
    return span.start_ns


def test_a_render_is_one_trace_from_the_caller_to_the_saved_picture(traced: tuple[Traced, Traced]) -> None:
    spans = traced[0].spans
    names = {span.span_id: span.name for span in spans}
    assert [(span.name, names.get(span.parent_id, "")) for span in spans] == [
        ("caller", ""),
        ("kilnmark.client.render", "caller"),
        ("flux_mlx.render", "kilnmark.client.render"),
        ("flux_mlx.queue", "flux_mlx.render"),
        ("flux_mlx.lora.apply", "flux_mlx.render"),
        ("flux_mlx.lora.apply", "flux_mlx.render"),
        ("flux_mlx.encode", "flux_mlx.render"),
        ("flux_mlx.denoise", "flux_mlx.render"),
        ("flux_mlx.denoise.step", "flux_mlx.denoise"),
        ("flux_mlx.decode", "flux_mlx.render"),
        ("flux_mlx.save", "flux_mlx.render"),
    ]
    assert {span.status_code for span in spans} == {"unset"}
    (render,) = (span for span in spans if span.name == "flux_mlx.render")
    assert render.attributes["render.lora.names"] == ["ink", "gold"]
    assert render.attributes["render.lora.matched_keys"] == [988, 912]


def test_the_trace_of_a_refused_stack_accuses_the_dead_adapter_and_has_no_denoise_step(
    traced: tuple[Traced, Traced],
) -> None:
    reply, spans = traced[1].reply, traced[1].spans
    assert (reply["kind"], reply["verdicts"]) == ("adapter_not_engaged", ["engaged", "noop", "engaged"])
    adapters = [span for span in spans if span.name == "flux_mlx.lora.apply"]
    assert [
        (span.attributes["render.lora.name"], span.status_code, span.attributes.get("error.type")) for span in adapters
    ] == [("ink", "unset", None), ("dead", "error", "lora_noop"), ("gold", "unset", None)]
    (render,) = (span for span in spans if span.name == "flux_mlx.render")
    assert (render.status_code, render.attributes["error.type"]) == ("error", "lora_noop")
    assert render.attributes["render.lora.noop_count"] == 1
    assert "flux_mlx.denoise" not in {span.name for span in spans}


def test_one_line_of_json_from_any_tool_is_answered_with_one_line(daemon: Daemon, stack: list[Path]) -> None:
    """As `socat -t120 - UNIX-CONNECT:path` does it: send, say that no more will come, read to the end."""
    params = SMALL | {"prompt": "a kiln", "lora_paths": ["ink.safetensors"], "lora_scales": [1.0]}
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "render", "params": params})
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(PATIENCE)
        raw.connect(str(daemon.socket))
        raw.sendall(line.encode() + b"\n")
        raw.shutdown(socket.SHUT_WR)
        with raw.makefile("rb") as answers:
            (answer,) = answers.readlines()
    reply = json.loads(answer)
    assert (reply["jsonrpc"], reply["id"]) == ("2.0", 1)
    assert [(lora["name"], lora["verdict"]) for lora in reply["result"]["loras"]] == [("ink", "engaged")]
    assert Path(reply["result"]["image_path"]).read_bytes().startswith(b"\x89PNG")


def test_what_dashboards_and_alerts_ask_for_is_measured_by_a_daemon_that_paints(
    traced: tuple[Traced, Traced], receiver: Receiver
) -> None:
    asked = metrics_asked()
    receiver.wait_for(lambda _: asked - {point.name for point in receiver.points} <= NOT_HERE, timeout=PATIENCE)


def test_after_all_this_the_same_worker_holds_the_same_base(daemon: Daemon) -> None:
    with Client(daemon.socket) as client:
        status = client.status()
    assert (status.state, status.worker.restarts, status.worker.last_error) == ("ready", 0, None)
    assert status.base is not None
    assert status.base.target_count == 494
