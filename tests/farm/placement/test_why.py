"""What people are told of work that waits."""

import pytest

from kilnmark.farm.documents import FarmNeeds, NodeInfo
from kilnmark.farm.names import Partition
from kilnmark.farm.placement.views import PartitionView
from kilnmark.farm.placement.why import why_waits
from tests.farm.placement.views import base_info, needs_of, node, refusing, view


def said_of(needs: FarmNeeds, *nodes: NodeInfo) -> str:
    return why_waits(PartitionView(Partition(needs.token, "a", "normal"), needs, 3), nodes)


def test_nothing_is_said_of_a_partition_without_work() -> None:
    assert why_waits(view("a", 0), []) == ""


@pytest.mark.parametrize(
    ("needs", "nodes", "said"),
    [
        (needs_of(), [], "waits for a node: none is here"),
        (
            needs_of(version="2"),
            [node()],
            "waits for a node of kilnmark 2; those here have 1: start one, or hand the work in again with theirs",
        ),
        (needs_of("large"), [node(serves="small")], "waits for a node that serves large"),
        (
            needs_of("large"),
            [node(room=24), node(room=16)],
            "waits for a node with 34 GB for large; the largest that serves it has 24 GB",
        ),
        (
            needs_of(numerics="fast"),
            [node(info=base_info("small"))],
            "waits for a node that computes small in fast; those here compute in exact",
        ),
        (
            needs_of(fingerprint="g" * 20),
            [node(info=base_info("small"))],
            "waits for a node with the weights gggggggggggg of small; those here have f",
        ),
        (
            needs_of(),
            [node("mac", state="away", problem="no room on its disk; free some"), node("box", state="draining")],
            "waits for a node that takes work: mac is away (no room on its disk); box is draining",
        ),
        (
            needs_of(),
            [refusing("mac", "a", "ink is not promoted; promote it"), refusing("box", "", "no memory")],
            "waits for a node that does it: mac refuses it (ink is not promoted); box refuses it (no memory)",
        ),
        (needs_of(), [node(), node(room=2), refusing("box", "a", "no")], "waits for its turn: 1 node can do it"),
    ],
    ids=["none", "version", "serves", "room", "numerics", "weights", "away", "refused", "turn"],
)
def test_it_is_said_what_is_waited_for(needs: FarmNeeds, nodes: list[NodeInfo], said: str) -> None:
    assert said_of(needs, *nodes) == said


def test_other_tables_of_keys_are_told() -> None:
    needs = FarmNeeds(variant="small", version="1", keymaps="other")
    assert said_of(needs, node()) == (
        "waits for a node that reads adapters as the submitter does (other); install the same build on both"
    )
