"""The worker as a process of its own, spoken to over its socket pair as the daemon does; one is shared where it can be.

Tests that end a worker start their own.
"""

import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from kilnmark.engine.compute import backend
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.otel.received import Span
from kilnmark.otel.receiver import Receiver
from kilnmark.protocol.picture.record import CHUNK, STANDIN_NOTICE, decode_record
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.asides import Noted
from kilnmark.protocol.wire.errors import Cancelled, RenderFailed
from kilnmark.protocol.wire.framing import LineSplitter
from kilnmark.protocol.wire.replies import StackInfo
from kilnmark.protocol.wire.work import (
    STAGES,
    Beat,
    CancelRender,
    Command,
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
    decode_event,
    encode,
)

pytestmark = pytest.mark.slow

PATIENCE = 60.0
"""Seconds any single wait may take before the test fails."""

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
NEVER_BY_ITSELF = {"OTEL_BSP_SCHEDULE_DELAY": "600000"}
"""Spans leave such a process only when they are flushed."""

E = TypeVar("E", bound=msgspec.Struct)


class Worker:
    """A worker process, with the daemon's end of its socket pair and all it has said, each with its moment."""

    def __init__(self, process: "subprocess.Popen[bytes]", connection: socket.socket, folder: Path) -> None:
        self.process = process
        self.socket = connection
        self.folder = folder
        self.heard: list[tuple[float, Event]] = []
        self._lines = LineSplitter(limit=None)
        self._unread: list[Event] = []

    def tell(self, *commands: Command) -> None:
        self.socket.sendall(b"".join(encode(command) for command in commands))

    def until(self, *kinds: type[E], stage: str | None = None) -> E:
        """The next event of these kinds, and of this stage where one is named."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            event = self._next()
            if isinstance(event, kinds) and (stage is None or getattr(event, "stage", None) == stage):
                return event
        raise TimeoutError(f"{' or '.join(kind.__name__ for kind in kinds)} did not come")

    def render(self, **changes: Any) -> Finished | Failed:
        self.tell(msgspec.structs.replace(SMALL, **changes))
        return self.outcome()

    def outcome(self) -> Finished | Failed:
        """How the render that was asked for last ended."""
        event = self.until(Finished, Failed)
        assert isinstance(event, Finished | Failed)
        return event

    def written(self, stream: str) -> str:
        """What it wrote to `stdout` or `stderr` so far."""
        return (self.folder / stream).read_text()

    def _next(self) -> Event:
        while not self._unread:
            data = self.socket.recv(1 << 16)
            if not data:
                raise EOFError(f"the worker hung up:\n{self.written('stderr')}")
            self._unread += [decode_event(line) for line in self._lines.feed(data) if isinstance(line, bytes)]
        event = self._unread.pop(0)
        self.heard.append((time.monotonic(), event))
        return event


SMALL = RenderCommand(
    job_id="job",
    variant="standin",
    prompt="kiln",
    negative_prompt=None,
    tier=None,
    seed=1,
    steps=1,
    guidance=3.5,
    width=64,
    height=64,
    lora_names=[],
    lora_paths=[],
    lora_scales=[],
    stack=StackInfo(source="none"),
    on_mismatch="error",
)


@contextmanager
def running_worker(
    variant: str = "standin", env: Mapping[str, str] | None = None, first: Command | None = None, **more: Any
) -> Iterator[Worker]:
    """Start a worker and give it its first command, to hold a base; end it by its process id, whatever happened.

    `more` are fields of that command.
    """
    ours, theirs = socket.socketpair()
    ours.settimeout(PATIENCE)
    with TemporaryDirectory(prefix="kiln-") as name, ours:
        folder = Path(name)
        with theirs, (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "kilnmark.engine", "--fd", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        worker = Worker(process, ours, folder)
        try:
            pictures = str(folder / "pictures")
            configure = Configure(
                variant=variant,
                bases={variant: variant},
                quantize=None,
                output_dir=pictures,
                lora_roots=[name],
                adapter_cache_bytes=1 << 30,
                stack_cache_bytes=1 << 30,
            )
            worker.tell(first or msgspec.structs.replace(configure, **more))
            yield worker
        finally:
            _end(worker)


def _end(worker: Worker) -> None:
    with suppress(OSError):
        worker.tell(Exit())
    try:
        worker.process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        worker.process.kill()
        worker.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """One warm worker for every test that leaves it as it was."""
    with running_worker() as worker:
        worker.until(Ready)
        yield worker


def pixels(outcome: Finished | Failed) -> NDArray[np.uint8]:
    assert isinstance(outcome, Finished), outcome
    with Image.open(outcome.image_path) as picture:
        return np.asarray(picture)


def test_it_says_that_it_loads_and_then_what_it_holds(worker: Worker) -> None:
    loading, ready = (event for _, event in worker.heard if isinstance(event, Loading | Ready))
    assert loading == Loading(variant="standin", backend=backend())
    assert isinstance(ready, Ready)
    assert (ready.base.variant, ready.base.target_count) == ("standin", 494)


def test_a_render_tells_of_every_stage_and_ends_with_a_picture(worker: Worker) -> None:
    before = len(worker.heard)
    outcome = worker.render()
    told = [event for _, event in worker.heard[before:] if isinstance(event, Stepped)]
    assert list(dict.fromkeys(event.stage for event in told)) == list(STAGES)
    assert pixels(outcome).shape == (64, 64, 3)


def test_it_beats_while_mlx_computes(worker: Worker) -> None:
    worker.tell(msgspec.structs.replace(SMALL, width=208, height=208))
    worker.until(Stepped, stage="denoise")
    began = time.monotonic()
    worker.until(Stepped, stage="save")
    beats = [at for at, event in worker.heard if isinstance(event, Beat) and at > began]
    moments = [began, *beats, time.monotonic()]
    assert isinstance(worker.outcome(), Finished)
    assert max(after - before for before, after in itertools.pairwise(moments)) < 3.0


def test_a_cancelled_render_ends_soon_and_the_next_one_is_as_ever(worker: Worker) -> None:
    whole = pixels(worker.render())
    worker.tell(msgspec.structs.replace(SMALL, job_id="cancelled", steps=100))
    worker.until(Stepped, stage="denoise")
    worker.tell(CancelRender(job_id="cancelled"))
    outcome = worker.outcome()
    assert isinstance(outcome, Failed)
    assert (outcome.job_id, outcome.code) == ("cancelled", Cancelled.code)
    assert np.array_equal(whole, pixels(worker.render()))


def test_a_prompt_that_was_announced_is_encoded_before_its_turn_and_to_the_same_picture(worker: Worker) -> None:
    prompt = "a long road along the river in the dusk"
    worker.tell(Prefetch(variant="standin", lora_paths=[], prompt=prompt), SMALL)
    assert isinstance(worker.outcome(), Finished)
    announced = worker.render(prompt=prompt)
    unannounced = worker.render(prompt=f"{prompt}.")
    assert isinstance(announced, Finished)
    assert isinstance(unannounced, Finished)
    assert announced.timings.encode_ms < 0.2 * unannounced.timings.encode_ms
    with running_worker() as other:
        other.until(Ready)
        assert np.array_equal(pixels(announced), pixels(other.render(prompt=prompt)))


def test_ctrl_c_is_left_to_the_daemon(worker: Worker) -> None:
    os.kill(worker.process.pid, signal.SIGINT)
    assert isinstance(worker.render(), Finished)


def test_an_unreadable_command_is_logged_and_survived(worker: Worker) -> None:
    worker.socket.sendall(b'{"type":"dance"}\n')
    assert isinstance(worker.render(), Finished)
    assert "are both of one version?" in worker.written("stderr")


def test_stdout_stays_empty(worker: Worker) -> None:
    assert isinstance(worker.render(), Finished)
    assert "standin is warm" in worker.written("stderr")
    assert worker.written("stdout") == ""


@pytest.fixture(scope="module")
def spans() -> list[Span]:
    """Those of a worker that rendered once with a healthy and a dead adapter and was told to leave."""
    with Receiver() as receiver:
        env = NEVER_BY_ITSELF | {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
        with running_worker(env=env) as worker:
            paths = [
                str(make_adapter(worker.folder / f"{name}.safetensors", blocks=1, rank=1, dead=name == "dead"))
                for name in ("healthy", "dead")
            ]
            outcome = worker.render(
                lora_names=["healthy", "dead"],
                lora_paths=paths,
                lora_scales=[0.5, 1.0],
                on_mismatch="warn",
                traceparent=f"00-{TRACE}-{PARENT}-01",
            )
            assert isinstance(outcome, Finished)
            assert receiver.spans == []
            worker.tell(Exit())
            assert worker.process.wait(PATIENCE) == 0
        return receiver.spans


def test_told_to_leave_it_first_delivers_its_spans(spans: list[Span]) -> None:
    assert sorted(span.name.removeprefix("flux_mlx.") for span in spans) == [
        "decode",
        "denoise",
        "encode",
        "load_model",
        "lora.apply",
        "lora.apply",
        "save",
    ]
    assert {span.service for span in spans} == {"kilnmark-worker"}


def test_the_parts_of_a_render_are_in_the_trace_it_came_with_and_loading_is_not(spans: list[Span]) -> None:
    (load,) = (span for span in spans if span.name == "flux_mlx.load_model")
    assert (load.parent_id, load.attributes["render.variant"]) == ("", "standin")
    assert load.trace_id != TRACE
    assert {(span.trace_id, span.parent_id) for span in spans if span is not load} == {(TRACE, PARENT)}


def test_the_dead_adapters_span_is_an_error_and_the_healthy_ones_is_not(spans: list[Span]) -> None:
    healthy, dead = (span for span in spans if span.name == "flux_mlx.lora.apply")
    assert (healthy.attributes["render.lora.name"], dead.attributes["render.lora.name"]) == ("healthy", "dead")
    assert healthy.attributes["render.lora.verdict"] == Verdict.ENGAGED
    assert healthy.attributes["render.lora.scale"] == 0.5
    assert healthy.attributes["render.lora.matched_key_count"] == healthy.attributes["render.lora.total_key_count"]
    assert (healthy.status_code, "error.type" in healthy.attributes) == ("unset", False)
    assert dead.attributes["render.lora.verdict"] == Verdict.NOOP
    assert dead.attributes["render.lora.delta_ratio"] == 0.0
    assert (dead.status_code, dead.attributes["error.type"]) == ("error", "lora_noop")


@pytest.fixture(scope="module")
def holder() -> Iterator[Worker]:
    """A worker that may hold two names of the standin, one at a time, and one that is nowhere."""
    bases = {"standin": "standin", "other": "standin", "gone": "/nowhere/at-all"}
    with running_worker(bases=bases, base_memory=200 << 20) as worker:
        worker.until(Ready)
        yield worker


def test_a_render_on_another_base_loads_it_and_the_one_before_leaves(holder: Worker) -> None:
    before = len(holder.heard)
    outcome = holder.render(variant="other")
    told = [event for _, event in holder.heard[before:] if not isinstance(event, Beat | Stepped)]
    assert [type(event) for event in told] == [Loading, Left, Holding, Ready, Holding, Painted, Noted, Finished]
    assert isinstance(told[1], Left)
    assert (told[1].variant, told[1].freed_bytes > 100 << 20) == ("standin", True)
    assert isinstance(outcome, Finished)
    assert outcome.timings.load_ms > 10


def test_its_picture_names_the_base_it_was_asked_for_by_and_that_it_means_nothing(holder: Worker) -> None:
    outcome = holder.render(variant="other")
    assert isinstance(outcome, Finished)
    with Image.open(outcome.image_path) as picture:
        record = decode_record(picture.info[CHUNK])
    assert (record.base.variant, record.notice) == ("other", STANDIN_NOTICE)


def test_a_base_that_cannot_be_held_ends_its_render_and_no_other(holder: Worker) -> None:
    outcome = holder.render(variant="gone")
    assert isinstance(outcome, Failed)
    assert outcome.code == RenderFailed.code
    assert "/nowhere/at-all" in outcome.message
    assert isinstance(holder.render(variant="other"), Finished)


def test_it_warms_a_base_when_told(holder: Worker) -> None:
    holder.tell(WarmUp(variant="standin"))
    assert holder.until(Ready).base.variant == "standin"
    holder.tell(WarmUp(variant="gone"))
    assert holder.until(LoadFailed).variant == "gone"


def test_it_tells_its_limits_and_what_it_holds(holder: Worker) -> None:
    holder.render(variant="standin")
    memory = [event.memory for _, event in holder.heard if isinstance(event, Holding)][-1]
    assert memory.limits.base_bytes == 200 << 20
    assert memory.limits.device_bytes > memory.limits.base_bytes
    (held,) = memory.bases
    assert held.base.memory_bytes <= memory.active_bytes
    assert held.declared_bytes == pytest.approx(held.base.memory_bytes, rel=0.01)


def test_a_first_base_beyond_the_budget_is_told_with_both_figures() -> None:
    with running_worker(base_memory=1 << 20) as worker:
        failed = worker.until(Ready, LoadFailed)
        assert isinstance(failed, LoadFailed)
        assert re.match("standin needs 13[0-9] MiB and all bases together may take 1 MiB; raise", failed.message)
        assert worker.process.wait(PATIENCE) == 0


def test_told_to_leave_in_the_middle_of_a_render_it_cancels_it() -> None:
    with running_worker() as worker:
        worker.tell(msgspec.structs.replace(SMALL, steps=100))
        worker.until(Stepped, stage="denoise")
        worker.tell(Exit())
        outcome = worker.outcome()
        assert isinstance(outcome, Failed)
        assert outcome.code == Cancelled.code
        assert worker.process.wait(PATIENCE) == 0


def test_without_its_daemon_it_is_gone_soon_also_in_the_middle_of_a_render() -> None:
    with running_worker() as worker:
        worker.tell(msgspec.structs.replace(SMALL, width=256, height=256, steps=100))
        worker.until(Stepped, stage="denoise")
        worker.socket.close()
        assert worker.process.wait(PATIENCE) == 1
        assert "the daemon is gone" in worker.written("stderr")


def test_a_base_that_cannot_be_held_is_told_with_its_path_and_the_mend() -> None:
    with Receiver() as receiver:
        env = NEVER_BY_ITSELF | {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
        with running_worker("/nowhere/at-all", env) as worker:
            failed = worker.until(Ready, LoadFailed)
            assert isinstance(failed, LoadFailed)
            assert "/nowhere/at-all/transformer" in failed.message
            assert re.search("give a whole FLUX.1 or .* or Qwen-Image-2.1 directory", failed.message)
            assert worker.process.wait(PATIENCE) == 0
    (load,) = receiver.spans
    assert (load.name, load.status_code) == ("flux_mlx.load_model", "error")
    assert load.attributes["error.type"] == "base_unavailable"


def test_told_to_leave_while_it_loads_it_does() -> None:
    with running_worker() as worker:
        worker.until(Loading)
        worker.tell(Exit())
        assert worker.process.wait(PATIENCE) == 0


def test_a_command_before_it_was_configured_ends_it() -> None:
    with running_worker(first=SMALL) as worker:
        assert worker.process.wait(PATIENCE) == 1
        assert "the first command must be configure; got RenderCommand" in worker.written("stderr")
