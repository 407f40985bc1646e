"""A day of a daemon's telemetry in some seconds: `python -m tests.telemetry.a_day PICTURES` prints resident memory.

Every picture has the spans, the numbers and the line of the log that a real one has, by the daemon's own code; half of
them have adapters, one in twenty ends badly. What is printed is JSON: bytes after a tenth of them and at the end.
"""

import json
import logging
import resource
import sys
from pathlib import Path

from kilnmark.daemon.jobs.events import JobAccepted, JobEnded
from kilnmark.daemon.jobs.jobs import Job
from kilnmark.daemon.measuring import Measuring
from kilnmark.daemon.spans import RenderTrace
from kilnmark.otel import names
from kilnmark.otel.carrier import context_from
from kilnmark.otel.settings import ALL_SIGNALS, TelemetryOptions
from kilnmark.otel.setup import Telemetry, start
from kilnmark.otel.spans import describe_adapter
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.call import CallMeta
from kilnmark.protocol.wire.errors import WorkerLost
from kilnmark.protocol.wire.replies import RenderResult, StackInfo, Timings
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.work import RenderCommand

PARTS = (names.ENCODE, names.DENOISE, names.DECODE, names.SAVE)
STEPS = 8
_log = logging.getLogger("kilnmark.daemon.jobs")


def main() -> None:
    """One day."""
    pictures, out = int(sys.argv[1]), sys.stdout
    options = TelemetryOptions(metrics_port=0, trace_file=Path(sys.argv[2]))
    telemetry = start("kilnmark-daemon", ALL_SIGNALS, options)
    if telemetry.logs is not None:
        logging.getLogger().addHandler(telemetry.logs)
    logging.getLogger().setLevel(logging.INFO)
    measuring, early = Measuring(telemetry.measures), 0
    for number in range(pictures):
        _picture(telemetry, measuring, number)
        if number == pictures // 10:
            early = _resident()
    said = {"early": early, "late": _resident(), "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    out.write(json.dumps({**said, "dropped": telemetry.drops.all}) + "\n")
    telemetry.stop()


def _picture(telemetry: Telemetry, measuring: Measuring, number: int) -> None:
    command = _command(number)
    job_id, params = command.job_id, RenderParams(prompt=command.prompt)
    facts = JobAccepted(at=float(number), job_id=job_id, params=params, command=command, repeatable=True)
    trace = RenderTrace(telemetry.tracer, CallMeta(), command, command.variant)
    measuring.waited("normal", 0.5)
    trace.started()
    below = context_from(trace.carrier.traceparent)
    reports = [_report(name, number) for name in command.lora_names]
    for report in reports:
        span = telemetry.tracer.start_span(names.LORA_APPLY, below)
        describe_adapter(span, report)
        span.end()
    for part in (*PARTS, *[names.DENOISE_STEP] * STEPS):
        telemetry.tracer.start_span(part, below).end()
    outcome = WorkerLost("the worker was lost") if number % 20 == 0 else _result(command, reports)
    ended = JobEnded(at=float(number), job_id=command.job_id)
    job = Job(facts, "normal", None, ended)
    trace.ended(outcome, reports)
    measuring.ended(job, outcome, reports, seconds=4.0, traceparent=trace.carrier.traceparent)
    measuring.answered("render", 4.0, None)
    _log.info("job %s done", command.job_id, extra={"job_id": command.job_id, "trace_id": trace.trace_id})


def _command(number: int) -> RenderCommand:
    stack = [f"adapter-{number % 40}", "world"] if number % 2 else []
    return RenderCommand(
        job_id=f"job-{number:08d}",
        prompt=f"a mill by a river, the {number}th",
        negative_prompt=None,
        variant="dev",
        seed=number,
        steps=STEPS,
        guidance=3.5,
        width=512,
        height=512,
        tier=("portrait", "scene", "poi")[number % 3],
        lora_names=stack,
        lora_paths=[f"/l/{name}.safetensors" for name in stack],
        lora_scales=[1.0] * len(stack),
        stack=StackInfo(source="paths"),
        on_mismatch="warn",
    )


def _report(name: str, number: int) -> AdapterReport:
    verdict = Verdict.NOOP if number % 50 == 1 else Verdict.ENGAGED
    return AdapterReport(
        name=name, path=f"/l/{name}.safetensors", verdict=verdict, reason="it engaged", sha256="a" * 64
    )


def _result(command: RenderCommand, reports: list[AdapterReport]) -> RenderResult:
    return RenderResult(
        **command.fields_for(RenderResult),
        job_id=command.job_id,
        image_path=f"/p/{command.job_id}.png",
        timings=Timings(denoise_ms=3000.0, total_ms=4000.0),
        loras=reports,
        stack=command.stack,
    )


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()
