"""The page of one job: its picture with its record, what each adapter did, and what else is like it."""

import asyncio
import shlex
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from kilnmark.client.aio import AsyncClient
from kilnmark.client.replays.recorded import recorded_picture
from kilnmark.keymaps.errors import RefusedPicture
from kilnmark.protocol.picture.record import PictureRecord
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.jobs import JobInfo
from kilnmark.protocol.wire.replies import JobResult
from kilnmark.web.panel.places import PictureRoot

__all__ = ["PictureView", "picture_view"]

LIKE: Final = 12
"""Other pictures that are shown of each kind."""

_LOOKED = 100
_SHOWN_PROMPT = 80
"""Characters of a prompt that lists tell."""


class PictureView(NamedTuple):
    """One job.

    Attributes:
        found: What the daemon knows.
        reports: What each adapter did, in stack order, as far as that is known.
        record: What the picture says of itself; None: it has none that can be read.
        problem: Why not; empty: it can, or there is no picture.
        damaged: A part of the file is not as it was written.
        document: The record, written out.
        replay: The command that makes it again; empty where it cannot be made.
        same_prompt, same_stack: Others, the latest first.
    """

    found: JobResult
    reports: tuple[AdapterReport, ...]
    record: PictureRecord | None
    problem: str
    damaged: bool
    document: str
    replay: str
    same_prompt: tuple[JobInfo, ...]
    same_stack: tuple[JobInfo, ...]


async def picture_view(client: AsyncClient, root: PictureRoot, job_id: str) -> PictureView:
    """Ask for one job, and read its picture.

    Raises:
        KilnmarkError: the daemon does not answer, or knows no such job.
    """
    found = await client.jobs_get(job_id)
    record, problem, damaged = await asyncio.to_thread(_recorded, found, root)
    error = found.error.loras if found.error else ()
    reports = found.result.loras if found.result else error
    document = "" if record is None else msgspec.json.format(msgspec.json.encode(record), indent=2).decode()
    replay = "" if record is None else shlex.join(["kilnmark", "replay", found.job.image_path])
    return PictureView(
        found,
        tuple(reports),
        record,
        problem,
        damaged,
        document,
        replay,
        await _same_prompt(client, found.job),
        await _same_stack(client, found.job),
    )


def _recorded(found: JobResult, root: PictureRoot) -> tuple[PictureRecord | None, str, bool]:
    if not found.job.image_path:
        return None, "", False
    if root.name_of(found.job.image_path) is None:
        return None, f"it lies outside {root.folder}, and is not shown here", False
    try:
        picture = recorded_picture(Path(found.job.image_path))
    except (RefusedPicture, OSError) as error:
        return None, str(error), False
    return picture.record, "", not picture.whole


async def _same_prompt(client: AsyncClient, job: JobInfo) -> tuple[JobInfo, ...]:
    text = job.prompt[: _SHOWN_PROMPT - 2].strip()
    if not text:
        return ()
    page = await client.jobs_page(limit=_LOOKED, text=text, states=["done"])
    return tuple(one for one in page.jobs if one.prompt == job.prompt and one.job_id != job.job_id)[:LIKE]


async def _same_stack(client: AsyncClient, job: JobInfo) -> tuple[JobInfo, ...]:
    if not job.adapters:
        return ()
    page = await client.jobs_page(limit=_LOOKED, adapter=job.adapters[0].name, states=["done"])
    return tuple(one for one in page.jobs if _stack(one) == _stack(job) and one.job_id != job.job_id)[:LIKE]


def _stack(job: JobInfo) -> list[tuple[str, float]]:
    return [(badge.name, badge.scale) for badge in job.adapters]
