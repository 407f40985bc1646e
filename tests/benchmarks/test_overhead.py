"""What a render costs that is not the engine's: socket, queue, worker pipe, outcome and spans.

The engine's part is the sum of the worker's own timings; everything else from acceptance (or from the client's call)
to the reply is overhead.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest

from kilnmark.client import Client
from kilnmark.otel.receiver import Receiver
from kilnmark.protocol.wire.replies import Timings
from tests.daemon.conftest import Daemon, running_daemon

pytestmark = pytest.mark.benchmark

RENDERS = 60
WARM_UPS = 3
BUDGET_MS = 5.0
"""Median overhead allowed, in milliseconds."""


def engine_ms(timings: Timings) -> float:
    """The worker's own parts of one render, in milliseconds."""
    return timings.adapters_ms + timings.encode_ms + timings.denoise_ms + timings.decode_ms + timings.save_ms


def measured(daemon: Daemon) -> dict[str, list[float]]:
    """Milliseconds of each render: the engine's own part, and the overhead as the client and as the daemon see it."""
    seen: dict[str, list[float]] = {"engine": [], "client": [], "daemon": []}
    with Client(daemon.socket) as client:
        client.warm_up()
        for turn in range(WARM_UPS + RENDERS):
            began = time.perf_counter()
            timings = client.render("kiln", width=64, height=64, steps=1, seed=7, cache=False).timings
            wall = (time.perf_counter() - began) * 1e3
            if turn >= WARM_UPS:
                seen["engine"].append(engine_ms(timings))
                seen["client"].append(wall - engine_ms(timings))
                seen["daemon"].append(timings.total_ms - engine_ms(timings))
    return seen


@contextmanager
def daemon_traced_to(receiver: Receiver | None) -> Iterator[Daemon]:
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint} if receiver else {"OTEL_SDK_DISABLED": "true"}
    with running_daemon(env=env) as daemon:
        yield daemon


def show(title: str, seen: dict[str, list[float]]) -> None:
    print(f"\n{RENDERS} renders of 64x64, {title}: milliseconds{'median':>10}{'p90':>10}{'max':>10}")
    rows = {"engine": "the engine's own part", "client": "overhead, client", "daemon": "overhead, daemon"}
    for where, words in rows.items():
        values = seen[where]
        median, p90 = statistics.median(values), statistics.quantiles(values, n=10)[-1]
        print(f"{words:<{len(title) + 36}}{median:>10.2f}{p90:>10.2f}{max(values):>10.2f}")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("traced", [False, True], ids=["tracing off", "traced"])
def test_the_overhead_of_a_render_is_under_5_ms_at_the_median(traced: bool) -> None:
    with Receiver() if traced else nullcontext() as receiver:
        with daemon_traced_to(receiver) as daemon:
            seen = measured(daemon)
        rendered = [span for span in receiver.spans if span.name == "flux_mlx.render"] if receiver else []
    show("traced" if traced else "tracing off", seen)
    assert len(rendered) == (WARM_UPS + RENDERS if traced else 0)
    assert statistics.median(seen["client"]) < BUDGET_MS
    assert statistics.median(seen["daemon"]) < BUDGET_MS
