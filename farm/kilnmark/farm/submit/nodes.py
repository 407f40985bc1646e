"""The nodes of a farm as whoever hands in work sees them: as one daemon that serves all their bases.

What a base is, decides the ids of jobs, so that it has to be known before the first is handed in. A node that sleeps
has told it before.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

import msgspec

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.content.local import keymaps_digest
from kilnmark.farm.documents import FarmNeeds, NodeInfo, ServedBase
from kilnmark.farm.errors import NoNode
from kilnmark.farm.names import NODES
from kilnmark.farm.reading import read_document
from kilnmark.farm.submit.buckets import kept_in
from kilnmark.protocol.wire.memory import BaseInfo, HeldBase, Limits, MemoryInfo
from kilnmark.protocol.wire.status import PowerInfo, StatusResult, WorkerInfo

__all__ = [
    "LOST_AFTER",
    "SeenNode",
    "as_one_daemon",
    "known_bases",
    "needs_of",
    "of_our_kind",
    "seen_nodes",
    "why_paused",
]

LOST_AFTER = 30.0
"""Seconds without a word after which a node counts as lost; it says one every five."""


@dataclass(frozen=True)
class SeenNode:
    """A node.

    Attributes:
        info: What it said last.
        seen: When, by the broker's clock.
    """

    info: NodeInfo
    seen: datetime

    def state(self, now: datetime) -> str:
        """As it says; `lost` where it has said nothing for long and did not leave.

        Args:
            now: By the broker's clock.
        """
        if self.info.state != "left" and (now - self.seen).total_seconds() > LOST_AFTER:
            return "lost"
        return self.info.state


async def seen_nodes(link: FarmLink) -> list[SeenNode]:
    """Every node that ever joined, by its name.

    Raises:
        FarmError: The broker does not answer, or has no farm.
    """
    found = []
    async for entry in kept_in(link, NODES, "look at the nodes"):
        try:
            found.append(SeenNode(read_document(entry.value, NodeInfo), entry.at))
        except msgspec.DecodeError:  # of another version, which can do none of our work
            continue
    return sorted(found, key=lambda each: each.info.name)


def of_our_kind(nodes: Iterable[SeenNode]) -> list[SeenNode]:
    """Those that read adapters as this program does."""
    ours = version("kilnmark"), keymaps_digest()
    return [each for each in nodes if (each.info.version, each.info.keymaps) == ours]


def known_bases(nodes: Iterable[SeenNode]) -> Mapping[str, BaseInfo]:
    """What each base is: as most nodes have it, where they do not agree."""
    votes: dict[str, Counter[tuple[str, str]]] = {}
    told: dict[tuple[str, str, str], BaseInfo] = {}
    for served in _bases(nodes):
        known = served.base or served.known
        if known is not None:
            votes.setdefault(served.variant, Counter())[known.fingerprint, known.numerics] += 1
            told.setdefault((served.variant, known.fingerprint, known.numerics), known)
    return {
        variant: told[variant, *max(sorted(counted), key=lambda each: counted[each])]
        for variant, counted in votes.items()
    }


def needs_of(variant: str, base: BaseInfo, nodes: Iterable[SeenNode]) -> FarmNeeds:
    """What a node must have for pictures on a base.

    Args:
        variant: As it is called.
        base: What it is.
        nodes: Of our kind.
    """
    sizes = [served.bytes for served in _bases(nodes) if served.variant == variant]
    return FarmNeeds(
        variant=variant,
        fingerprint=base.fingerprint,
        numerics=base.numerics,
        version=version("kilnmark"),
        keymaps=keymaps_digest(),
        bytes=max([base.memory_bytes, *sizes]),
    )


def why_paused(nodes: Sequence[SeenNode], now: datetime) -> PowerInfo | None:
    """Why nothing is begun at the moment, where no node of our kind takes work; None: one does.

    Args:
        nodes: All that ever joined.
        now: By the broker's clock.
    """
    ours = of_our_kind(nodes)
    states = {each.info.name: each.state(now) for each in nodes}
    if {"idle", "working"} & {states[each.info.name] for each in ours}:
        return None
    said = ", ".join(
        f"{each.info.name} {'has' if states[each.info.name] == 'left' else 'is'} {states[each.info.name]}"
        if each in ours
        else _otherwise(each.info)
        for each in nodes
    )
    return PowerInfo(paused=["high", "normal", "low"], because=f"no node takes work ({said})")


def _otherwise(node: NodeInfo) -> str:
    """In what a node is not of our kind."""
    if node.version != version("kilnmark"):
        return f"{node.name} is of kilnmark {node.version} and not {version('kilnmark')}"
    return f"{node.name} reads adapters otherwise"


def as_one_daemon(nodes: Sequence[SeenNode], address: str, folder: str) -> StatusResult:
    """The farm as its submitters' batches see it.

    Args:
        nodes: All that ever joined.
        address: Of the broker.
        folder: Where pictures are fetched to.

    Raises:
        NoNode: None is of our kind, or none serves a base.
    """
    ours = of_our_kind(nodes)
    variants = list(dict.fromkeys(served.variant for served in _bases(ours)))
    if not variants:
        raise NoNode(address, *_why_none(nodes))
    held = known_bases(ours)
    return StatusResult(
        version=version("kilnmark"),
        pid=0,
        uptime_s=0.0,
        state="ready",
        variant=_usual(ours),
        base=held.get(_usual(ours)),
        worker=WorkerInfo(pid=None, restarts=0),
        jobs=[],
        rendered=sum(each.info.done for each in ours),
        failed=sum(each.info.failed for each in ours),
        socket=address,
        output_dir=folder,
        lora_roots=[],
        variants=variants,
        counts_as={served.variant: served.counts_as for served in _bases(ours) if served.counts_as},
        drafts=[each for each in variants if all(base.drafts for base in _bases(ours) if base.variant == each)],
        memory=_memory(ours, held),
    )


def _bases(nodes: Iterable[SeenNode]) -> list[ServedBase]:
    return [served for each in nodes for served in each.info.bases]


def _usual(nodes: Iterable[SeenNode]) -> str:
    """What stands in for a base that nobody serves: what most nodes name first, as their daemons were started."""
    firsts = Counter(each.info.bases[0].variant for each in nodes if each.info.bases)
    return max(sorted(firsts), key=lambda each: firsts[each])


def _memory(nodes: Iterable[SeenNode], held: Mapping[str, BaseInfo]) -> MemoryInfo:
    whole = sum(each.info.base_bytes for each in nodes)
    limits = Limits(device_bytes=whole, base_bytes=whole, memory_bytes=whole, cache_bytes=0, wired_bytes=None)
    bases = [HeldBase(base=base, declared_bytes=base.memory_bytes, last_used="") for base in held.values()]
    return MemoryInfo(
        limits=limits, active_bytes=sum(base.memory_bytes for base in held.values()), cached_bytes=0, bases=bases
    )


def _why_none(nodes: Sequence[SeenNode]) -> tuple[str, str]:
    joining = "say `kilnmark farm work` on a machine whose daemon paints"
    if not nodes:
        return "has joined yet", joining
    versions = sorted({each.info.version for each in nodes})
    if version("kilnmark") not in versions:
        return f"is of version {version('kilnmark')}: they are of {', '.join(versions)}", "install the same on both"
    if not of_our_kind(nodes):
        return "reads adapters as this program does, though all are of one version", "install the same on both"
    return "serves a base", joining
