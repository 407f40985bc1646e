"""From a request to a job of the farm: its files by their hashes, its own words as they are."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from kilnmark.farm.content.local import LocalAdapter, LocalFile, local_adapter, local_file
from kilnmark.farm.documents import FarmJob, FarmNeeds, PartitionInfo
from kilnmark.protocol.picture.given import AskedPicture
from kilnmark.protocol.wire.call import CallMeta
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.requests import RenderParams

__all__ = ["FarmJobs", "MadeJob"]

T = TypeVar("T")


@dataclass(frozen=True)
class MadeJob:
    """A job, and what it is made of on this machine.

    Attributes:
        job: As the broker gets it.
        files: All files that its node needs.
        paths: Its adapters here, in stack order.
    """

    job: FarmJob
    files: tuple[LocalFile, ...]
    paths: tuple[str, ...]

    @property
    def partition_info(self) -> PartitionInfo:
        """What its partition asks for."""
        names = tuple(adapter.files[0].name for adapter in self.job.adapters)
        content = tuple(file.sha256 for adapter in self.job.adapters for file in adapter.files)
        return PartitionInfo(needs=self.job.needs, names=names, content=content)


class FarmJobs:
    """Makes the jobs of one submission; every file is read once.

    Args:
        submitter: Whose they are.
        submission: What they are handed in with.
    """

    def __init__(self, submitter: str, submission: str) -> None:
        self._submitter = submitter
        self._submission = submission
        self._adapters: dict[str, LocalAdapter] = {}
        self._pictures: dict[str, LocalFile] = {}

    def made(self, params: RenderParams, needs: FarmNeeds) -> MadeJob:
        """One of a request that names its job.

        Args:
            params: Its seed is said, and no genre is named.
            needs: Of its base.

        Raises:
            InvalidParams: It leaves something open, or has a picture within it.
            RefusedFile: An adapter is not there.
            FarmNotUsable: A file cannot be read.
        """
        if params.job_id is None or params.seed is None or params.genre is not None:
            raise InvalidParams("a job of a farm has its id, its seed and its stack said - at `$.params.seed`")
        extras = params.extra_loras
        paths = (*params.lora_paths, *(each.path for each in extras))
        scales = (*params.lora_scales, *(each.scale for each in extras))
        blocks = params.lora_block_scales or [{} for _ in params.lora_paths]
        own = [self._once(self._adapters, path, local_adapter) for path in paths]
        stack = zip(own, scales, (*blocks, *(each.block_scales for each in extras)), strict=True)
        start = None if params.init_image is None else self._picture(params.init_image, "init_image")
        references = [self._picture(each, "reference_images") for each in params.reference_images]
        job = FarmJob(
            job_id=params.job_id,
            submitter=self._submitter,
            submission=self._submission,
            needs=needs,
            asked=_bare(params),
            adapters=tuple(adapter.at(scale, on_blocks) for adapter, scale, on_blocks in stack),
            start=None if start is None else start.content,
            references=tuple(each.content for each in references),
        )
        files = [file for adapter in own for file in adapter.files]
        files += [each for each in (start, *references) if each is not None]
        return MadeJob(job, tuple(dict.fromkeys(files)), paths)

    def _picture(self, asked: AskedPicture, field: str) -> LocalFile:
        if not isinstance(asked, str):
            problem = "a farm takes pictures by their paths"
            raise InvalidParams(f"{problem} - at `$.params.{field}`; put this one into a file")
        return self._once(self._pictures, asked, lambda path: local_file(Path(path)))

    @staticmethod
    def _once(known: dict[str, T], path: str, read: Callable[[str], T]) -> T:
        if path not in known:
            known[path] = read(path)
        return known[path]


def _bare(params: RenderParams) -> RenderParams:
    """What is asked, without what names files of this machine or is said otherwise in a job."""
    return msgspec.structs.replace(
        params,
        meta=CallMeta(),
        job_id=None,
        variant=None,
        lora_paths=[],
        lora_scales=[],
        lora_block_scales=[],
        extra_loras=[],
        init_image=None,
        reference_images=[],
        notify_url=None,
    )
