"""How a farm is: read from the broker once, and put together. Ages are by the broker's clock, never by a node's."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.documents import NodeInfo, PartitionInfo
from kilnmark.farm.names import CONTENT, PARTITIONS, WORK, Partition, consumer_of, partition_key, partition_of_key
from kilnmark.farm.placement.views import PartitionView
from kilnmark.farm.placement.why import why_waits
from kilnmark.farm.reading import read_document
from kilnmark.farm.status.documents import (
    DeadAdapter,
    FarmStatus,
    NodeRefusal,
    NodesBase,
    NodeStatus,
    SubmissionStatus,
    WaitingWork,
)
from kilnmark.farm.status.ended import EndedJob, endings_of, submissions_at
from kilnmark.farm.status.rate import LATELY, pictures_a_minute, seconds_left
from kilnmark.farm.submit.buckets import kept_in
from kilnmark.farm.submit.nodes import SeenNode, seen_nodes

__all__ = ["counts_at", "read_status"]


@dataclass
class _Ended:
    """What ended, counted."""

    states: Counter[str] = field(default_factory=Counter)
    of_submission: dict[tuple[str, str], str] = field(default_factory=dict)
    lately: list[datetime] = field(default_factory=list)
    dead: dict[str, DeadAdapter] = field(default_factory=dict)

    def count(self, job: EndedJob, at: datetime, now: datetime) -> None:
        self.states[job.state] += 1
        self.of_submission[job.submitter, job.job_id] = job.state
        if job.state == "done" and now - at <= LATELY:
            self.lately.append(at)
        for report in job.reports:
            if report.verdict != "engaged":
                known = self.dead.get(report.sha256 or report.name)
                self.dead[report.sha256 or report.name] = DeadAdapter(
                    name=report.name,
                    sha256=report.sha256,
                    verdict=report.verdict,
                    jobs=(known.jobs if known else 0) + (job.state != "done"),
                    painted=(known.painted if known else 0) + (job.state == "done"),
                    reason=report.reason,
                )


async def read_status(link: FarmLink, submitters: Sequence[str]) -> FarmStatus:
    """How the farm is now.

    Args:
        submitters: Those whose jobs may be seen.

    Raises:
        FarmError: The broker does not answer, has no farm, or does not let these credentials look.
    """
    now = await link.broker_time()
    nodes, partitions, counts = await seen_nodes(link), await _partitions(link), await counts_at(link)
    ended = _Ended()
    async for ending in endings_of(link, submitters):
        ended.count(ending.job, ending.at, now)
    submissions, still = await _submissions(link, submitters, ended.of_submission)
    there = [each.info for each in nodes if each.state(now) not in {"lost", "left"}]
    work = list(_work(partitions, counts, there))
    waiting, running = sum(each.waiting for each in work), sum(each.running for each in work)
    files, size = await _content(link)
    return FarmStatus(
        address=link.address,
        at=now.isoformat(timespec="seconds"),
        nodes=[_node(each, now, partitions) for each in nodes],
        waiting=waiting,
        running=running,
        done=ended.states["done"],
        failed=ended.states["failed"],
        dead=ended.states["dead"],
        cancelled=ended.states["cancelled"],
        a_minute=pictures_a_minute(ended.lately, now),
        left_s=seconds_left(min(waiting + running, still), ended.lately, submissions, now) if there else None,
        switches=sum(each.info.switches for each in nodes),
        stacks=len({partition[:2] for partition in partitions}),
        submissions=submissions,
        work=work,
        dead_adapters=sorted(ended.dead.values(), key=lambda each: -(each.jobs + each.painted)),
        is_full=link.is_full,
        content_files=files,
        content_bytes=size,
    )


async def _content(link: FarmLink) -> tuple[int, int]:
    """How many files that jobs need lie at the broker, and their bytes."""
    with link.telling("look at its files"):
        state = (await link.js.stream_info(f"OBJ_{CONTENT}", subjects_filter=f"$O.{CONTENT}.M.>")).state
    return len(state.subjects or {}), state.bytes


async def _partitions(link: FarmLink) -> Mapping[Partition, PartitionInfo]:
    found = {}
    async for entry in kept_in(link, PARTITIONS, "look at the work"):
        try:
            partition, info = partition_of_key(entry.key), read_document(entry.value, PartitionInfo)
            if info.needs.token == partition.needs:
                found[partition] = info
        except (ValueError, msgspec.DecodeError):  # of another version
            continue
    return found


async def counts_at(link: FarmLink) -> Mapping[str, tuple[int, int]]:
    """Jobs that wait, and jobs that nodes have, by consumer.

    Raises:
        FarmError: The broker does not answer, or has no farm.
    """
    found: dict[str, tuple[int, int]] = {}
    offset = 0
    with link.telling("look at the work"):
        while page := await link.js.consumers_info(WORK, offset=offset):
            found |= {info.name or "": (info.num_pending or 0, info.num_ack_pending or 0) for info in page}
            offset += len(page)
    return found


async def _submissions(
    link: FarmLink, submitters: Sequence[str], states: Mapping[tuple[str, str], str]
) -> tuple[list[SubmissionStatus], int]:
    """All of them, and how many of their jobs are open: one that was handed in twice is in two of them."""
    found, still = dict[str, SubmissionStatus](), set[tuple[str, str]]()
    async for kept in submissions_at(link, submitters):
        part = kept.part
        counted = Counter(states.get((part.submitter, job), "open") for job in part.jobs)
        still |= {(part.submitter, job) for job in part.jobs} - states.keys()
        before = found.get(part.submission)
        sums = {name: counted[name] + (getattr(before, name) if before else 0) for name in _STATES}
        found[part.submission] = SubmissionStatus(
            submission=part.submission,
            submitter=part.submitter,
            what=part.what,
            at=before.at if before else kept.at.isoformat(timespec="seconds"),
            jobs=len(part.jobs) + (before.jobs if before else 0),
            **sums,
        )
    return sorted(found.values(), key=lambda each: each.at, reverse=True), len(still)


_STATES = ("open", "done", "failed", "dead", "cancelled")


def _work(
    partitions: Mapping[Partition, PartitionInfo], counts: Mapping[str, tuple[int, int]], nodes: Sequence[NodeInfo]
) -> Iterable[WaitingWork]:
    """What there is any of; a partition that no node ever looked at has no numbers, and nothing of it is begun."""
    found = []
    for partition, info in partitions.items():
        waiting, running = counts.get(consumer_of(partition), (0, 0))
        if waiting or running:
            view = PartitionView(partition, info.needs, waiting, running)
            found.append(
                WaitingWork(
                    variant=info.needs.variant,
                    stack=list(info.names),
                    priority=partition.priority,
                    waiting=waiting,
                    running=running,
                    why=why_waits(view, nodes),
                )
            )
    return sorted(found, key=lambda each: -(each.waiting + each.running))


def _node(node: SeenNode, now: datetime, partitions: Mapping[Partition, PartitionInfo]) -> NodeStatus:
    info = node.info
    names = {partition_key(partition): list(told.names) for partition, told in partitions.items()}
    return NodeStatus(
        name=info.name,
        state=node.state(now),
        seen_s=round(max(0.0, (now - node.seen).total_seconds()), 1),
        version=info.version,
        problem=info.problem,
        bases=[NodesBase(variant=each.variant, held=each.base is not None, bytes=each.bytes) for each in info.bases],
        base_bytes=info.base_bytes,
        stack=names.get(info.partition, []),
        refused=list(_refused(info, partitions)),
        running=list(info.running),
        done=info.done,
        failed=info.failed,
        switches=info.switches,
        adapters_dead=info.adapters_dead,
        free_bytes=info.free_bytes,
    )


def _refused(info: NodeInfo, partitions: Mapping[Partition, PartitionInfo]) -> Iterable[NodeRefusal]:
    """What a node refuses, of what there is or was work for."""
    bases = {partition.needs: told.needs.variant for partition, told in partitions.items()}
    names = {partition[:2]: list(told.names) for partition, told in partitions.items()}
    for each in info.refused:
        stack = names.get((each.needs, each.stack)) if each.stack else None
        if each.needs in bases and (stack is not None or not each.stack):
            yield NodeRefusal(variant=bases[each.needs], stack=stack, why=each.why)
