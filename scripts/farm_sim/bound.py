"""Perfect packing: the earliest moment at which any schedule can be through, whatever it knows in advance.

Work is taken to be divisible and to move between nodes for nothing; a base is always where it is wanted. What is left
is that a base needs its room, that nodes are as fast as they are and away when they are, and that nothing is rendered
before it is handed in. Since a node with more room can do all that one with less can, the bound is the greatest, over
every base and every moment, of when the nodes with room for this base are through with all work that needs as much room
or more and is handed in at that moment or later.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scripts.farm_sim.load import DrawnNode, DrawnStack

__all__ = ["perfect_packing"]


def perfect_packing(stacks: Sequence[DrawnStack], nodes: Sequence[DrawnNode], until: float) -> float:
    """Its makespan, in seconds.

    Args:
        stacks, nodes: As drawn.
        until: A moment at which all work is known to be done.
    """
    least = max(_shortest(stack, nodes) for stack in stacks)
    for size in sorted({stack.base.size for stack in stacks}):
        able = [node for node in nodes if node.kind.room >= size]
        moments, work = _handed_in([stack for stack in stacks if stack.base.size >= size])
        times, done = _capacity(able, until)
        through = np.interp(np.interp(moments, times, done) + work, done, times)
        least = max(least, float(through.max()))
    return least


def _shortest(stack: DrawnStack, nodes: Sequence[DrawnNode]) -> float:
    """When the last job of a stack can be done by the fastest of its nodes."""
    fastest = max(node.speed for node in nodes if node.kind.room >= stack.base.size)
    return stack.bursts[-1][0] + stack.work[-1] / fastest


def _handed_in(stacks: Sequence[DrawnStack]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every moment at which work is handed in, and the seconds of what is handed in then or later."""
    bursts: list[tuple[float, float]] = []
    for stack in stacks:
        sums, begun = np.cumsum(stack.work), 0.0
        for moment, end in stack.bursts:
            bursts.append((moment, float(sums[end - 1]) - begun))
            begun = float(sums[end - 1])
    bursts.sort()
    moments, work = np.array([moment for moment, _ in bursts]), np.array([seconds for _, seconds in bursts])
    return moments, np.cumsum(work[::-1])[::-1]


def _capacity(nodes: Sequence[DrawnNode], until: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Moments, and the seconds at speed 1 that nodes can have worked by each."""
    changes: dict[float, float] = {0.0: sum(node.speed for node in nodes), until: 0.0}
    for node in nodes:
        for begun, ended in node.away:
            for moment, change in ((begun, -node.speed), (ended, node.speed)):
                if moment < until:
                    changes[moment] = changes.get(moment, 0.0) + change
    times = np.array(sorted(changes))
    speed = np.cumsum([changes[moment] for moment in times])
    return times, np.concatenate(([0.0], np.cumsum(np.diff(times) * speed[:-1])))
