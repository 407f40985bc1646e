"""What the rules go by: the bounds, what is known of a partition, and what is known of the node that asks.

Ages and durations come from whoever asks, who has them by the broker's clock or by a monotonic one; no rule reads one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from kilnmark.farm.documents import FarmNeeds, NodeInfo
from kilnmark.farm.names import Partition

__all__ = ["NodeView", "PartitionView", "Policy", "fits", "holds", "reach", "refusal", "takes_work"]


@dataclass(frozen=True, slots=True)
class Policy:
    """The bounds.

    Attributes:
        stay_jobs: After so many jobs of one stack in a row others that wait come first.
        stay_s: Seconds of the same.
        base_stay_s: Seconds that a node keeps to a base, which is dear to load, while others wait for a node of theirs.
        oldest_s: Seconds after which a base that no node works for ends that sooner, with the stay on a stack; and four
            times of which make a `low` job a `normal` one.
        join_jobs: So many jobs have to wait for each node, before another one loads their base although it has other
            work.
        patience_s: Seconds that a `high` job is left to the nodes that hold its base, as long as there are enough.
        race_after: A last render that takes so many times what its like took is raced by a second node; None: none is.
    """

    stay_jobs: int = 200
    stay_s: float = 600.0
    base_stay_s: float = 1800.0
    oldest_s: float = 900.0
    join_jobs: int = 4
    patience_s: float = 30.0
    race_after: float | None = None


@dataclass(frozen=True, slots=True)
class PartitionView:
    """What is known of a partition.

    Attributes:
        needs: Of its nodes.
        waiting: Jobs that no node has.
        running: Jobs that nodes have.
        oldest_s: Seconds that the oldest waits.
        nodes: How many nodes take work from it now.
        able: How many nodes can do its work; 0: nobody counted.
        holders: How many of them hold its base now.
        unserved_s: Seconds since one of its jobs was handed out last, where that is known; None: as the oldest waits.
    """

    partition: Partition
    needs: FarmNeeds
    waiting: int
    running: int = 0
    oldest_s: float = 0.0
    nodes: int = 0
    able: int = 0
    holders: int = 0
    unserved_s: float | None = None


@dataclass(frozen=True, slots=True)
class NodeView:
    """What is known of the node that asks.

    Attributes:
        info: As it says of itself.
        current: Where it took its last job from; None: it had none.
        stayed: How many it has taken from there in a row.
        stayed_s: Seconds since the first of those.
        base_s: Seconds since its first job in a row for the same base.
    """

    info: NodeInfo
    current: Partition | None = None
    stayed: int = 0
    stayed_s: float = 0.0
    base_s: float = 0.0


def takes_work(node: NodeInfo) -> bool:
    """Whether it takes any now."""
    return node.state in {"idle", "working"}


def fits(needs: FarmNeeds, node: NodeInfo) -> bool:
    """Whether a node can do a job: it serves the base, has room for it, and computes the same."""
    if needs.version != node.version or needs.keymaps != node.keymaps:
        return False
    for served in node.bases:
        if served.variant != needs.variant:
            continue
        known = served.base or served.known
        if known is None:
            return not node.base_bytes or max(needs.bytes, served.bytes) <= node.base_bytes
        same_numerics = needs.numerics is None or known.numerics == needs.numerics
        return same_numerics and needs.fingerprint in {"", known.fingerprint}
    return False


def refusal(needs: str, stack: str, node: NodeInfo) -> str:
    """Why a node does not do work that it fits; empty where it does.

    Args:
        needs, stack: As those of `Partition`; an empty stack: all work for that base is meant.
    """
    return next((each.why for each in node.refused if each.needs == needs and each.stack in {"", stack}), "")


def holds(variant: str, node: NodeInfo) -> bool:
    """Whether a base is in its memory now."""
    return any(served.base is not None for served in node.bases if served.variant == variant)


def reach(needs: FarmNeeds, nodes: Iterable[NodeInfo]) -> tuple[int, int]:
    """How many nodes can do work, and how many of them hold its base now: `able` and `holders` of a `PartitionView`.

    Args:
        nodes: Those that are not lost, the one that asks among them.
    """
    able = [node for node in nodes if takes_work(node) and fits(needs, node)]
    able = [node for node in able if not node.refused or not refusal(needs.token, "", node)]
    return len(able), sum(holds(needs.variant, node) for node in able)
