"""The spans and attributes of the farm, each once."""

from typing import Final

from kilnmark.otel.names.definitions import AttributeName, SpanName, ValueForm

__all__ = [
    "FARM_COMMIT",
    "FARM_COUNTS",
    "FARM_DELIVERIES",
    "FARM_FETCH",
    "FARM_FETCHED_BYTES",
    "FARM_JOB",
    "FARM_NODE",
    "FARM_NODE_STATE",
    "FARM_STATE",
    "FARM_SUBMIT",
    "FARM_SUBMITTER",
    "FARM_WORK_STATE",
]

FARM_SUBMIT: Final = SpanName("kilnmark.farm.submit", "One job handed in at the broker.")
FARM_JOB: Final = SpanName(
    "kilnmark.farm.job", "One job on its node, from the broker's message to the last word to it."
)
FARM_FETCH: Final = SpanName("kilnmark.farm.fetch", "Its files had on the node: looked at, and fetched where absent.")
FARM_COMMIT: Final = SpanName("kilnmark.farm.commit", "Its picture put where its submitter finds it, and its result.")

FARM_NODE: Final = AttributeName("kilnmark.farm.node", "The node that has the job.")
FARM_SUBMITTER: Final = AttributeName("kilnmark.farm.submitter", "Whose job it is.")
FARM_DELIVERIES: Final = AttributeName(
    "kilnmark.farm.deliveries", "How often the broker has handed the job to a node.", ValueForm.WHOLE
)
FARM_FETCHED_BYTES: Final = AttributeName(
    "kilnmark.farm.fetched_bytes", "What had to be fetched for it, in bytes.", ValueForm.WHOLE
)
FARM_STATE: Final = AttributeName(
    "kilnmark.farm.state",
    "How it ended: `done`, `failed`, `dead`, `cancelled`; `given_back` where the broker hands it out again.",
)
FARM_COUNTS: Final = AttributeName(
    "kilnmark.farm.counts",
    "Whether this is the job's result: false where another was first.",
    ValueForm.TRUTH,
)

# Of metrics.
FARM_WORK_STATE: Final = AttributeName("kilnmark.farm.work.state", "`waiting`, or `running`: a node has it.")
FARM_NODE_STATE: Final = AttributeName(
    "kilnmark.farm.node.state",
    "`idle`, `working`, `draining`, `away`: it takes no work, `left`; `lost`: it fell silent within the last day.",
)
