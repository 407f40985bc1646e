"""What telemetry costs: the same renders without any, with all of it, and with a collector that is dead or hangs.

A daemon each, in one run, one render after the other in an order that turns, so that whatever else the machine does
falls on all alike. `make telemetry` calls it; by itself: `python -m scripts.telemetry.overhead --rounds 20`.
"""

import argparse
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from kilnmark.client import Client
from kilnmark.client.cli.demo.own_daemon import own_daemon
from kilnmark.otel.receiver import Receiver
from kilnmark.protocol.settings import Settings

__all__ = ["CONDITIONS", "Overhead", "measure"]

CONDITIONS: Final = ("none", "full", "dead", "hanging")
"""No telemetry; all of it, taken by a collector; a collector that is not there; one that takes and never answers."""

RENDER: Final[Mapping[str, Any]] = {"width": 256, "height": 256, "steps": 4, "cache": False}
"""A second and more of `mini` on two cores: what people wait for takes longer, and shows telemetry less."""

_EVERYTHING: Final = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_BSP_SCHEDULE_DELAY": "500",
    "OTEL_METRIC_EXPORT_INTERVAL": "1000",
}


@dataclass(frozen=True)
class Overhead:
    """What was measured.

    Attributes:
        ratios: Renders in the time of one without telemetry, by condition, of the quickest quarter of the rounds.
        exits: Seconds from the signal to the daemon's end, by condition.
        spans: That the collector of `full` took, so that nobody measures telemetry that was off.
    """

    ratios: Mapping[str, float]
    exits: Mapping[str, float]
    spans: int


def measure(rounds: int) -> Overhead:
    """Measure so many rounds of one render for each condition; about five seconds a round on two idle cores."""
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver())
        endpoints = {"full": receiver.endpoint, "dead": _nobody(), "hanging": stack.enter_context(_hanging())}
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kiln-")))
        daemons = {name: stack.enter_context(ExitStack()) for name in CONDITIONS}
        sockets = {
            name: daemon.enter_context(_daemon(home / name, endpoints.get(name))) for name, daemon in daemons.items()
        }
        times = _rounds(sockets, rounds)
        exits = {name: _timed(daemon.close) for name, daemon in daemons.items()}
        spans = len(receiver.spans)
    return Overhead({name: _quickest(times["none"]) / _quickest(times[name]) for name in CONDITIONS}, exits, spans)


def _quickest(times: Sequence[float]) -> float:
    """The mean of the quickest quarter, which whatever else the machine did held up least."""
    return statistics.fmean(sorted(times)[: max(1, len(times) // 4)])


def _daemon(home: Path, endpoint: str | None) -> AbstractContextManager[str]:
    home.mkdir()
    settings = Settings(socket=home / "daemon.sock", output_dir=home / "pictures", variant="mini")
    asking = {} if endpoint is None else {**_EVERYTHING, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    return own_daemon(settings, home / "daemon.log", asking)


def _rounds(sockets: Mapping[str, str], rounds: int) -> dict[str, list[float]]:
    """Seconds of each render, by condition, in the order of the rounds."""
    times = {name: list[float]() for name in CONDITIONS}
    with ExitStack() as stack:
        clients = {name: stack.enter_context(Client(path)) for name, path in sockets.items()}
        for client in clients.values():
            client.warm_up()
            client.render("a castle", seed=0, **RENDER)
        for number in range(rounds):
            turned = CONDITIONS[number % len(CONDITIONS) :] + CONDITIONS[: number % len(CONDITIONS)]
            for name in turned:
                times[name].append(_timed(partial(clients[name].render, "a castle", seed=number, **RENDER)))
    return times


def _timed(what: Callable[[], object]) -> float:
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


def _nobody() -> str:
    """An address where nobody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as held:
        return f"http://127.0.0.1:{held.getsockname()[1]}"


@contextmanager
def _hanging() -> Iterator[str]:
    """An address where connections are taken, and nothing is ever read or said."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=128)) as held:
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def main() -> None:
    """Measure, and show it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    found = measure(parser.parse_args().rounds)
    for name in CONDITIONS:
        print(
            f"{name:8} {found.ratios[name]:.4f} of the renders without telemetry, gone after {found.exits[name]:.2f} s"
        )
    print(f"{found.spans} spans were taken")


if __name__ == "__main__":
    main()
