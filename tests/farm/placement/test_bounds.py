"""What holds of every choice, whatever is known: nothing that cannot be done, no idling, the bounds."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from kilnmark.farm.placement.board import Board
from kilnmark.farm.placement.choice import choose, choose_from
from kilnmark.farm.placement.views import NodeView, PartitionView, Policy, fits, holds
from tests.farm.placement.views import node, view

POLICY = Policy(stay_jobs=20, stay_s=60.0)

bases = st.sampled_from(["small", "middle", "large"])
views = st.builds(
    view,
    st.sampled_from("abcdef"),
    st.integers(0, 40),
    base=bases,
    priority=st.sampled_from(["high", "normal", "low"]),
    oldest_s=st.floats(0, 5000),
    nodes=st.integers(0, 5),
)
counts = st.fixed_dictionaries(
    {each: st.tuples(st.integers(0, 30), st.integers(0, 5)) for each in ("small", "middle", "large")}
)


def counted(known: list[PartitionView], counts: dict[str, tuple[int, int]]) -> list[PartitionView]:
    """How many nodes can do a base's work, and hold it, is the same wherever it is told."""
    return [replace(each, able=counts[each.needs.variant][0], holders=counts[each.needs.variant][1]) for each in known]


boards = st.builds(counted, st.lists(views, max_size=12, unique_by=lambda each: each.partition), counts)
nodes = st.builds(
    node,
    st.sampled_from(["n1", "n2", "n3"]),
    serves=st.lists(bases, unique=True).map(" ".join),
    has=st.lists(bases, unique=True).map(" ".join),
    room=st.sampled_from([8, 24, 64]),
)
asking = st.builds(
    NodeView,
    nodes,
    st.none() | views.map(lambda each: each.partition),
    st.integers(0, 30),
    st.floats(0, 100),
    st.floats(0, 4000),
)


def possible(asks: NodeView, known: list[PartitionView]) -> list[PartitionView]:
    return [each for each in known if each.waiting and fits(each.needs, asks.info)]


@given(asking, boards)
def test_a_node_gets_what_it_can_do_and_idles_only_where_there_is_none(
    asks: NodeView, known: list[PartitionView]
) -> None:
    chosen = choose(asks, known, POLICY)
    can = {each.partition for each in possible(asks, known)}
    assert chosen in can if can else chosen is None


@given(asking, boards, st.randoms(use_true_random=False))
def test_the_order_of_what_is_known_does_not_matter(asks: NodeView, known: list[PartitionView], random: Random) -> None:
    again = list(known)
    random.shuffle(again)
    assert choose(asks, known, POLICY) == choose(asks, again, POLICY)


@given(asking, boards)
def test_a_high_job_waits_at_most_for_the_render_of_a_node_that_holds_its_base(
    asks: NodeView, known: list[PartitionView]
) -> None:
    chosen = choose(asks, known, POLICY)
    high = [each for each in possible(asks, known) if each.partition.priority == "high"]
    if chosen and any(holds(each.needs.variant, asks.info) for each in high):
        assert chosen.priority == "high"


@given(asking, boards)
def test_a_stay_that_is_over_is_not_gone_on_with_while_a_stack_of_its_base_has_no_node(
    asks: NodeView, known: list[PartitionView]
) -> None:
    is_over = asks.stayed >= POLICY.stay_jobs or asks.stayed_s >= POLICY.stay_s
    current = asks.current
    others = [
        each
        for each in possible(asks, known)
        if current and not each.nodes and each.partition != current and each.partition.needs == current.needs
        if each.partition.priority == current.priority
    ]
    if is_over and others:
        assert choose(asks, known, POLICY) != current


@given(asking, boards, st.integers(0, 11), st.integers(0, 10**6))
def test_a_board_that_is_kept_chooses_as_one_that_is_new(
    asks: NodeView, known: list[PartitionView], before: int, at: int
) -> None:
    board, known = Board(), [replace(each, oldest_s=float(int(each.oldest_s))) for each in known]
    for each in known[:before]:
        board.note(PartitionView(each.partition, each.needs, 7, oldest_s=3.0, nodes=2, able=9), at * 60.0 - 5.0)
    for each in known:
        board.note(each, at * 60.0)
    assert choose_from(board, asks, POLICY, at * 60.0) == choose(asks, known, POLICY)
