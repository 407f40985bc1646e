"""Every Struct of the wire and of the worker's pipe comes back equal from its own bytes."""

import inspect

import msgspec
import pytest

from kilnmark.protocol.picture.report import AdapterReport, UnmatchedKeys, Verdict
from kilnmark.protocol.picture.spec import PictureSize
from kilnmark.protocol.wire import job_requests, jobs, notices, replies, requests, watching, work
from kilnmark.protocol.wire.asides import Measurement, Noted, Previewed, ShowPreviews
from kilnmark.protocol.wire.call import CallMeta
from kilnmark.protocol.wire.job_requests import JobParams, JobsParams, JobWaitParams, MoveParams, WatchParams
from kilnmark.protocol.wire.jobs import AdapterBadge, JobInfo, QueueInfo
from kilnmark.protocol.wire.memory import CompilingInfo
from kilnmark.protocol.wire.notices import (
    BatchEnd,
    NoticeInfo,
    NoticeParams,
    NoticeResult,
    NoticesParams,
    NoticesResult,
)
from kilnmark.protocol.wire.replies import (
    CancelResult,
    Heartbeat,
    JobError,
    JobResult,
    JobsResult,
    MoveResult,
    PingResult,
    Progress,
    RenderResult,
    ShutdownResult,
    StackInfo,
    Timings,
    WarmUpResult,
)
from kilnmark.protocol.wire.requests import (
    CancelParams,
    LoraInspectParams,
    PingParams,
    RenderParams,
    ShutdownParams,
    StatusParams,
    StyleComposeParams,
    WarmUpParams,
)
from kilnmark.protocol.wire.status import CacheInfo, StatusResult, WorkerInfo
from kilnmark.protocol.wire.watching import JobChange, Preview, WatchResult
from kilnmark.protocol.wire.work import (
    Beat,
    CancelRender,
    Command,
    Compiling,
    Configure,
    Event,
    Exit,
    Failed,
    Finished,
    Holding,
    Left,
    LoadFailed,
    Loading,
    Painted,
    Prefetch,
    Ready,
    RenderCommand,
    Stepped,
    WarmUp,
)
from tests.protocol.samples import BASE, DEATH, DEGRADED, MEMORY, PACKS, STATUS

REPORT = AdapterReport(
    name="glaze",
    path="/a/glaze.safetensors",
    sha256="ab" * 32,
    scale=0.8,
    convention="kohya",
    kind="lora",
    rank=16,
    total_key_count=912,
    matched_key_count=910,
    ignored_keys={"text encoder": 1},
    unmatched_keys=UnmatchedKeys(1, ("odd",)),
    target_count=304,
    applied_target_count=304,
    delta_ratio=0.01,
    verdict=Verdict.PARTIAL,
    reason="1 of 912 keys is unknown",
)
STACK = StackInfo(source="style", genre="g", world="w", tier="scene", names=("a",), excluded=("b",), triggers=("t",))
BADGE = AdapterBadge(name="ink", verdict=Verdict.PARTIAL, matched=3, total=4, scale=0.5, sha256="s")
JOB = JobInfo(
    job_id="j", state="done", tier="scene", width=8, height=9, adapters=[BADGE], partial=1, image_path="/o/j.png"
)
END = BatchEnd(kind="poi", state="done", out="/o", manifest="/o/m", page="/o/p", total=3, painted=2, failed=1, dead=1)
NOTICE = NoticeInfo(notice_id="n", left="t", notify_url="https://example.org/", batch=END)
WIRE: list[msgspec.Struct] = [
    REPORT,
    BASE,
    STACK,
    CallMeta(progress_token="t", traceparent="p", tracestate="s"),
    PingParams(),
    StatusParams(),
    WarmUpParams(),
    WarmUpParams(variant="dev"),
    ShutdownParams(drain=True),
    CancelParams(job_id="j", reason="why"),
    LoraInspectParams(lora_paths=["a"], variant="dev", targets=True),
    JobParams(job_id="j"),
    JobWaitParams(job_id="j", timeout=2.5),
    JobsParams(),
    RenderParams(
        meta=CallMeta(progress_token=3),
        prompt="p",
        negative_prompt="n",
        tier="scene",
        variant="dev",
        seed=2**53 - 1,
        steps=4,
        guidance=3.5,
        width=256,
        height=64,
        lora_paths=["a"],
        lora_scales=[-1.0],
        genre="g",
        world="w",
        on_mismatch="warn",
        job_id="j",
        priority="high",
        cache=False,
    ),
    StyleComposeParams(genre="g", world="w", tier="scene", prompt="p"),
    PACKS,
    PingResult(version="1", pid=2, uptime_s=0.5),
    WorkerInfo(pid=None, restarts=2, last_error="gone", death=DEATH, degraded=DEGRADED, renders=3, recycled=4),
    JobInfo(job_id="j", state="running", step=1, steps=4, priority="low", shared_with="k"),
    QueueInfo(high=1, normal=2, low=3, switches=4, shared=5),
    CacheInfo(hits=1, entries=2, bytes=3, limit_bytes=4),
    Timings(queue_ms=1.5, total_ms=9.0),
    WarmUpResult(base=BASE, waited_ms=1.0),
    CancelResult(job_id="j", cancelled=False),
    ShutdownResult(draining=True, jobs=3),
    STATUS,
    RenderResult(
        job_id="j",
        image_path="/o/j.png",
        width=256,
        height=256,
        seed=1,
        steps=4,
        guidance=3.5,
        variant="standin",
        prompt="p",
        timings=Timings(),
        loras=[REPORT],
        stack=STACK,
        warnings=["w"],
        trace_id="0" * 32,
        cached=True,
    ),
    JobsResult(jobs=[JobInfo(job_id="j", state="done")], queue=QueueInfo(high=1), cache=CacheInfo(hits=1)),
    JobsParams(
        states=["done", "failed"],
        genre="g",
        world="w",
        tier="scene",
        variant="dev",
        adapter="ink",
        verdict=Verdict.NOOP,
        text="fox",
        since="2026-11-28",
        until="2026-11-28T07:00:00Z",
        notify=True,
    ),
    WatchParams(previews=True),
    MoveParams(job_id="j", priority="high"),
    MoveResult(job_id="j", moved=True, priority="high"),
    JOB,
    BADGE,
    JobChange(progress_token=1, job=JOB, event="step", stage="denoise 2/4", at="t"),
    Preview(progress_token="w", job_id="j", step=2, steps=4, jpeg=b"\xff\xd8\x00"),
    WatchResult(told=2, lost=1),
    END,
    NoticeParams(notice_id="n", notify_url="https://example.org/", batch=END),
    NoticesParams(),
    NOTICE,
    NoticeResult(notice=NOTICE),
    NoticesResult(notices=[NOTICE]),
    JobError(code=-32000, kind="render_failed", message="m", retryable=False),
    JobResult(
        job=JobInfo(job_id="j", state="failed"),
        error=JobError(code=-32001, kind="queue_full", message="m", retryable=True),
    ),
    Progress(progress_token="t", progress=1.0, total=4.0, message="denoise"),
    Heartbeat(progress_token=1, job_id="j", state="running"),
]
COMMANDS: list[Command] = [
    Configure(
        variant="standin",
        bases={"standin": "standin"},
        base_memory=1,
        quantize=8,
        output_dir="/o",
        lora_roots=["/l"],
        adapter_cache_bytes=1,
        stack_cache_bytes=2,
    ),
    RenderCommand(
        job_id="j",
        variant="standin",
        prompt="p",
        negative_prompt=None,
        tier=None,
        seed=1,
        steps=4,
        guidance=3.5,
        width=64,
        height=64,
        lora_names=["a"],
        lora_paths=["/a"],
        lora_scales=[1.0],
        stack=STACK,
        on_mismatch="error",
        traceparent="tp",
    ),
    WarmUp(variant="dev", sizes=[PictureSize(64, 128)]),
    CancelRender(job_id="j"),
    Prefetch(variant="standin", lora_paths=["/a"], lora_scales=[1.0], prompt="p", negative_prompt="n"),
    ShowPreviews(wanted=True),
    Exit(),
]
EVENTS: list[Event] = [
    Beat(),
    Loading(variant="standin"),
    Ready(base=BASE),
    LoadFailed(variant="dev", message="no"),
    Left(variant="dev", freed_bytes=1),
    Compiling(what=CompilingInfo(variant="dev", width=64, height=64, precision="bfloat16", number=1, count=2)),
    Holding(memory=MEMORY),
    Stepped(job_id="j", stage="denoise", step=1, steps=4),
    Noted(notes=[Measurement(metric="m", value=1.5, attributes={"a": "b"})], traceparent="t"),
    Previewed(job_id="j", step=1, steps=4, jpeg=b"\xff\xd8\x00"),
    Painted(job_id="j"),
    Finished(job_id="j", image_path="/o", timings=Timings(), loras=[REPORT], warnings=[]),
    Failed(job_id="j", code=-32000, message="no", loras=[REPORT]),
]


def name_of(value: object) -> str:
    return type(value).__name__


@pytest.mark.parametrize("value", WIRE, ids=name_of)
def test_a_message_comes_back_equal(value: msgspec.Struct) -> None:
    encoded = msgspec.json.encode(value)
    assert msgspec.json.decode(encoded, type=type(value)) == value


def test_no_message_was_forgotten() -> None:
    structs = [
        cls
        for module in (requests, job_requests, replies, jobs, watching, notices)
        for name in module.__all__
        if inspect.isclass(cls := getattr(module, name))
    ]
    assert {cls.__name__ for cls in structs} <= {name_of(value) for value in WIRE}


@pytest.mark.parametrize("command", COMMANDS, ids=name_of)
def test_a_command_comes_back_equal_and_is_one_line(command: Command) -> None:
    line = work.encode(command)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert work.decode_command(line) == command


@pytest.mark.parametrize("event", EVENTS, ids=name_of)
def test_an_event_comes_back_equal_and_is_one_line(event: Event) -> None:
    line = work.encode(event)
    assert line.count(b"\n") == 1
    assert work.decode_event(line) == event


def test_no_command_and_no_event_was_forgotten() -> None:
    assert {type(command) for command in COMMANDS} == set(Command.__args__)
    assert {type(event) for event in EVENTS} == set(Event.__args__)


@pytest.mark.parametrize("line", [b"", b"{}", b'{"type":"beat"}', b'{"type":"no"}', b'{"type":"cancel"}', b"\xff"])
def test_what_is_no_command_is_a_decode_error(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        work.decode_command(line)


@pytest.mark.parametrize("type_", [PingResult, StatusResult, RenderResult, WarmUpResult, CancelResult, ShutdownResult])
def test_a_result_of_a_newer_daemon_may_have_more_fields(type_: type[msgspec.Struct]) -> None:
    [value] = [value for value in WIRE if type(value) is type_]
    encoded = msgspec.json.encode(msgspec.to_builtins(value) | {"brand_new": 1})
    assert msgspec.json.decode(encoded, type=type_) == value


def test_default_params_are_not_sent() -> None:
    assert msgspec.json.encode(RenderParams(prompt="p")) == b'{"prompt":"p"}'


@pytest.mark.parametrize("value", [*WIRE, *COMMANDS, *EVENTS], ids=name_of)
def test_every_message_is_frozen(value: msgspec.Struct) -> None:
    assert type(value).__struct_config__.frozen
