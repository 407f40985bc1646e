"""Nodes, partitions and needs of the tests, each with what it is told apart by."""

from typing import Literal

import msgspec

from kilnmark.farm.documents import FarmNeeds, NodeInfo, RefusedWork, ServedBase
from kilnmark.farm.names import Partition
from kilnmark.farm.placement.views import PartitionView
from kilnmark.protocol.picture.numerics import Numerics
from kilnmark.protocol.wire.memory import BaseInfo

GB = 10**9
SIZES = {"small": 8 * GB, "middle": 16 * GB, "large": 34 * GB}


def needs_of(variant: str = "small", **other: str) -> FarmNeeds:
    return FarmNeeds(variant=variant, version=other.pop("version", "1"), keymaps="k", bytes=SIZES[variant], **other)  # type: ignore[arg-type]


def base_info(variant: str, fingerprint: str = "f", numerics: Numerics = "exact") -> BaseInfo:
    return BaseInfo(
        variant=variant,
        fingerprint=fingerprint,
        precision="bfloat16",
        quantize=None,
        backend="metal",
        target_count=1,
        memory_bytes=SIZES[variant],
        load_ms=1.0,
        mlx_version="0",
        mflux_version="0",
        numerics=numerics,
    )


def node(
    name: str = "n",
    *,
    serves: str = "small middle large",
    has: str = "",
    room: int = 64,
    state: Literal["idle", "working", "draining", "left", "away"] = "idle",
    problem: str = "",
    version: str = "1",
    info: BaseInfo | None = None,
) -> NodeInfo:
    """A node that serves some bases and holds some of them, with so many GB for all."""
    bases = tuple(
        ServedBase(
            variant=each, bytes=SIZES[each], base=(info or base_info(each)) if each in has.split() else None, known=info
        )
        for each in serves.split()
    )
    return NodeInfo(
        name=name, version=version, keymaps="k", state=state, problem=problem, bases=bases, base_bytes=room * GB
    )


def refusing(name: str, stack: str, why: str) -> NodeInfo:
    """A node that does not do work of a stack, or none for a base where that is empty."""
    return msgspec.structs.replace(node(name), refused=(RefusedWork(needs=needs_of().token, stack=stack, why=why),))


def view(
    stack: str = "a",
    waiting: int = 1,
    *,
    base: str = "small",
    priority: str = "normal",
    oldest_s: float = 0.0,
    nodes: int = 0,
    able: int = 0,
    holders: int = 0,
    unserved_s: float | None = None,
) -> PartitionView:
    needs = needs_of(base)
    return PartitionView(
        Partition(needs.token, stack, priority),
        needs,
        waiting,
        oldest_s=oldest_s,
        nodes=nodes,
        able=able,
        holders=holders,
        unserved_s=unserved_s,
    )
