"""Why the work of a partition waits, in a sentence for people."""

from collections.abc import Iterable, Sequence

from kilnmark.client.cli.doctor.engine import gigabytes
from kilnmark.farm.documents import FarmNeeds, NodeInfo, ServedBase
from kilnmark.farm.placement.views import PartitionView, fits, refusal, takes_work

__all__ = ["why_waits"]


def why_waits(partition: PartitionView, nodes: Sequence[NodeInfo]) -> str:
    """What the partition waits for; empty where nothing of it waits.

    Args:
        nodes: Those that are not lost.
    """
    if not partition.waiting:
        return ""
    if not nodes:
        return "waits for a node: none is here"
    able = [node for node in nodes if fits(partition.needs, node)]
    if not able:
        return f"waits for a node {_lacking(partition.needs, nodes)}"
    refusals = {node.name: refusal(*partition.partition[:2], node).partition("; ")[0] for node in able}
    able = [node for node in able if not refusals[node.name]]
    if not able:
        said = "; ".join(f"{name} refuses it ({why})" for name, why in refusals.items())
        return f"waits for a node that does it: {said}"
    ready = [node for node in able if takes_work(node)]
    if ready:
        return f"waits for its turn: {_counted(len(ready), 'node')} can do it"
    said = "; ".join(f"{node.name} is {node.state}{_shortly(node.problem)}" for node in able)
    return f"waits for a node that takes work: {said}"


def _shortly(problem: str) -> str:
    """The first of what is said of a node; the rest stands with it."""
    return f" ({problem.partition('; ')[0]})" if problem else ""


def _lacking(needs: FarmNeeds, nodes: Sequence[NodeInfo]) -> str:
    """What the nodes that come nearest do not have."""
    same = [node for node in nodes if node.version == needs.version]
    if not same:
        have = _listed(node.version for node in nodes)
        return f"of kilnmark {needs.version}; those here have {have}: start one, or hand the work in again with theirs"
    reading = [node for node in same if node.keymaps == needs.keymaps]
    if not reading:
        return f"that reads adapters as the submitter does ({needs.keymaps[:12]}); install the same build on both"
    served = [(node, base) for node in reading for base in node.bases if base.variant == needs.variant]
    if not served:
        return f"that serves {needs.variant}"
    computing = [base for _, base in served if _computes(needs, base)]
    if not computing:
        found = _listed(known.numerics for _, base in served if (known := base.base or base.known))
        return f"that computes {needs.variant} in {needs.numerics}; those here compute in {found}"
    if not any(_is_of(needs, base) for base in computing):
        found = _listed(known.fingerprint[:12] for base in computing if (known := base.base or base.known))
        return f"with the weights {needs.fingerprint[:12]} of {needs.variant}; those here have {found}"
    room = max(node.base_bytes for node, _ in served)
    wanted = max(needs.bytes, *(base.bytes for _, base in served))
    return f"with {gigabytes(wanted)} for {needs.variant}; the largest that serves it has {gigabytes(room)}"


def _computes(needs: FarmNeeds, served: ServedBase) -> bool:
    known = served.base or served.known
    return known is None or needs.numerics in {None, known.numerics}


def _is_of(needs: FarmNeeds, served: ServedBase) -> bool:
    known = served.base or served.known
    return known is None or needs.fingerprint in {"", known.fingerprint}


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(set(words)))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
