"""A run: what happens next happens, at its time, until every job has a result. Nodes choose as those of a farm do."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from kilnmark.farm.names import Partition
from kilnmark.farm.placement.board import Board
from kilnmark.farm.placement.choice import choose_from
from kilnmark.farm.placement.views import NodeView, PartitionView, Policy
from scripts.farm_sim.load import DrawnNode, DrawnStack
from scripts.farm_sim.model import Farm
from scripts.farm_sim.parts import SimNode, SimPartition, Spent

__all__ = ["Run"]

_IDLE = 1.0
"""Seconds after which a node that found nothing looks again, once there is news."""


@dataclass(eq=False)
class Run:
    """One of a farm.

    Attributes:
        farm, stacks, drawn, policy: What is run, under which bounds.
        spent: What nodes' time went for.
        done, dead, redelivered: Jobs.
        now: Seconds since the beginning.
        choices: How often a node chose.
    """

    farm: Farm
    stacks: list[DrawnStack]
    drawn: list[DrawnNode]
    policy: Policy = field(default_factory=Policy)
    spent: Spent = field(default_factory=Spent)
    done: int = 0
    dead: int = 0
    redelivered: int = 0
    now: float = 0.0
    choices: int = 0

    def __post_init__(self) -> None:
        self.partitions = {stack.partition: SimPartition(stack) for stack in self.stacks}
        self.nodes = [SimNode.of(each, self.farm.bases) for each in self.drawn]
        self._chance = random.Random(self.farm.seed)  # noqa: S311  # a model
        self._board = Board()
        self._changed: set[Partition] = set()
        self._heard = -self.farm.heard_s
        self._idle: dict[str, SimNode] = {}
        self._is_woken = False
        self._next: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._count = 0

    def run(self) -> None:
        """Until every job is done or dead."""
        for partition in self.partitions.values():
            for moment, end in partition.drawn.bursts:
                self._at(moment, self._hand_in, partition, end)
        for node in self.nodes:
            self._idle[node.drawn.name] = node
            for begun, ended in node.drawn.away:
                self._at(begun, self._go, node)
                if ended < float("inf"):
                    self._at(ended, self._come, node)
        jobs = sum(len(stack.work) for stack in self.stacks)
        while self.done + self.dead < jobs:
            self.now, _, happens, what = heapq.heappop(self._next)
            happens(*what)

    def _at(self, moment: float, happens: Callable[..., None], *what: object) -> None:
        self._count += 1
        heapq.heappush(self._next, (moment, self._count, happens, what))

    def _hand_in(self, partition: SimPartition, end: int) -> None:
        partition.arrived = end
        self._news(partition)

    def _news(self, partition: SimPartition) -> None:
        self._changed.add(partition.drawn.partition)
        partition.counted(self.now)
        if self._idle and not self._is_woken:
            self._is_woken = True
            self._at(max(self.now + _IDLE, self._heard + self.farm.heard_s), self._wake)

    def _wake(self) -> None:
        self._is_woken = False
        nodes, self._idle = list(self._idle.values()), {}
        for node in nodes:
            self._free(node)

    def _hear(self) -> None:
        """Let everybody know what changed since they heard last."""
        self._heard = self.now
        able = {base.name: sum(node.is_up and node.can_hold(base) for node in self.nodes) for base in self.farm.bases}
        held = {base.name: sum(base in node.held for node in self.nodes) for base in self.farm.bases}
        for key in self._changed:
            partition = self.partitions[key]
            base, waiting = partition.drawn.base.name, partition.waiting
            oldest_s = self.now - partition.oldest() if waiting else 0.0
            view = PartitionView(
                key,
                partition.drawn.needs,
                waiting,
                partition.running,
                oldest_s,
                partition.nodes,
                able[base],
                held[base],
                self.now - partition.handed,
            )
            self._board.note(view, self.now)
        self._changed.clear()

    def _free(self, node: SimNode) -> None:
        """Let a node take its next job, or be idle."""
        if self.now - self._heard >= self.farm.heard_s:
            self._hear()
        current = node.current
        view = NodeView(
            node.info,
            None if current is None else current.drawn.partition,
            node.stayed,
            self.now - node.stayed_since,
            self.now - node.base_since,
        )
        while (chosen := choose_from(self._board, view, self.policy, self.now)) is not None:
            self.choices += 1
            partition = self.partitions[chosen]
            if partition.waiting:
                self._take(node, partition)
                return
            self._board.note(PartitionView(chosen, partition.drawn.needs, 0, nodes=partition.nodes), self.now)
        self._leave_partition(node)
        self._idle[node.drawn.name] = node

    def _take(self, node: SimNode, partition: SimPartition) -> None:
        drawn, spent = partition.drawn, self.spent
        began = self.now + self._made_ready(node, partition)
        job = partition.take(self.now)
        seconds = drawn.work[job] / node.drawn.speed
        spent.overhead_s += self.farm.overhead_s
        partition.running += 1
        node.job = (partition, job, seconds, began)
        self._news(partition)
        self._at(began + seconds + self.farm.overhead_s, self._finish, node, node.epoch)

    def _made_ready(self, node: SimNode, partition: SimPartition) -> float:
        """Go over to a partition where the node is at another; seconds until it can render."""
        if node.current is partition:
            node.stayed += 1
            return 0.0
        drawn, spent, seconds = partition.drawn, self.spent, 0.0
        if node.current is None or node.current.drawn.base is not drawn.base:
            node.base_since = self.now
        self._leave_partition(node)
        node.current, node.stayed, node.stayed_since = partition, 1, self.now
        partition.nodes += 1
        if drawn.base not in node.held:
            node.hold(drawn.base)
            spent.loads, spent.load_s, seconds = spent.loads + 1, spent.load_s + drawn.base.load_s, drawn.base.load_s
        if node.on.get(drawn.base.name) != drawn.partition.stack:
            node.on[drawn.base.name] = drawn.partition.stack
            spent.switches, spent.switch_s = spent.switches + 1, spent.switch_s + drawn.switch_s
            seconds += drawn.switch_s
        if drawn.partition not in node.kept:
            node.kept.add(drawn.partition)
            spent.content_s += drawn.content_s
            seconds += drawn.content_s
        return seconds

    def _leave_partition(self, node: SimNode) -> None:
        if node.current is not None:
            left, node.current, node.stayed = node.current, None, 0
            left.nodes -= 1
            self._news(left)

    def _finish(self, node: SimNode, epoch: int) -> None:
        if node.epoch != epoch or node.job is None:
            return  # of a life that is over
        partition, _, seconds, _ = node.job
        node.job = None
        partition.running -= 1
        partition.done += 1
        self.spent.render_s += seconds
        self.done += 1
        self._free(node)

    def _go(self, node: SimNode) -> None:
        """A node is away from now on, and its job waits for its lease to end."""
        job, node.is_up = node.job, False
        self._idle.pop(node.drawn.name, None)
        self._leave_partition(node)
        node.lose_all()
        if job is not None:
            partition, number, _, began = job
            self.spent.redone_s += max(0.0, self.now - began)
            lease = self.farm.lease_s * self._chance.uniform(2 / 3, 1)
            self._at(self.now + lease, self._hand_out_again, partition, number)

    def _hand_out_again(self, partition: SimPartition, job: int) -> None:
        partition.running -= 1
        times = partition.deliveries[job] = partition.deliveries.get(job, 1) + 1
        if times > self.farm.deliveries:
            self.dead += 1
        else:
            self.redelivered += 1
            partition.again.append(job)
        self._news(partition)

    def _come(self, node: SimNode) -> None:
        node.is_up = True
        self._free(node)
