"""Which partition a node takes its next job from: rules alone, over what is known of nodes and of work.

A node keeps the stack that is on its base as long as there is work for it, since a switch costs time and a load costs
more; nobody waits longer for that than the policy has it. In this order:

1. `high` before `normal` before `low`. A node without the base leaves a `high` job to those that hold it for a moment.
2. The stack that it has, until its stay is over and others wait.
3. Work that clearly fewer nodes can do, where there is enough of it; then the base that it has, until that stay is
   over; then one that it holds; then the one with the most work a node.
4. Of a base, the partition that no node works for, the longest without one first; then the one with the most work a
   node.

Where nothing tells two apart, the node's name does, so that nodes which know the same do not all choose the same.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from kilnmark.farm.names import Partition
from kilnmark.farm.placement.board import HIGH, LOW, NORMAL, BaseBoard, Board, BoardRow
from kilnmark.farm.placement.views import NodeView, PartitionView, Policy, fits, holds, refusal, takes_work

__all__ = ["NodeView", "PartitionView", "Policy", "choose", "choose_from", "fits"]

_CLEARLY_FEWER = 0.8
"""Nodes that can do the one, to those that can do the other: fewer than so many are worth a load."""

_KEPT = 1.5
"""How much more work a node there has to be elsewhere, for a node to go over at the end of its stay."""

_LOW_WAITS = 4
"""So many times the oldest age makes a `low` job a `normal` one."""

_SAME_AGE = 60.0
"""Seconds: what was left alone within the same of them counts as alone for equally long."""


def choose(node: NodeView, partitions: Sequence[PartitionView], policy: Policy) -> Partition | None:
    """Where the node takes its next job from; None: nothing that it can do waits, or it takes no work.

    Args:
        node: Who asks.
        partitions: All that are known, those without work too.
        policy: The bounds.
    """
    if node.info.refused:
        partitions = [each for each in partitions if not refusal(*each.partition[:2], node.info)]
    return choose_from(Board.of(partitions), node, policy, 0.0)


def choose_from(board: Board, node: NodeView, policy: Policy, at: float) -> Partition | None:
    """The same for whoever keeps a board of what the node does not refuse; as a rule only its bases are looked at.

    Args:
        at: Now, by the clock that the board was told by.
    """
    if not takes_work(node.info):
        return None
    able = [base for base in board.bases.values() if any(base.waiting) and fits(base.needs, node.info)]
    if not able:
        return None
    return _NodeChoice(node, policy, at, able).made()


@dataclass(frozen=True, slots=True)
class _NodeChoice:
    """One node's, among bases that it can do and that have work."""

    node: NodeView
    policy: Policy
    at: float
    able: list[BaseBoard]

    def made(self) -> Partition:
        high = [base for base in self.able if base.waiting[HIGH] and not self._left_to_holders(base)]
        plain = [base for base in self.able if base.waiting[NORMAL] or base.waiting[LOW]]
        bases, ranks = (plain, {NORMAL, LOW}) if plain and not high else (high or self.able, {HIGH})
        kept = self._kept(bases, ranks)
        if kept is not None:
            return kept.partition
        found = {id(base): self._rows(base, ranks) for base in bases}
        if any(rank == NORMAL for rank, _ in found.values()):
            bases = [base for base in bases if found[id(base)][0] == NORMAL]
        base = self._base(bases, {id(base): sum(row.waiting for row in found[id(base)][1]) for base in bases})
        return self._row(found[id(base)][1]).partition

    def _left_to_holders(self, base: BaseBoard) -> bool:
        """Whether its `high` jobs are nearer to others, each of which takes one as soon as its render is done."""
        if base.holders < base.waiting[HIGH] or holds(base.needs.variant, self.node.info):
            return False
        return self.at - base.oldest(HIGH) < self.policy.patience_s

    def _kept(self, bases: list[BaseBoard], ranks: set[int]) -> BoardRow | None:
        """The stack that the node has, where it may keep it without a look at the rest."""
        current = self.node.current
        if current is None or self._stay_is_over:
            return None
        home = next((base for base in bases if base.token == current.needs), None)
        if home is None or self._is_needed_elsewhere(home, bases):
            return None
        if ranks != {HIGH}:
            ranks = {NORMAL} if any(base.waiting[NORMAL] for base in bases) else {LOW}
        for partition in (current, current._replace(priority="high"), current._replace(priority="normal")):
            row = home.rows.get(partition)
            if row is not None and row.waiting and row.rank in ranks:
                return row
        return None

    @property
    def _stay_is_over(self) -> bool:
        return self.node.stayed >= self.policy.stay_jobs or self.node.stayed_s >= self.policy.stay_s

    def _is_needed_elsewhere(self, base: BaseBoard, bases: list[BaseBoard]) -> bool:
        return any(self._is_scarcer(other, base) and self._is_worth_a_load(other) for other in bases)

    @staticmethod
    def _is_scarcer(other: BaseBoard, base: BaseBoard) -> bool:
        return 0 < other.able < _CLEARLY_FEWER * base.able

    def _is_worth_a_load(self, base: BaseBoard) -> bool:
        return sum(base.waiting) >= self.policy.join_jobs * (self._others(base) + 1)

    def _others(self, base: BaseBoard) -> int:
        """How many nodes work for it beside this one."""
        here = self.node.current is not None and self.node.current in base.rows
        return max(0, base.nodes - here)

    def _rows(self, base: BaseBoard, ranks: set[int]) -> tuple[int, list[BoardRow]]:
        """The partitions of a base that are next, and their rank; `low` ones that waited long enough are `normal`."""
        rows = [row for row in base.rows.values() if row.waiting and row.rank in ranks]
        long_ago = self.at - _LOW_WAITS * self.policy.oldest_s
        sooner = [row for row in rows if row.rank < LOW or row.since < long_ago]
        return (HIGH if ranks == {HIGH} else NORMAL if sooner else LOW), sooner or rows

    def _base(self, bases: list[BaseBoard], waiting: dict[int, int]) -> BaseBoard:
        if len(bases) == 1:
            return bases[0]
        worth = [base for base in bases if self._is_worth_a_load(base)]

        def order(base: BaseBoard) -> tuple[float, ...]:
            held, others = holds(base.needs.variant, self.node.info), self._others(base)
            is_here = self.node.current is not None and base.token == self.node.current.needs
            base_is_over = self.node.base_s >= self.policy.base_stay_s
            oldest = min(row.unserved for row in base.rows.values() if row.waiting)
            is_overdue = base_is_over or self.at - oldest > self.policy.oldest_s
            place = 1 if base_is_over else 0 if is_here else 1 if held else 2
            return (
                0 if held or not others or base in worth else 1,
                sum(self._is_scarcer(other, base) for other in worth),
                0 if not others and not is_here and is_overdue else 1,
                place,
                -waiting[id(base)] / (others + 1) * (_KEPT if held else 1.0),
                self._chance(base.token),
            )

        return min(bases, key=order)

    def _row(self, rows: list[BoardRow]) -> BoardRow:
        current, is_over = self.node.current, self._stay_is_over

        def order(row: BoardRow) -> tuple[float, ...]:
            is_current = row.partition == current
            same_stack = current is not None and row.partition[:2] == current[:2]
            others = max(0, row.nodes - is_current)
            unserved = not others and not (is_current and is_over)
            return (
                0 if same_stack and not is_over else 1,
                0 if unserved else 1,
                row.unserved // _SAME_AGE if unserved else -row.waiting / (others + 1) * (_KEPT if same_stack else 1.0),
                self._chance("".join(row.partition)),
            )

        return min(rows, key=order)

    def _chance(self, of: str) -> float:
        return zlib.crc32(f"{self.node.info.name}/{of}".encode())
