"""Where a node takes its next job from, rule by rule."""

import pytest

from kilnmark.farm.names import Partition
from kilnmark.farm.placement.choice import choose
from kilnmark.farm.placement.views import NodeView, PartitionView, Policy
from tests.farm.placement.views import node, refusing, view

POLICY = Policy()
HERE = view("a")


def chosen(asking: NodeView, *views: PartitionView) -> Partition | None:
    return choose(asking, views, POLICY)


def at(
    current: PartitionView, *, has: str = "small", stayed: int = 1, stayed_s: float = 1.0, base_s: float = 1.0
) -> NodeView:
    return NodeView(node(has=has), current.partition, stayed, stayed_s, base_s)


def test_a_node_keeps_its_stack_while_there_is_work_for_it() -> None:
    assert chosen(at(HERE), view("b", 500, oldest_s=800.0), HERE) == HERE.partition


def test_a_stack_that_runs_dry_gives_way_to_one_of_the_same_base() -> None:
    other = view("b")
    assert chosen(at(HERE), view("a", 0), view("c", 900, base="large"), other) == other.partition


@pytest.mark.parametrize("stay", [at(HERE, stayed=200), at(HERE, stayed_s=600.0)], ids=["jobs", "seconds"])
def test_a_stay_that_is_over_gives_way_to_whoever_waits_without_a_node(stay: NodeView) -> None:
    waiting = view("b", 1)
    assert chosen(stay, view("a", 5000, oldest_s=9000.0, nodes=1), waiting) == waiting.partition


def test_a_stay_that_is_over_goes_on_where_nobody_else_waits() -> None:
    assert chosen(at(HERE, stayed=900), HERE) == HERE.partition


def test_of_those_that_nobody_works_for_the_oldest_is_first() -> None:
    older = view("c", 1, oldest_s=400.0)
    assert chosen(at(HERE, stayed=200), view("b", 99, oldest_s=100.0), older, HERE) == older.partition


def test_of_those_the_one_is_first_that_was_left_alone_for_longest() -> None:
    served = view("b", 99, oldest_s=9000.0, unserved_s=100.0)
    waiting = view("c", 1, oldest_s=400.0)
    assert chosen(at(HERE, stayed=200), served, waiting, HERE) == waiting.partition


def test_nodes_spread_over_partitions_by_what_waits_for_each_node() -> None:
    assert chosen(NodeView(node(has="small")), view("a", 90, nodes=9), view("b", 40, nodes=1)) == view("b").partition


def test_nodes_that_know_the_same_do_not_all_choose_the_same() -> None:
    views = [view(stack, 10) for stack in "abcdefgh"]
    assert len({choose(NodeView(node(f"n{number}")), views, POLICY) for number in range(30)}) > 5


def test_a_high_job_is_next_whatever_the_stay() -> None:
    high = view("b", 1, priority="high")
    assert chosen(at(HERE), HERE, high) == high.partition


def test_a_high_job_is_left_to_the_nodes_that_hold_its_base() -> None:
    high = view("b", 1, base="large", priority="high", holders=1)
    assert chosen(at(HERE), HERE, high) == HERE.partition


@pytest.mark.parametrize(
    "high",
    [
        view("b", 3, base="large", priority="high", holders=2),
        view("b", 1, base="large", priority="high", holders=2, oldest_s=31.0),
    ],
    ids=["more jobs than holders", "they do not come"],
)
def test_a_high_job_loads_its_base_where_those_that_hold_it_do_not_do(high: PartitionView) -> None:
    assert chosen(at(HERE), HERE, high) == high.partition


def test_an_idle_node_takes_the_high_job_that_others_hold_the_base_for() -> None:
    high = view("b", 1, base="large", priority="high", holders=5)
    assert chosen(NodeView(node()), high) == high.partition


def test_a_low_job_waits_for_normal_ones() -> None:
    low = view("a", 50, priority="low")
    assert chosen(at(low), low, view("b")) == view("b").partition


def test_a_low_job_that_waited_long_is_a_normal_one() -> None:
    low = view("b", 1, priority="low", oldest_s=3601.0)
    assert chosen(at(HERE, stayed=200), view("c", 5), low, HERE) == low.partition


def test_the_same_stack_at_another_priority_costs_no_switch() -> None:
    normal = view("a", 3)
    assert chosen(at(view("a", 0, priority="high")), view("b", 80), normal) == normal.partition


def test_a_base_that_is_held_comes_before_one_that_is_to_be_loaded() -> None:
    assert (
        chosen(NodeView(node(has="middle")), view("a", 90), view("b", 5, base="middle"))
        == view(base="middle", stack="b").partition
    )


def test_a_stay_on_a_base_ends_for_one_that_nobody_works_for() -> None:
    other = view("b", 20, base="middle")
    assert chosen(at(HERE, stayed=200, base_s=1800.0), view("a", 5000), other) == other.partition
    assert chosen(at(HERE, stayed=200, base_s=1799.0), view("a", 5000), other) == HERE.partition


def test_a_base_whose_oldest_job_waits_too_long_ends_a_stay_sooner() -> None:
    other = view("b", 20, base="middle", oldest_s=901.0)
    assert chosen(at(HERE, stayed=200, base_s=600.0), view("a", 5000), other) == other.partition


def test_a_large_node_leaves_small_work_for_large() -> None:
    small, large = view("a", 5000, able=100, nodes=80), view("b", 40, base="large", able=20)
    assert chosen(at(small), small, large) == large.partition


def test_a_large_node_is_not_idle_for_want_of_large_work() -> None:
    small, large = view("a", 50, able=100), view("b", 0, base="large", able=20)
    assert chosen(NodeView(node()), small, large) == small.partition


def test_a_few_large_jobs_that_nodes_work_for_do_not_make_others_load() -> None:
    small, large = view("a", 5000, able=100), view("b", 7, base="large", able=20, nodes=2)
    assert chosen(at(small, stayed=200), small, large) == small.partition


def test_a_node_more_or_less_that_can_do_it_makes_no_work_scarce() -> None:
    small, large = view("a", 5000, able=100), view("b", 4000, base="large", able=90)
    assert chosen(at(small), small, large) == small.partition


@pytest.mark.parametrize("state", ["draining", "left", "away"])
def test_a_node_on_its_way_out_takes_nothing(state: str) -> None:
    leaving = node(state=state)  # type: ignore[arg-type]
    assert choose(NodeView(leaving), [HERE], POLICY) is None


def test_what_a_node_cannot_do_is_not_for_it() -> None:
    assert choose(NodeView(node(room=24)), [view("a", 9, base="large")], POLICY) is None


def test_what_a_node_refuses_is_not_for_it_and_the_rest_of_the_base_is() -> None:
    views = [view("a", 9), view("b", 1)]
    assert choose(NodeView(refusing("n", "a", "no")), views, POLICY) == views[1].partition
    assert choose(NodeView(refusing("n", "", "no")), views, POLICY) is None
