"""How a partition is seen beside all nodes."""

import msgspec

from kilnmark.farm.names import Partition, partition_key
from kilnmark.farm.placement.views import view_of
from tests.farm.placement.views import needs_of, node


def test_nodes_are_counted_by_what_they_can_hold_and_do() -> None:
    needs = needs_of("large")
    partition = Partition(needs.token, "a", "normal")
    there = msgspec.structs.replace(node("there", has="large"), partition=partition_key(partition))
    small, leaving, cold = node("small", room=24), node("leaving", has="large", state="draining"), node("cold")
    seen = view_of(partition, needs, [there, small, leaving, cold], waiting=4, running=1, oldest_s=2.5)
    assert (seen.waiting, seen.running, seen.oldest_s) == (4, 1, 2.5)
    assert (seen.nodes, seen.able, seen.holders) == (1, 2, 1)
