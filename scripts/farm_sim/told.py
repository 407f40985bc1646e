"""The figures of a run: how long, against what, how much was for nothing, and who waited."""

from collections.abc import Sequence

import msgspec

from scripts.farm_sim.bound import perfect_packing
from scripts.farm_sim.model import statement
from scripts.farm_sim.parts import SimPartition
from scripts.farm_sim.run import Run

__all__ = ["SimFigures", "figures_of"]


class SimFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What is written.

    Attributes:
        nodes, jobs, stacks: How many.
        results, lost, dead: Jobs with a result, without one, and given up.
        makespan_s: Until the last result.
        perfect_s: The bound of perfect packing.
        of_perfect_packing: The one by the other.
        redelivered: Jobs that were handed out again.
        redone_s, redone_share: Seconds of renders that came to nothing, and their share of all.
        switches, switches_per_stack: Of stacks on bases, of all nodes; the second for each stack.
        loads: Of bases.
        lost_to: Shares of the nodes' time that went for loads, switches, files, overhead, redone renders, and idling,
            before there was work, for want of it, and at the end.
        wait_mean_s, wait_max_over_mean, wait_jain: Of stacks at normal priority, by the mean wait of each; Jain's index
            is 1 where all wait equally long. A stack of many jobs waits for itself.
        first_mean_s, first_max_s: From when a stack at normal priority is handed in until a node has its first job.
        high_wait_mean_s, high_wait_max_s: Of jobs at high priority.
        alone_most_s: The longest that a normal stack with work had no node.
        choices: How often nodes chose.
        model: In words.
    """

    nodes: int
    jobs: int
    stacks: int
    results: int
    lost: int
    dead: int
    makespan_s: float
    perfect_s: float
    of_perfect_packing: float
    redelivered: int
    redone_s: float
    redone_share: float
    switches: int
    switches_per_stack: float
    loads: int
    lost_to: dict[str, float]
    wait_mean_s: float
    wait_max_over_mean: float
    wait_jain: float
    first_mean_s: float
    first_max_s: float
    high_wait_mean_s: float
    high_wait_max_s: float
    alone_most_s: float
    choices: int
    model: list[str]


def figures_of(run: Run) -> SimFigures:
    """Of a run that is over."""
    spent, partitions = run.spent, list(run.partitions.values())
    jobs = sum(len(stack.work) for stack in run.stacks)
    perfect = perfect_packing(run.stacks, run.drawn, run.now)
    up = sum(run.now - sum(_within(each, run.now) for each in node.away) for node in run.drawn)
    used = {
        "loads": spent.load_s,
        "switches": spent.switch_s,
        "files": spent.content_s,
        "overhead": spent.overhead_s,
        "redone": spent.redone_s,
    }
    used["idle"] = up - spent.render_s - sum(used.values())
    normal = _waits(partitions, "normal")
    first = [each.first - each.drawn.bursts[0][0] for each in partitions if each.drawn.partition.priority == "normal"]
    high = [each for each in partitions if each.drawn.partition.priority == "high"]
    high_jobs = sum(each.taken for each in high)
    return SimFigures(
        nodes=len(run.nodes),
        jobs=jobs,
        stacks=len(partitions),
        results=run.done,
        lost=jobs - run.done - run.dead,
        dead=run.dead,
        makespan_s=round(run.now, 1),
        perfect_s=round(perfect, 1),
        of_perfect_packing=round(perfect / run.now, 4),
        redelivered=run.redelivered,
        redone_s=round(spent.redone_s, 1),
        redone_share=round(spent.redone_s / (spent.render_s + spent.redone_s), 6),
        switches=spent.switches,
        switches_per_stack=round(spent.switches / len(partitions), 2),
        loads=spent.loads,
        lost_to={name: round(seconds / up, 5) for name, seconds in used.items()},
        wait_mean_s=round(sum(normal) / len(normal), 1) if normal else 0.0,
        wait_max_over_mean=round(max(normal) / (sum(normal) / len(normal)), 2) if any(normal) else 1.0,
        wait_jain=round(sum(normal) ** 2 / (len(normal) * sum(each**2 for each in normal)), 3) if any(normal) else 1.0,
        first_mean_s=round(sum(first) / len(first), 1) if first else 0.0,
        first_max_s=round(max(first, default=0.0), 1),
        high_wait_mean_s=round(sum(each.waited for each in high) / high_jobs, 1) if high_jobs else 0.0,
        high_wait_max_s=round(max((each.waited_most for each in high), default=0.0), 1),
        alone_most_s=round(
            max((each.alone_most for each in partitions if each.drawn.partition.priority == "normal"), default=0.0), 1
        ),
        choices=run.choices,
        model=statement(run.farm),
    )


def _within(away: tuple[float, float], until: float) -> float:
    return max(0.0, min(away[1], until) - min(away[0], until))


def _waits(partitions: Sequence[SimPartition], priority: str) -> list[float]:
    """The mean wait of each partition's jobs."""
    return [each.waited / each.taken for each in partitions if each.drawn.partition.priority == priority and each.taken]
