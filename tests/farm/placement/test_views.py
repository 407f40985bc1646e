"""How many nodes can do work."""

from kilnmark.farm.placement.views import reach
from tests.farm.placement.views import needs_of, node


def test_nodes_are_counted_by_what_they_can_hold_and_do() -> None:
    small, leaving = node("small", room=24), node("leaving", has="large", state="draining")
    assert reach(needs_of("large"), [node("there", has="large"), small, leaving, node("cold")]) == (2, 1)
