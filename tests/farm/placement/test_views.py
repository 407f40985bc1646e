"""How many nodes can do work."""

from kilnmark.farm.placement.views import reach
from tests.farm.placement.views import needs_of, node, refusing


def test_nodes_are_counted_by_what_they_can_hold_and_do() -> None:
    small, leaving = node("small", room=24), node("leaving", has="large", state="draining")
    assert reach(needs_of("large"), [node("there", has="large"), small, leaving, node("cold")]) == (2, 1)


def test_who_refuses_all_work_for_a_base_is_none_of_them_and_who_refuses_a_stack_is() -> None:
    assert reach(needs_of(), [node(), refusing("a", "", "no"), refusing("b", "stack", "no")]) == (2, 0)
