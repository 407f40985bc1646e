"""All partitions as somebody knows them, kept by the base that they ask for, so that a choice looks at few.

It only keeps what it is told, and adds it up. What follows from it is decided in `choice`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from kilnmark.farm.documents import FarmNeeds
from kilnmark.farm.names import Partition
from kilnmark.farm.placement.views import PartitionView

__all__ = ["HIGH", "LOW", "NORMAL", "BaseBoard", "Board", "BoardRow"]

HIGH, NORMAL, LOW = range(3)

_RANK = {"high": HIGH, "normal": NORMAL, "low": LOW}


@dataclass(slots=True, eq=False)
class BoardRow:
    """A partition.

    Attributes:
        partition: It.
        rank: Of its priority; the smaller, the sooner.
        waiting, nodes: As those of `PartitionView`.
        since: When its oldest job began to wait, in seconds of whoever tells.
        unserved: The same of when all of its jobs began to wait: when it was handed in, or the last was handed out.
    """

    partition: Partition
    rank: int
    waiting: int = 0
    nodes: int = 0
    since: float = 0.0
    unserved: float = 0.0


@dataclass(slots=True, eq=False)
class BaseBoard:
    """Partitions that ask for the same of a node.

    Attributes:
        token: Of it, `Partition.needs`.
        needs: That.
        rows: By partition.
        waiting: Jobs of each rank that no node has.
        nodes: How many nodes take work from any of them.
        able, holders: As those of `PartitionView`, told last.
    """

    token: str
    needs: FarmNeeds
    rows: dict[Partition, BoardRow] = field(default_factory=dict)
    waiting: list[int] = field(default_factory=lambda: [0, 0, 0])
    nodes: int = 0
    able: int = 0
    holders: int = 0

    def oldest(self, rank: int) -> float:
        """Since when the oldest job of a rank waits. There has to be one."""
        return min(row.since for row in self.rows.values() if row.waiting and row.rank == rank)


@dataclass(slots=True, eq=False)
class Board:
    """Everything that was told.

    Attributes:
        bases: By their token.
    """

    bases: dict[str, BaseBoard] = field(default_factory=dict)

    @classmethod
    def of(cls, views: Sequence[PartitionView]) -> "Board":
        """One of what is known at one moment, which is its 0."""
        board = cls()
        for view in views:
            board.note(view, 0.0)
        return board

    def note(self, view: PartitionView, at: float) -> None:
        """Take what is known of a partition now, instead of what was.

        Args:
            at: Now, in seconds of any clock, always the same one.
        """
        partition = view.partition
        base = self.bases.get(partition.needs)
        if base is None:
            base = self.bases[partition.needs] = BaseBoard(partition.needs, view.needs)
        row = base.rows.get(partition)
        if row is None:
            row = base.rows[partition] = BoardRow(partition, _RANK[partition.priority])
        base.waiting[row.rank] += view.waiting - row.waiting
        base.nodes += view.nodes - row.nodes
        base.able, base.holders = view.able, view.holders
        row.waiting, row.nodes, row.since = view.waiting, view.nodes, at - view.oldest_s
        row.unserved = row.since if view.unserved_s is None else max(row.since, at - view.unserved_s)

    def row(self, partition: Partition) -> BoardRow | None:
        """What is known of a partition; None: nothing."""
        base = self.bases.get(partition.needs)
        return None if base is None else base.rows.get(partition)
