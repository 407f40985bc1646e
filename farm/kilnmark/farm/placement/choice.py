"""Which partition a node takes its next job from: rules alone, over what is known of nodes and of work.

A node keeps the stack that is on its base as long as there is work for it, since a switch costs time and a load costs
more; nobody waits longer for that than the policy has it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kilnmark.farm.documents import FarmNeeds, NodeInfo
from kilnmark.farm.names import Partition

__all__ = ["NodeView", "PartitionView", "Policy", "choose", "fits"]

_RANK = {"high": 0, "normal": 1, "low": 2}


@dataclass(frozen=True, slots=True)
class Policy:
    """The bounds.

    Attributes:
        stay_jobs: After so many jobs of one stack others that wait come first.
        oldest_s: Seconds that the oldest job of a partition waits before it comes first.
    """

    stay_jobs: int = 200
    oldest_s: float = 900.0


@dataclass(frozen=True, slots=True)
class PartitionView:
    """What is known of a partition.

    Attributes:
        needs: Of its nodes.
        waiting: Jobs that no node has.
        running: Jobs that nodes have.
        oldest_s: Seconds that the oldest waits.
        nodes: How many nodes take work from it now.
    """

    partition: Partition
    needs: FarmNeeds
    waiting: int
    running: int = 0
    oldest_s: float = 0.0
    nodes: int = 0


@dataclass(frozen=True, slots=True)
class NodeView:
    """What is known of the node that asks.

    Attributes:
        info: As it says of itself.
        current: Where it took its last job from; None: it had none.
        stayed: How many it has taken from there in a row.
    """

    info: NodeInfo
    current: Partition | None = None
    stayed: int = 0


def fits(needs: FarmNeeds, node: NodeInfo) -> bool:
    """Whether a node can do a job: it serves the base, has room for it, and computes the same."""
    if (needs.version, needs.keymaps) != (node.version, node.keymaps):
        return False
    for served in node.bases:
        if served.variant != needs.variant:
            continue
        known = served.base or served.known
        if known is None:
            return not node.base_bytes or max(needs.bytes, served.bytes) <= node.base_bytes
        same_numerics = needs.numerics is None or known.numerics == needs.numerics
        return same_numerics and needs.fingerprint in ("", known.fingerprint)
    return False


def choose(node: NodeView, partitions: Sequence[PartitionView], policy: Policy) -> Partition | None:
    """Where the node takes its next job from; None: nothing that it can do waits.

    Args:
        node: Who asks.
        partitions: All that are known, those without work too.
    """
    able = [view for view in partitions if view.waiting > 0 and fits(view.needs, node.info)]
    if not able:
        return None
    best = min(able, key=lambda view: _order(node, view, policy))
    return best.partition


def _order(node: NodeView, view: PartitionView, policy: Policy) -> tuple[float, ...]:
    """The smaller, the sooner."""
    is_current = view.partition == node.current and node.stayed < policy.stay_jobs
    same_stack = node.current is not None and view.partition[:2] == node.current[:2]
    held = any(base.variant == view.needs.variant and base.base is not None for base in node.info.bases)
    overdue = view.oldest_s > policy.oldest_s
    return (
        0.0 if view.partition.priority == "high" else 1.0,
        -view.oldest_s if overdue else 0.0,
        0.0 if is_current else 1.0,
        0.0 if same_stack else 1.0,
        0.0 if held else 1.0,
        float(_RANK[view.partition.priority]),
        (view.nodes + 1) / view.waiting,
        -view.oldest_s,
    )
