"""What a daemon's answer makes of a job is decided for every answer that there is."""

import pytest

from kilnmark.client.errors import ConnectionLost
from kilnmark.farm.errors import ContentUnusable, FarmNotUsable, NodeUnfit
from kilnmark.farm.node.answers import ANSWERS, Answer, answer_of
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.errors import BY_CODE, RequestError


def test_every_error_of_the_wire_is_decided() -> None:
    assert {cls for cls in ANSWERS if issubclass(cls, RequestError)} == set(BY_CODE.values())


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (ConnectionLost(("render",), "it hung up"), Answer.AWAY),
        (FarmNotUsable("a folder", "is full"), Answer.AWAY),
        (OSError("no room"), Answer.AWAY),
        (ContentUnusable("ink", "0" * 64, "it is gone"), Answer.AGAIN),
        (NodeUnfit("its daemon is another"), Answer.NOT_NOW),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_goes_wrong_on_the_nodes_side_is_decided_by_whose_fault_it_can_be(
    error: KilnmarkError | OSError, answer: Answer
) -> None:
    assert answer_of(error) is answer
