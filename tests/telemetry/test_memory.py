"""A day of spans, numbers and lines leaves a daemon's memory flat, whatever the collector does."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from kilnmark.otel.receiver import Receiver
from tests.benchmarks.figures import Headline, tell

pytestmark = pytest.mark.telemetry

PICTURES = 20_000
"""One each 4.3 seconds of a day, some 280,000 spans."""

GROWTH = 16 << 20
"""Bytes that resident memory may grow by after the first tenth, when every queue has been full."""


@contextmanager
def collector(kind: str) -> Iterator[Mapping[str, str]]:
    with ExitStack() as stack:
        if kind == "taking":
            endpoint = stack.enter_context(_Forgetful()).endpoint
        else:
            listening = stack.enter_context(socket.socket())
            listening.bind(("127.0.0.1", 0))
            if kind == "hanging":
                listening.listen(64)
            endpoint = f"http://127.0.0.1:{listening.getsockname()[1]}"
        yield {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }


class _Forgetful(Receiver):
    """One that keeps nothing: its memory is in another process than the one that is measured all the same."""

    def _add(self, body: bytes) -> bytes:
        reply = super()._add(body)
        self._spans.clear()
        return reply


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["taking", "dead", "hanging"])
def test_a_day_leaves_memory_flat(kind: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.telemetry.a_day", str(PICTURES), str(tmp_path / "traces.jsonl")]
    with collector(kind) as env:
        done = subprocess.run(
            command, env={**os.environ, **env}, capture_output=True, text=True, check=True, timeout=500
        )
    said = json.loads(done.stdout)
    tell(Headline(name=f"memory_growth_mib_{kind}", value=(said["late"] - said["early"]) / (1 << 20)))
    assert said["late"] - said["early"] < GROWTH
    assert (tmp_path / "traces.jsonl").stat().st_size < 65 << 20
    if kind != "taking":
        assert said["dropped"] > PICTURES
