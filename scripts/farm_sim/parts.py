"""What moves in a run: partitions with the jobs that wait in them, and nodes with what they hold and have."""

from collections import deque
from dataclasses import dataclass, field

import msgspec

from kilnmark.farm.documents import NodeInfo, ServedBase
from kilnmark.farm.names import Partition
from kilnmark.protocol.wire.memory import BaseInfo
from scripts.farm_sim.load import DrawnNode, DrawnStack
from scripts.farm_sim.model import BaseKind

__all__ = ["SimNode", "SimPartition", "Spent"]


@dataclass(slots=True)
class Spent:
    """Seconds of nodes that are up, by what they are spent for, and how often."""

    render_s: float = 0.0
    redone_s: float = 0.0
    load_s: float = 0.0
    switch_s: float = 0.0
    content_s: float = 0.0
    overhead_s: float = 0.0
    loads: int = 0
    switches: int = 0


@dataclass(slots=True, eq=False)
class SimPartition:
    """A stack's jobs.

    Attributes:
        drawn: What they take.
        arrived, taken: How many were handed in, and handed out for the first time.
        burst: The first whose jobs are not all handed out.
        again: Jobs that are handed out again, first.
        deliveries: Of those that are, or were, how often.
        first, handed: When one was handed out first, and last.
        nodes: How many nodes take work from it.
        running: Jobs that nodes have.
        waited, waited_most: Seconds from being handed in to being handed out first, summed and the most.
        alone_since, alone_most: Since when it has work and no node, and the longest that that lasted.
    """

    drawn: DrawnStack
    arrived: int = 0
    taken: int = 0
    burst: int = 0
    again: deque[int] = field(default_factory=deque)
    deliveries: dict[int, int] = field(default_factory=dict)
    first: float = 0.0
    handed: float = 0.0
    nodes: int = 0
    running: int = 0
    done: int = 0
    waited: float = 0.0
    waited_most: float = 0.0
    alone_since: float | None = None
    alone_most: float = 0.0

    @property
    def waiting(self) -> int:
        """Jobs that no node has."""
        return self.arrived - self.taken + len(self.again)

    def oldest(self) -> float:
        """When its next job was handed in."""
        return self.drawn.bursts[min(self.burst, len(self.drawn.bursts) - 1)][0]

    def take(self, now: float) -> int:
        """The next job; there has to be one."""
        self.handed = now
        self.first = self.first if self.taken else now
        if self.again:
            return self.again.popleft()
        job, bursts = self.taken, self.drawn.bursts
        while job >= bursts[self.burst][1]:
            self.burst += 1
        waited = now - bursts[self.burst][0]
        self.waited += waited
        self.waited_most = max(self.waited_most, waited)
        self.taken += 1
        return job

    def counted(self, now: float) -> None:
        """See whether it has work and no node."""
        if self.waiting and not self.nodes:
            if self.alone_since is None:
                self.alone_since = now
        elif self.alone_since is not None:
            self.alone_most = max(self.alone_most, now - self.alone_since)
            self.alone_since = None


@dataclass(slots=True, eq=False)
class SimNode:
    """A node.

    Attributes:
        drawn: How fast it is, and when it is away.
        bases: All that there are.
        info: What it says of itself.
        held: Bases in its memory, the one that was used last at the end.
        on: The stack on each of those.
        kept: Stacks whose files it has.
        current, stayed, stayed_since, base_since: For its view.
        job: What it renders: partition, number, seconds, and when it began.
        epoch: Of its life, so that nothing of an earlier one counts.
    """

    drawn: DrawnNode
    bases: tuple[BaseKind, ...]
    info: NodeInfo
    held: list[BaseKind] = field(default_factory=list)
    on: dict[str, str] = field(default_factory=dict)
    kept: set[Partition] = field(default_factory=set)
    current: SimPartition | None = None
    stayed: int = 0
    stayed_since: float = 0.0
    base_since: float = 0.0
    job: tuple[SimPartition, int, float, float] | None = None
    epoch: int = 0
    is_up: bool = True

    @classmethod
    def of(cls, drawn: DrawnNode, bases: tuple[BaseKind, ...]) -> "SimNode":
        """One that holds nothing yet."""
        served = tuple(ServedBase(variant=base.name, bytes=base.size) for base in bases)
        info = NodeInfo(
            name=drawn.name, version="1", keymaps="k", state="idle", bases=served, base_bytes=drawn.kind.room
        )
        return cls(drawn, bases, info)

    def can_hold(self, base: BaseKind) -> bool:
        """Whether there is room for it at all."""
        return base.size <= self.drawn.kind.room

    def hold(self, base: BaseKind) -> None:
        """Have a base in memory, and those that were not used for longest out of it where that needs room."""
        while self.held and sum(each.size for each in self.held) + base.size > self.drawn.kind.room:
            self.on.pop(self.held.pop(0).name, None)
        self.held.append(base)
        self._tell()

    def lose_all(self) -> None:
        """Be as after a start."""
        self.held, self.on, self.current, self.job, self.stayed = [], {}, None, None, 0
        self.epoch += 1
        self._tell()

    def _tell(self) -> None:
        has = {base.name for base in self.held}
        bases = tuple(
            msgspec.structs.replace(each, base=_info(each.variant, each.bytes) if each.variant in has else None)
            for each in self.info.bases
        )
        self.info = msgspec.structs.replace(self.info, bases=bases)


def _info(variant: str, size: int) -> BaseInfo:
    return BaseInfo(
        variant=variant,
        fingerprint="f",
        precision="bfloat16",
        quantize=None,
        backend="cuda",
        target_count=1,
        memory_bytes=size,
        load_ms=0.0,
        mlx_version="",
        mflux_version="",
    )
