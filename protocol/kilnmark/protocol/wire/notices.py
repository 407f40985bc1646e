"""Notices: what somebody wants to be told somewhere that is no job, such as the end of a whole batch.

A daemon keeps them; whoever serves its pictures tells them, as it does the ends of jobs. What they are about is here.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kilnmark.protocol.wire.call import JobId, Params, Text

__all__ = ["BatchEnd", "NoticeInfo", "NoticeParams", "NoticeResult", "NoticesParams", "NoticesResult"]

Count = Annotated[int, Meta(ge=0)]
Place = Annotated[str, Meta(max_length=4096)]


class BatchEnd(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a batch ended.

    Attributes:
        kind: What was painted: `poi`, `portrait` or `creature`.
        state: `done` once nothing is left, `stopped` where something ended it early.
        out: The folder of its pictures.
        manifest, page: The files in it that know and show them.
        total: Pictures that were to be had.
        painted, found, kept, failed, left: Of those, how many became so; see `kilnmark batch --json`.
        dead: Pictures with an adapter that changed nothing, or that one was refused for.
        exit_code: What the command ended with.
        reason: What ended it early; empty where nothing did.
    """

    kind: Annotated[str, Meta(min_length=1, max_length=40)]
    state: Literal["done", "stopped"]
    out: Place
    manifest: Place
    page: Place
    total: Count
    painted: Count = 0
    found: Count = 0
    kept: Count = 0
    failed: Count = 0
    left: Count = 0
    dead: Count = 0
    exit_code: Annotated[int, Meta(ge=0, le=255)] = 0
    reason: Text = ""


class NoticeParams(Params, frozen=True, kw_only=True):
    """What `notices.leave` is to keep.

    Attributes:
        notice_id: The caller's own key; a notice that is left twice under it is one.
        notify_url: Where it is to be told, as that of a render.
        batch: What it is about.
    """

    notice_id: JobId
    notify_url: Annotated[str, Meta(min_length=1, max_length=2000)]
    batch: BatchEnd


class NoticesParams(Params, frozen=True, kw_only=True):
    """`notices.list` takes nothing."""


class NoticeInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that is kept.

    Attributes:
        notice_id: As it was left.
        left: When, UTC, ISO 8601.
        notify_url: Where it is to be told.
        batch: What it is about.
    """

    notice_id: str
    left: str
    notify_url: str
    batch: BatchEnd


class NoticeResult(msgspec.Struct, frozen=True, kw_only=True):
    """A notice is kept.

    Attributes:
        notice: It; where one was left under its id before, that one.
    """

    notice: NoticeInfo


class NoticesResult(msgspec.Struct, frozen=True, kw_only=True):
    """The notices that are kept: the latest thousand.

    Attributes:
        notices: The oldest first.
    """

    notices: list[NoticeInfo]
