"""Work put before the broker as a submitter does, one job at a time, and its results read back."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

import msgspec

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.content.local import keymaps_digest, local_adapter
from kilnmark.farm.content.store import open_content
from kilnmark.farm.documents import FarmJob, FarmNeeds, FarmResult, PartitionInfo
from kilnmark.farm.names import (
    PARTITIONS,
    WORK,
    partition_key,
    results_of,
    token_of,
    work_subject,
)
from kilnmark.protocol.wire.requests import RenderParams


async def hand_in(
    link: FarmLink,
    job_id: str,
    *paths: Path,
    variant: str = "standin",
    version: str = "0.1.0",
    fingerprint: str = "",
    headers: dict[str, str] | None = None,
    submitter: str = "ann",
    **asked: object,
) -> FarmJob:
    """One job with these adapters, each at scale 1."""
    adapters = [local_adapter(path) for path in paths]
    content = await open_content(link)
    for adapter in adapters:
        for file in adapter.files:
            await content.put(file)
    job = FarmJob(
        job_id=job_id,
        submitter=submitter,
        submission="test",
        needs=FarmNeeds(variant=variant, fingerprint=fingerprint, version=version, keymaps=keymaps_digest()),
        asked=RenderParams(**{"prompt": f"a hill, {job_id}", "seed": 1, "steps": 1, **asked}),  # type: ignore[arg-type]
        adapters=tuple(adapter.at(1.0) for adapter in adapters),
    )
    partitions = await link.js.key_value(PARTITIONS)
    info = PartitionInfo(needs=job.needs, names=tuple(path.name for path in paths))
    await partitions.put(partition_key(job.partition), msgspec.json.encode(info))
    subject = work_subject(job.partition, submitter, job_id)
    await link.js.publish(subject, msgspec.json.encode(job), stream=WORK, headers=headers)
    return job


async def result_of(link: FarmLink, job_id: str, patience: float = 20.0, submitter: str = "ann") -> FarmResult:
    """How a job ended, waited for."""
    results = await link.js.key_value(results_of(submitter))
    watcher = await results.watch(token_of(job_id))
    async with asyncio.timeout(patience):
        async for entry in watcher:
            if entry is not None and entry.value:
                await watcher.stop()  # type: ignore[no-untyped-call]
                return msgspec.json.decode(entry.value, type=FarmResult)
    raise AssertionError("the watch ended")


async def until(is_so: Callable[[], object], patience: float = 20.0) -> None:
    """Something of this process is so; looked at often."""
    async with asyncio.timeout(patience):
        for _ in itertools.count():
            if is_so():
                return
            await asyncio.sleep(0.005)
