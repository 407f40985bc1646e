"""The stores, and one daemon whose telemetry is in them: started once a run, asked by every test."""

import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from kilnmark.client.cli.demo.demo import sample_packs
from kilnmark.client.cli.demo.own_daemon import own_daemon
from kilnmark.otel.names import farm_metrics
from kilnmark.protocol.settings import Settings
from scripts.telemetry.answers import Phoenix, Prometheus, wait_until
from scripts.telemetry.programs import Programs, fetch
from scripts.telemetry.promql import Asking
from scripts.telemetry.rules import RULES
from scripts.telemetry.stores import Stores, Wanted, open_stores
from tests.telemetry.farmed import farm
from tests.telemetry.workload import Done, adapters, compiled, run, work

COMMITS = Asking("").series(farm_metrics.FARM_COMMIT_DURATION, part="count")
"""What a node of a farm tells once it has painted."""

INTERVAL = 1.0
"""Seconds between two looks of Prometheus."""

PROJECT = "kilnmark"


@pytest.fixture(scope="session")
def programs() -> Programs:
    return fetch(print)


def free_ports(count: int) -> Sequence[int]:
    """Ports of loopback that are nobody's at the moment."""
    with ExitStack() as stack:
        held = [stack.enter_context(closing(socket.create_server(("127.0.0.1", 0)))) for _ in range(count)]
        return [each.getsockname()[1] for each in held]


@pytest.fixture(scope="session")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Wanted:
    traces, grpc, metrics, *pages = free_ports(9)
    folder = tmp_path_factory.mktemp("stores")
    return Wanted(folder, traces, grpc, metrics, tuple(pages), rules=[RULES], interval=INTERVAL)


@pytest.fixture(scope="session")
def stores(programs: Programs, wanted: Wanted) -> Iterator[Stores]:
    with open_stores(programs, wanted) as stores:
        yield stores


@dataclass(frozen=True)
class Told:
    """What a run is in the stores.

    Attributes:
        done: What was asked for.
        traces: Where its spans are.
        metrics: Where its metrics are; the daemon serves them still.
    """

    done: Done
    traces: Phoenix
    metrics: Prometheus


@pytest.fixture(scope="session")
def told(stores: Stores, wanted: Wanted) -> Iterator[Told]:
    sends = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{stores.traces}/v1/traces",
        "OTEL_RESOURCE_ATTRIBUTES": f"openinference.project.name={PROJECT}",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    with tempfile.TemporaryDirectory(prefix="kiln-") as name, sample_packs() as packs:
        folder = Path(name)
        (folder / "adapters").mkdir()
        paths = adapters(packs, folder / "adapters")
        daemon, other, batch, lab, keeper, node = wanted.pages
        settings = Settings(
            socket=folder / "daemon.sock",
            output_dir=folder / "pictures",
            lora_roots=(folder / "adapters",),
            variant="mini",
            packs=packs,
            journal=folder / "jobs.sqlite",
            metrics_port=daemon,
        )
        metrics = Prometheus(stores.metrics)
        with own_daemon(settings, wanted.folder / "daemon.log", sends) as address:
            wait_until(lambda: any(each.value for each in metrics.query("up")), "the first look at the daemon")
            done = work(address, paths)
            run(
                "batch",
                "creature",
                "--packs",
                packs,
                "--limit",
                "2",
                "--out",
                folder / "batch",
                port=batch,
                socket=address,
            )
            verify = ("lab", "verify", paths["woodcut"], "--kind", "style", "--base", "mini")
            run(*verify, "--report", folder / "gate", port=lab, socket=address)
            with compiled(folder / "compiled", other) as page:
                wait_until(lambda: metrics.has_shown(f'{page}{{instance="127.0.0.1:{other}"}}', 60.0), page)
            (folder / "farm").mkdir()

            def seen() -> None:
                wait_until(lambda: metrics.has_shown(COMMITS, 60.0), COMMITS)

            with farm(address, folder / "farm", paths["gouache"], (keeper, node), seen):
                yield Told(done, Phoenix(stores.traces, PROJECT), metrics)
