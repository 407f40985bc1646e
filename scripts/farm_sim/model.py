"""What is modelled: bases, kinds of nodes, how they fail, and what is handed in when. Nothing runs here.

Times are seconds, sizes bytes. A render of so many seconds takes those on a node of speed 1.
"""

from dataclasses import dataclass, replace

__all__ = ["BASES", "SMALL", "STATED", "BaseKind", "Farm", "NodeKind", "Outages", "statement"]

GB = 10**9
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class BaseKind:
    """A base.

    Attributes:
        size: What it takes of memory.
        load_s: To read and warm it, the same on all nodes: disks differ less than processors.
        render_s: The median of a render at speed 1.
        share: Of all jobs.
    """

    name: str
    size: int
    load_s: float
    render_s: float
    share: float


@dataclass(frozen=True, slots=True)
class Outages:
    """How often nodes are away and for how long.

    Attributes:
        mean_up_s: Seconds between the end of one outage and the next; Weibull of shape 0.7, whose rate falls with time.
        mean_down_s: Seconds of one; lognormal of sigma 1.
        source: Where the numbers are from.
    """

    mean_up_s: float
    mean_down_s: float
    source: str


@dataclass(frozen=True, slots=True)
class NodeKind:
    """Nodes that are alike but for some speed.

    Attributes:
        share: Of all nodes.
        room: For bases.
        speed: The median; lognormal of sigma 0.25.
    """

    name: str
    share: float
    room: int
    speed: float
    outages: Outages


@dataclass(frozen=True, slots=True)
class Farm:
    """One run.

    Attributes:
        nodes, jobs, stacks: How many.
        bases, kinds: Which.
        zipf: Sizes of stacks fall with this power of their rank; 0: all are equally large.
        high, low: Shares of the stacks that are handed in at these priorities.
        at_once: Share of the stacks that are handed in within the first hour.
        span_s: Within which the rest is handed in, more of it by day.
        switch_s: The bounds between which putting a stack on a base lies.
        content_s: The median of fetching a stack's files the first time that a node has it.
        overhead_s: Of each job, beside its render.
        lease_s: After the last word of a node its job is handed out again; it speaks three times within.
        deliveries: How often a job is handed out before it is dead.
        heard_s: For so long what nodes know of work and of each other is old.
        dying: When a share of the nodes goes for good, and which.
        seed: Of everything drawn.
    """

    nodes: int
    jobs: int
    stacks: int
    bases: tuple[BaseKind, ...]
    kinds: tuple[NodeKind, ...]
    zipf: float = 1.0
    high: float = 0.04
    low: float = 0.10
    at_once: float = 0.5
    span_s: float = 60000.0
    switch_s: tuple[float, float] = (0.3, 2.5)
    content_s: float = 2.0
    overhead_s: float = 0.03
    lease_s: float = 30.0
    deliveries: int = 5
    heard_s: float = 5.0
    dying: tuple[float, float] = (0.0, 0.0)
    seed: int = 1


BASES = (
    BaseKind("small", 7 * GB, load_s=12.0, render_s=5.0, share=0.45),
    BaseKind("middle", 17 * GB, load_s=30.0, render_s=12.0, share=0.40),
    BaseKind("large", 34 * GB, load_s=60.0, render_s=25.0, share=0.15),
)

_ROOM = Outages(
    mean_up_s=264 * DAY,
    mean_down_s=6 * 3600.0,
    source="419 unexpected interruptions of 2,048 machines with 8 GPUs each in 54 days (Llama 3, 2024): one in 264 days"
    " a machine; repairs lognormal, times between failures Weibull with a falling rate (Schroeder and Gibson, 2006)",
)
_DESK = Outages(
    mean_up_s=DAY,
    mean_down_s=3600.0,
    source="ours: a machine on a desk sleeps, restarts or is taken away once a day, for an hour",
)
KINDS = (
    NodeKind("desk", 0.4, 12 * GB, speed=0.5, outages=_DESK),
    NodeKind("studio", 0.4, 30 * GB, speed=1.0, outages=_DESK),
    NodeKind("card", 0.2, 72 * GB, speed=3.0, outages=_ROOM),
)

STATED = Farm(nodes=100, jobs=1_000_000, stacks=500, bases=BASES, kinds=KINDS)
"""The load that the promise is for."""

SMALL = replace(STATED, nodes=10, jobs=5000, stacks=20, span_s=3000.0)
"""One that takes less than a second."""


def statement(farm: Farm) -> list[str]:
    """The model in lines, as it is printed beside the figures."""
    lines = [f"{farm.nodes} nodes, {farm.jobs:,} jobs, {farm.stacks} stacks, seed {farm.seed}"]
    lines += [
        f"base {base.name}: {base.size / GB:.0f} GB, loads in {base.load_s:.0f} s, renders in {base.render_s:.0f} s at"
        f" speed 1, {base.share:.0%} of the jobs"
        for base in farm.bases
    ]
    for kind in farm.kinds:
        up, down = kind.outages.mean_up_s / 3600, kind.outages.mean_down_s / 3600
        lines.append(
            f"{kind.share:.0%} of the nodes are {kind.name}: {kind.room / GB:.0f} GB for bases, speed {kind.speed:g},"
            f" away every {up:,.0f} h for {down:g} h ({kind.outages.source})"
        )
    switch, first = farm.switch_s, farm.at_once
    return [
        *lines,
        f"sizes of stacks fall as 1/rank^{farm.zipf:g}; {farm.high:.0%} are at high, {farm.low:.0%} at low priority",
        f"{first:.0%} of the stacks are handed in within the first hour, the rest within {farm.span_s / 3600:.0f} h",
        f"a switch takes {switch[0]:g} to {switch[1]:g} s, a stack's files {farm.content_s:g} s once on each node",
        f"a job takes {farm.overhead_s * 1000:.0f} ms beside its render; news reach nodes within {farm.heard_s:g} s",
        f"a job of a lost node is handed out again within {farm.lease_s:g} s, {farm.deliveries} times in all",
    ]
