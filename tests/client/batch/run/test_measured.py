"""How far a batch is, as its gauge says it: every picture is in one state, and all are counted."""

from kilnmark.client.batch.run.measured import measure_batch
from kilnmark.client.batch.run.tally import Became, ItemEnding, Tally
from kilnmark.otel import names
from tests.otel.reading import Metered


def test_every_picture_is_in_one_state() -> None:
    metered, tally = Metered(), Tally(7)
    endings = (Became.PAINTED, Became.FOUND, Became.KEPT, Became.FAILED, Became.PAINTED)
    tally.endings |= {str(number): ItemEnding(became) for number, became in enumerate(endings)}
    measure_batch(metered.measures, tally)
    stands = {said["kilnmark.batch.state"]: count for said, count in metered.of(names.BATCH_PICTURES)}
    assert stands == {"waiting": 2, "done": 3, "kept": 1, "failed": 1}
