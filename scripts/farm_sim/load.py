"""The load and the nodes of a run, drawn from its seed: what jobs take, when they come, when nodes are away."""

import math
from dataclasses import dataclass, field

import numpy as np

from kilnmark.farm.documents import FarmNeeds
from kilnmark.farm.names import Partition
from scripts.farm_sim.model import BaseKind, Farm, NodeKind

__all__ = ["DrawnNode", "DrawnStack", "draw_load", "draw_nodes"]

_JITTER = 0.2
"""Of a render's time, lognormal."""

_BURSTS = 12
"""Of a stack, at the most."""

_FIRST_HOUR = 3600.0
_HORIZON = 10 * 86400.0
"""Until then it is drawn when nodes are away."""


@dataclass(slots=True, eq=False)
class DrawnStack:
    """The jobs of one partition.

    Attributes:
        partition, base, needs: Of them.
        switch_s, content_s: What it takes to have it on a base, and on a node.
        work: Seconds of each job at speed 1, in the order in which they are handed in.
        bursts: When so many of them, all in all, have been handed in.
    """

    partition: Partition
    base: BaseKind
    needs: FarmNeeds
    switch_s: float
    content_s: float
    work: list[float]
    bursts: list[tuple[float, int]]


@dataclass(slots=True, eq=False)
class DrawnNode:
    """A node.

    Attributes:
        away: From when to when it is, in order.
    """

    name: str
    kind: NodeKind
    speed: float
    away: list[tuple[float, float]] = field(default_factory=list)


def draw_load(farm: Farm) -> list[DrawnStack]:
    """All partitions, the largest stacks first."""
    chance = np.random.default_rng([farm.seed, 1])
    sizes = _sizes(farm)
    bases = _bases(farm, sizes)
    needs = {base.name: FarmNeeds(variant=base.name, version="1", keymaps="k", bytes=base.size) for base in farm.bases}
    ranks = chance.random(farm.stacks)
    drawn = []
    for number, (size, base) in enumerate(zip(sizes, bases, strict=True)):
        priority = "high" if ranks[number] < farm.high else "low" if ranks[number] > 1 - farm.low else "normal"
        stack_s = base.render_s * math.exp(chance.normal(0.0, 0.3))
        drawn.append(
            DrawnStack(
                Partition(base.name, f"stack{number:03d}", priority),
                base,
                needs[base.name],
                float(chance.uniform(*farm.switch_s)),
                farm.content_s * math.exp(chance.normal(0.0, 0.5)),
                (stack_s * np.exp(chance.normal(0.0, _JITTER, size))).tolist(),
                _bursts(farm, chance, size),
            )
        )
    return drawn


def draw_nodes(farm: Farm) -> list[DrawnNode]:
    """All nodes, and when they are away."""
    chance = np.random.default_rng([farm.seed, 2])
    nodes: list[DrawnNode] = []
    for kind in farm.kinds:
        for _ in range(round(kind.share * farm.nodes)):
            node = DrawnNode(f"{kind.name}{len(nodes):03d}", kind, kind.speed * math.exp(chance.normal(0.0, 0.25)))
            node.away = _away(kind, chance)
            nodes.append(node)
    since, share = farm.dying
    for node in nodes[: round(share * len(nodes))]:
        node.away = [each for each in node.away if each[1] < since] + [(since, math.inf)]
    return nodes


def _sizes(farm: Farm) -> list[int]:
    weights = np.arange(1, farm.stacks + 1) ** -farm.zipf
    sizes = np.maximum(1, np.floor(weights / weights.sum() * farm.jobs)).astype(int)
    sizes[0] += farm.jobs - sizes.sum()
    return [int(size) for size in sizes]


def _bases(farm: Farm, sizes: list[int]) -> list[BaseKind]:
    """The base of each stack, so that each base has its share of the jobs as nearly as stacks allow."""
    left = {base: base.share * farm.jobs for base in farm.bases}
    chosen = []
    for size in sizes:
        base = max(left, key=lambda each: left[each])
        left[base] -= size
        chosen.append(base)
    return chosen


def _bursts(farm: Farm, chance: np.random.Generator, size: int) -> list[tuple[float, int]]:
    if chance.random() < farm.at_once:
        return [(float(chance.uniform(0.0, min(_FIRST_HOUR, farm.span_s))), size)]
    count = min(size, int(chance.integers(1, _BURSTS + 1)))
    moments = sorted(_by_day(chance, farm.span_s) for _ in range(count))
    ends = np.linspace(0, size, count + 1)[1:].round().astype(int)
    return [(moment, int(end)) for moment, end in zip(moments, ends, strict=True)]


def _by_day(chance: np.random.Generator, span_s: float) -> float:
    """A moment of the span: three times as many by day as by night, the first day beginning in the evening."""
    while True:
        moment = float(chance.uniform(0.0, span_s))
        if chance.random() < 0.625 - 0.375 * math.cos(2 * math.pi * (moment / 86400.0 - 0.2)):
            return moment


def _away(kind: NodeKind, chance: np.random.Generator) -> list[tuple[float, float]]:
    shape, now = 0.7, 0.0
    scale = kind.outages.mean_up_s / math.gamma(1 + 1 / shape)
    away = []
    while now < _HORIZON:
        begun = now + scale * float(chance.weibull(shape))
        now = begun + kind.outages.mean_down_s * math.exp(chance.normal(-0.5, 1.0))
        away.append((begun, now))
    return away
