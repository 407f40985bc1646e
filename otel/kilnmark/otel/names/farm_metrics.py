"""The metrics of the farm, each once: of its nodes, and of whoever looks after it."""

from typing import Final

from kilnmark.otel.names.definitions import AttributeName, Instrument, Metric
from kilnmark.otel.names.farm import FARM_NODE_STATE, FARM_STATE, FARM_WORK_STATE

__all__ = [
    "FARM_COMMIT_DURATION",
    "FARM_CONTENT_FETCHED",
    "FARM_FETCH_DURATION",
    "FARM_JOBS",
    "FARM_METRICS",
    "FARM_NODES",
    "FARM_QUEUE_AGE",
    "FARM_QUEUE_DEPTH",
    "FARM_SWITCHES",
]

_NONE: tuple[AttributeName, ...] = ()
_TRANSFER = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)
"""Of what goes over a network: from a file that is there to an adapter of gigabytes, or a broker that is away."""

FARM_JOBS: Final = Metric(
    "kilnmark.farm.jobs",
    Instrument.COUNTER,
    "{job}",
    "Jobs that ended at a node, or were given back by it; at the broker those that nodes left `dead`.",
    (FARM_STATE,),
)
FARM_CONTENT_FETCHED: Final = Metric(
    "kilnmark.farm.content.fetched", Instrument.COUNTER, "By", "What this node fetched for jobs."
)
FARM_FETCH_DURATION: Final = Metric(
    "kilnmark.farm.fetch.duration",
    Instrument.HISTOGRAM,
    "s",
    "How long a node took to have the files of a job.",
    _NONE,
    _TRANSFER,
)
FARM_COMMIT_DURATION: Final = Metric(
    "kilnmark.farm.commit.duration",
    Instrument.HISTOGRAM,
    "s",
    "How long it took until a job's picture and result were at the broker.",
    _NONE,
    _TRANSFER,
)
FARM_SWITCHES: Final = Metric(
    "kilnmark.farm.switches", Instrument.COUNTER, "{switch}", "Times that this node took work of another base or stack."
)
FARM_QUEUE_DEPTH: Final = Metric(
    "kilnmark.farm.queue.depth",
    Instrument.GAUGE,
    "{job}",
    "Jobs in the farm that have not ended, by whether a node has them.",
    (FARM_WORK_STATE,),
)
FARM_QUEUE_AGE: Final = Metric(
    "kilnmark.farm.queue.age",
    Instrument.GAUGE,
    "s",
    "How long ago the eldest of them was handed in, by the broker's clock; 0 where there is none.",
)
FARM_NODES: Final = Metric(
    "kilnmark.farm.nodes", Instrument.GAUGE, "{node}", "Nodes of the farm, by state.", (FARM_NODE_STATE,)
)

FARM_METRICS: Final[tuple[Metric, ...]] = tuple(
    value for value in list(globals().values()) if isinstance(value, Metric)
)
"""All of them, in the order in which they stand here."""
