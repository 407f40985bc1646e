"""What a daemon measures of its renders, its callers, its worker and its journal: the right value for each."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from kilnmark.client import AdapterNotEngaged, Client, UnknownJob
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.measuring import Glance, Measuring
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.otel import names
from kilnmark.otel.measures import Measures
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.asides import Measurement, Noted
from kilnmark.protocol.wire.jobs import QueueInfo
from kilnmark.protocol.wire.memory import Limits, MemoryInfo
from kilnmark.protocol.wire.status import CacheInfo
from tests.daemon.conftest import Wire
from tests.otel.reading import Metered

LIMITS = Limits(device_bytes=9, base_bytes=8, memory_bytes=8, cache_bytes=1, wired_bytes=None)


@pytest.fixture
def metered() -> Metered:
    return Metered()


@pytest.fixture
def started(metered: Metered, tmp_path: Path) -> Callable[..., InProcessDaemon]:
    return lambda **settings: InProcessDaemon(measures=metered.measures, journal=tmp_path / "jobs.sqlite", **settings)


def test_renders_are_measured_by_how_they_came(metered: Metered, started: Callable[..., InProcessDaemon]) -> None:
    with started() as daemon, Client(daemon.socket) as client:
        ink = make_adapter(daemon.loras / "ink.safetensors", rank=2, blocks=1)
        client.render("a mill", seed=1, width=64, height=64, lora_paths=[ink], lora_scales=[1.0])
        for _ in range(2):
            client.render("a hill", seed=1, width=64, height=64)
        daemon.worker.script.verdicts["ink"] = Verdict.NOOP
        with pytest.raises(AdapterNotEngaged):
            client.render("a well", seed=1, width=64, height=64, lora_paths=[ink], lora_scales=[1.0])
    of = ("render.outcome", "render.source", "error.type")
    by = {tuple(said.get(name) for name in of): n for said, n in metered.of(names.RENDER_DURATION)}
    assert by == {
        ("done", "painted", None): 2,
        ("done", "cached", None): 1,
        ("failed", "painted", "adapter_not_engaged"): 1,
    }
    assert {said["render.variant"] for said, _ in metered.of(names.RENDER_DURATION)} == {"standin"}
    verdicts = {said["render.lora.verdict"]: n for said, n in metered.of(names.ADAPTERS)}
    assert verdicts == {"engaged": 1, "noop": 1}
    found = {said["flux_mlx.cache.result"]: n for said, n in metered.of(names.CACHE_REQUESTS)}
    assert found == {"hit": 1, "miss": 2}
    assert [n for _, n in metered.of(names.IMAGES)] == [2]
    assert [n for _, n in metered.of(names.IMAGE_PIXELS)] == [2 * 64 * 64]
    assert sum(n for _, n in metered.of(names.GEN_AI_DURATION)) == 4
    assert metered.of(names.QUEUE_WAIT) == [({"render.priority": "normal"}, 3)]
    assert sum(n for _, n in metered.of(names.JOURNAL_DURATION)) > 0


@pytest.mark.parametrize("mismatch", ["warn", "error"])
@pytest.mark.parametrize("given_up", [None, "first", "second"])
def test_a_render_of_several_jobs_counts_once_whoever_of_them_is_left(
    metered: Metered, started: Callable[..., InProcessDaemon], given_up: str | None, mismatch: str
) -> None:
    with started() as daemon, Wire(daemon.socket) as wire:
        ink = str(make_adapter(daemon.loras / "ink.safetensors", rank=2, blocks=1))
        daemon.worker.script.verdicts["ink"] = Verdict.NOOP
        daemon.worker.hold("adapters")
        asked = {"prompt": "a mill", "seed": 1, "width": 64, "height": 64, "lora_paths": [ink], "lora_scales": [1.0]}
        ids = {
            name: wire.send("render", {**asked, "on_mismatch": mismatch, "job_id": name})
            for name in ("first", "second", "third")
        }
        wire.status_once(lambda status: [job["state"] for job in status["jobs"]] == ["running"] * len(ids))
        if given_up is not None:
            wire.send("cancel", {"job_id": given_up})
            wire.reply(ids.pop(given_up))
        daemon.worker.hold()
        for _ in ids:
            wire.read_until(lambda message: message.get("id") in ids.values())
    assert [n for _, n in metered.of(names.ADAPTERS)] == [1]
    assert sum(n for _, n in metered.of(names.IMAGES)) == (mismatch == "warn")


def test_calls_and_refusals_are_measured_by_their_method_and_reason(
    metered: Metered, started: Callable[..., InProcessDaemon]
) -> None:
    with started() as daemon, Client(daemon.socket) as client:
        client.ping()
        with pytest.raises(UnknownJob):
            client.jobs_get("nobody")
        with socket.socket(socket.AF_UNIX) as wire:
            wire.connect(str(daemon.socket))
            wire.sendall(b'{"jsonrpc": "2.0", "id": 1, "method": "paint.everything"}\n')
            assert b"-32601" in wire.recv(4096)
    calls = {(said["rpc.method"], said.get("error.type")): n for said, n in metered.of(names.RPC_DURATION)}
    assert calls == {("ping", None): 1, ("jobs.get", "unknown_job"): 1, ("_OTHER", "unknown_method"): 1}
    codes = {said.get("rpc.response.status_code") for said, _ in metered.of(names.RPC_DURATION)}
    assert codes == {None, "-32601", str(UnknownJob.code)}
    refused = {said["flux_mlx.reason"]: n for said, n in metered.of(names.REJECTED)}
    assert refused == {"unknown_job": 1, "unknown_method": 1}


def test_a_worker_that_is_lost_is_counted(metered: Metered, started: Callable[..., InProcessDaemon]) -> None:
    with started() as daemon, Client(daemon.socket) as client:
        client.warm_up()
        daemon.worker.die()
        client.render("a mill", width=64, height=64)
    assert metered.of(names.WORKER_RESTARTS) == [({"flux_mlx.reason": "lost"}, 1)]


def test_how_everything_stands_is_told_of_every_state_and_priority(metered: Metered) -> None:
    memory = MemoryInfo(limits=LIMITS, active_bytes=5, cached_bytes=3, bases=[], other_bytes=2)
    Measuring(metered.measures).tell(
        Glance(QueueInfo(high=1, low=2, running=1), 7.5, "ready", 4, memory, CacheInfo(bytes=11))
    )
    depth = {said["render.priority"]: n for said, n in metered.of(names.QUEUE_DEPTH)}
    assert depth == {"high": 1, "normal": 0, "low": 2}
    up = {said["flux_mlx.worker.state"]: n for said, n in metered.of(names.WORKER_UP)}
    assert up == {"warming": 0, "ready": 1, "degraded": 0, "stopped": 0}
    held = {said["flux_mlx.memory.state"]: n for said, n in metered.of(names.MEMORY)}
    assert held == {"active": 5, "cache": 3, "peak": 0}
    assert [n for _, n in metered.of(names.WORKER_MEMORY)] == [10]
    assert [n for _, n in metered.of(names.QUEUE_AGE)] == [7.5]
    assert [n for _, n in metered.of(names.CONNECTIONS)] == [4]
    assert metered.of(names.CACHE_SIZE) == [({"flux_mlx.cache.name": "picture"}, 11)]


def test_a_daemon_looks_at_itself_from_its_start(metered: Metered, started: Callable[..., InProcessDaemon]) -> None:
    with started() as daemon, Client(daemon.socket) as client:
        client.ping()
        assert {"flux_mlx.queue.depth", "flux_mlx.worker.up", "flux_mlx.queue.age"} <= metered.names


def test_what_the_worker_measured_is_the_daemons_to_export(metered: Metered) -> None:
    notes = [
        Measurement(metric="flux_mlx.denoise.step.duration", value=0.25, attributes={"render.variant": "mini"}),
        Measurement(metric="flux_mlx.stack.switches", value=1, attributes={"flux_mlx.switch.kind": "flipped"}),
        Measurement(metric="flux_mlx.cache.size", value=9, attributes={"flux_mlx.cache.name": "stack"}),
    ]
    Measuring(metered.measures).noted(Noted(notes=notes))
    assert metered.of(names.STEP_DURATION) == [({"render.variant": "mini"}, 1)]
    assert metered.of(names.SWITCHES) == [({"flux_mlx.switch.kind": "flipped"}, 1)]
    assert metered.of(names.CACHE_SIZE) == [({"flux_mlx.cache.name": "stack"}, 9)]


def test_spans_of_the_worker_that_nobody_took_are_counted_with_the_daemons_own() -> None:
    measures = Measures()
    measures.drops.add("traces", 1)
    lost = Measurement(metric="flux_mlx.telemetry.dropped", value=2, attributes={"flux_mlx.signal": "traces"})
    Measuring(measures).noted(Noted(notes=[lost]))
    assert (measures.drops.of("traces"), measures.drops.all) == (3, 3)


def test_a_look_that_goes_wrong_is_not_the_last(metered: Metered, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def look() -> Glance:
        looks.append(0.0)
        if len(looks) == 1:
            raise RuntimeError("a defect")
        seen.set()
        return Glance(QueueInfo(), 1.0, "ready", 0, None, CacheInfo())

    seen = asyncio.Event()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        measuring = Measuring(metered.measures)
        loop.call_soon(measuring.begin, look)
        await seen.wait()
        measuring.end()

    monkeypatch.setattr("kilnmark.daemon.measuring.LOOK_EVERY", 0.01)
    asyncio.run(asyncio.wait_for(run(), 20))
    assert len(looks) >= 2
