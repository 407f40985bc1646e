"""`otel/recipe/start`: a trace store and a metrics store on this machine, and what a daemon needs to send there.

It runs until Ctrl-C. What was collected stays in `.stores/data` for the next time.
"""

import argparse
import signal
import socket
import sys
import time
from contextlib import closing
from typing import Final

from scripts.telemetry.programs import ROOT, STORES, fetch
from scripts.telemetry.stores import StoreGone, Stores, Wanted, open_stores

__all__ = ["RULES", "advice", "main", "require_free"]

RULES: Final = ROOT / "otel" / "alerts"
_LOOK_AGAIN: Final = 1.0


def main() -> None:
    """Get the programs, start them, say what to do, and stay."""
    parser = argparse.ArgumentParser(prog="otel/recipe/start", description=__doc__)
    parser.add_argument("--traces-port", type=int, default=6006, help="Phoenix; it takes traces and shows them")
    parser.add_argument("--traces-grpc-port", type=int, default=4317, help="traces by gRPC")
    parser.add_argument("--metrics-port", type=int, default=9090, help="Prometheus")
    parser.add_argument(
        "--daemon-port",
        type=int,
        default=9464,
        help="where `kilnmark serve --metrics-port` answers; a batch and the lab at the two after it, a farm and a "
        "node of it at the next two",
    )
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that no store outlives it
    wanted = Wanted(
        folder=STORES / "data",
        traces_port=asked.traces_port,
        traces_grpc_port=asked.traces_grpc_port,
        metrics_port=asked.metrics_port,
        pages=tuple(range(asked.daemon_port, asked.daemon_port + 5)),
        rules=sorted(RULES.glob("*.yaml")),
    )
    require_free(wanted)
    try:
        programs = fetch(_tell)
        _tell("starting Phoenix and Prometheus")
        with open_stores(programs, wanted) as stores:
            print(advice(stores, wanted), flush=True)
            _stay(stores)
    except StoreGone as error:
        sys.exit(f"kilnmark: {error}")
    except KeyboardInterrupt:
        _tell("both are stopped; what they collected is in .stores/data")


def advice(stores: Stores, wanted: Wanted) -> str:
    """Where to look, and how a daemon is started that sends there."""
    return f"""
traces    {stores.traces}    Phoenix, the project kilnmark
metrics   {stores.metrics}    Prometheus, with the alerts of otel/alerts

Start the daemon so that both get something:

  export OTEL_EXPORTER_OTLP_TRACES_ENDPOINT={stores.traces}/v1/traces
  export OTEL_RESOURCE_ATTRIBUTES=openinference.project.name=kilnmark
  kilnmark serve --metrics-port {wanted.pages[0]}

How far a batch or the lab is: OTEL_METRICS_EXPORTER=prometheus OTEL_EXPORTER_PROMETHEUS_PORT={wanted.pages[1]} (or
{wanted.pages[2]}) before its command; a farm: {wanted.pages[3]} before `kilnmark farm up`, and {wanted.pages[4]} before
`kilnmark farm work`.
With the first two lines in the shell of `kilnmark render` or of your program, too, traces begin at the caller.
Every render with a dead adapter, in the search line of Phoenix:

  attributes['render']['lora']['verdict'] == 'noop'

Phoenix takes traces by gRPC at port {wanted.traces_grpc_port} of every address of this machine, without a password.
The dashboards for Grafana are in otel/dashboards. Ctrl-C stops both."""


def require_free(wanted: Wanted) -> None:
    """Leave before anything is downloaded where a port is somebody's.

    Raises:
        SystemExit: naming the option that moves it.
    """
    ports = {
        "--traces-port": wanted.traces_port,
        "--traces-grpc-port": wanted.traces_grpc_port,
        "--metrics-port": wanted.metrics_port,
    }
    for option, port in ports.items():
        with closing(socket.socket()) as asked:
            asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                asked.bind(("127.0.0.1", port))
            except OSError as error:
                sys.exit(f"kilnmark: port {port} of 127.0.0.1 is not free ({error.strerror}): give another by {option}")


def _stay(stores: Stores) -> None:
    while True:
        for store in stores.all:
            store.look()
        time.sleep(_LOOK_AGAIN)


def _tell(line: str) -> None:
    print(f"kilnmark: {line}", flush=True)


if __name__ == "__main__":
    main()
