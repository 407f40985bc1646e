"""How far a batch is, as a metric. What becomes of its pictures is known elsewhere."""

from kilnmark.client.batch.run.tally import Became, Tally
from kilnmark.otel import names
from kilnmark.otel.measures import Measures

__all__ = ["measure_batch"]

_STATES = {
    "waiting": (Became.LEFT,),
    "done": (Became.PAINTED, Became.FOUND),
    "kept": (Became.KEPT,),
    "failed": (Became.FAILED,),
}


def measure_batch(measures: Measures, tally: Tally) -> None:
    """Set the gauge to how the batch stands; nobody hears where no metrics are kept."""
    for state, became in _STATES.items():
        measures.record(names.BATCH_PICTURES, sum(map(tally.count, became)), {names.BATCH_STATE: state})
