"""What a node says of itself: its daemon's bases and memory, and what it did since it joined."""

import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from kilnmark.farm.content.local import keymaps_digest
from kilnmark.farm.documents import NodeInfo, RefusedWork, ServedBase
from kilnmark.farm.errors import NodeUnfit
from kilnmark.farm.names import Partition, partition_key
from kilnmark.farm.placement.views import NodeView, refusal
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.status import StatusResult

__all__ = ["AboutNode", "DaemonFacts"]

_REFUSED_FOR = 600.0
"""Seconds after which refused work is tried once more: what is promoted changes without a word."""

_PASSED_FOR = 10.0
"""Seconds for which a partition is left to others, twice as long as those take to see that something is there."""

_REFUSED_TOLD = 64
"""Refusals that others are told of."""


class DaemonFacts(NamedTuple):
    """What tells a daemon from the one that was there before."""

    pid: int
    variants: tuple[str, ...]
    lora_roots: tuple[str, ...]
    output_dir: str


@dataclass
class AboutNode:
    """The node's own account, which its parts write.

    Attributes:
        name: Of the node.
        instance: Of this process.
        status: What its daemon said last, which `hear` takes; None: nothing yet.
        is_alone: Its daemon did not answer when it was asked last.
        problem: Why it takes no work; empty: it does.
        is_draining, has_left: It is on its way out; it is out.
        partition: Where it takes work from.
        running: The jobs that it has, by submitter and id.
    """

    name: str
    status: StatusResult | None = None
    is_alone: bool = False
    problem: str = ""
    is_draining: bool = False
    has_left: bool = False
    partition: Partition | None = None
    running: dict[tuple[str, str], None] = field(default_factory=dict)
    done: int = 0
    failed: int = 0
    switches: int = 0
    adapters_dead: int = 0
    instance: str = field(default_factory=lambda: uuid.uuid4().hex)
    _beat: int = 0
    _known: dict[str, BaseInfo] = field(default_factory=dict)
    _refused: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)
    _left: dict[Partition, float] = field(default_factory=dict)
    _last: Partition | None = None
    _stayed: int = 0
    _stayed_since: float = 0.0
    _base_since: float = 0.0

    @property
    def daemon(self) -> DaemonFacts | None:
        """Which daemon it was that spoke last."""
        said = self.status
        if said is None:
            return None
        return DaemonFacts(said.pid, tuple(said.variants), tuple(said.lora_roots), said.output_dir)

    def hear(self, status: StatusResult) -> None:
        """Take what the daemon says; of one that was started anew nothing is known from before.

        Raises:
            NodeUnfit: It is of another version than this node, which takes work that needs its own.
        """
        before, self.status, self.is_alone = self.daemon, status, False
        if before != self.daemon:
            self._known.clear()
            self._refused.clear()
        ours = version("kilnmark")
        if status.version != ours:
            said = f"its daemon is of kilnmark {status.version}, and the node of {ours}"
            raise NodeUnfit(f"{said}; start the older one again, from the same installation")

    def refuse(self, needs: str, stack: str, why: str) -> None:
        """Take no work of a stack, or of any for all of a base, until the daemon is started anew or a while has passed.

        Args:
            needs, stack: As those of `RefusedWork`.
            why: In a sentence.
        """
        self._refused[needs, stack] = time.monotonic(), why

    def pass_by(self, partition: Partition) -> None:
        """Take nothing of a partition for a while, so that another node takes the next job there."""
        now = time.monotonic()
        self._left = {each: over for each, over in self._left.items() if over > now} | {partition: now + _PASSED_FOR}

    def passes_by(self, partition: Partition) -> bool:
        """Whether another node is to have the next job of it."""
        return time.monotonic() < self._left.get(partition, 0.0)

    def takes(self, partition: Partition) -> bool:
        """Whether it takes work of a partition that it fits."""
        if self.passes_by(partition):
            return False
        return not self.problem and not refusal(*partition[:2], self.info())

    def is_held(self, variant: str) -> bool:
        """Whether a base was in the daemon's memory when it spoke last."""
        return any(each.variant == variant and each.base for each in (self._bases(self.status) if self.status else ()))

    def took_from(self, partition: Partition) -> None:
        """One more job was taken, perhaps of another stack than the last."""
        self.switches += self._last is None or self._last[:2] != partition[:2]
        if partition != self.partition:
            if self.partition is None or self.partition.needs != partition.needs:
                self._base_since = time.monotonic()
            self._stayed, self._stayed_since = 0, time.monotonic()
        self._stayed += 1
        self.partition = self._last = partition

    def view(self) -> NodeView:
        """As the rules of placement see it."""
        now = time.monotonic()
        return NodeView(self.info(), self.partition, self._stayed, now - self._stayed_since, now - self._base_since)

    def info(self) -> NodeInfo:
        """As it stands."""
        status = self.status
        return NodeInfo(
            name=self.name,
            instance=self.instance,
            version=version("kilnmark"),
            keymaps=keymaps_digest(),
            state=self._state(),
            problem=self.problem,
            bases=() if status is None else self._bases(status),
            refused=self._refusals(),
            base_bytes=status.memory.limits.base_bytes if status and status.memory else 0,
            partition=partition_key(self.partition) if self.partition else "",
            running=tuple(job_id for _, job_id in self.running),
            done=self.done,
            failed=self.failed,
            switches=self.switches,
            adapters_dead=self.adapters_dead,
            free_bytes=_free(status.output_dir) if status else 0,
            beat=self._beat,
        )

    def beat(self) -> bytes:
        """As it stands, to be told once more."""
        self._beat += 1
        info = self.info()
        return msgspec.json.encode(msgspec.structs.replace(info, refused=info.refused[-_REFUSED_TOLD:]))

    def _state(self) -> Literal["idle", "working", "draining", "left", "away"]:
        if self.has_left:
            return "left"
        if self.is_draining:
            return "draining"
        if self.problem or self.status is None:
            return "away"
        return "working" if self.running else "idle"

    def _refusals(self) -> tuple[RefusedWork, ...]:
        old = time.monotonic() - _REFUSED_FOR
        self._refused = {work: told for work, told in self._refused.items() if told[0] > old}
        return tuple(
            RefusedWork(needs=needs, stack=stack, why=why) for (needs, stack), (_, why) in self._refused.items()
        )

    def _bases(self, status: StatusResult) -> tuple[ServedBase, ...]:
        memory = None if self.is_alone else status.memory
        held = {each.base.variant: each for each in memory.bases} if memory else {}
        now: Mapping[str, BaseInfo] = {variant: each.base for variant, each in held.items()}
        self._known |= now
        served = []
        for variant in dict.fromkeys([*status.variants, *now]):
            bytes_ = max(held[variant].declared_bytes, now[variant].memory_bytes) if variant in held else 0
            served.append(
                ServedBase(
                    variant=variant,
                    bytes=bytes_,
                    counts_as=status.counts_as.get(variant, ""),
                    drafts=variant in status.drafts,
                    base=now.get(variant),
                    known=self._known.get(variant),
                )
            )
        return tuple(served)


def _free(folder: str) -> int:
    try:
        return shutil.disk_usage(Path(folder)).free
    except OSError:
        return 0
