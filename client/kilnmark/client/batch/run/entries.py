"""Entries of a manifest, made of planned items and of what became of them.

Nothing is read or written here but the clock.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from kilnmark.client.batch.run.base import BaseNow
from kilnmark.client.batch.run.picture import Picture
from kilnmark.client.batch.run.pinned import PinnedItem
from kilnmark.protocol.picture.record import PictureRecord
from kilnmark.protocol.picture.report import AdapterReport

__all__ = ["carried_over", "done_entry", "failed_entry", "now"]


def done_entry(item: PinnedItem, record: PictureRecord, warnings: Sequence[str]) -> Picture:
    """The entry of a picture that is there, in its own words."""
    loras = _named(item, record.loras)
    return msgspec.structs.replace(
        _entry(item),
        **record.spec.fields_for(Picture),
        loras=loras,
        message="; ".join(warnings),
        warnings=list(warnings),
        notice=record.notice,
        job_id=record.job_id,
        # What was applied counts, should a file have been exchanged since it was hashed here.
        inputs=item.spec.pinned(
            ((lora.sha256, lora.scale) for lora in loras), [lora.asked_blocks for lora in loras]
        ).digest,
        fingerprint=record.base.fingerprint,
        numerics=record.base.numerics,
        created=record.created,
    )


def failed_entry(item: PinnedItem, message: str, reports: Sequence[AdapterReport] = (), job_id: str = "") -> Picture:
    """The entry of one that could not be had."""
    loras = _named(item, reports)
    return msgspec.structs.replace(_entry(item), status="failed", message=message, loras=loras, job_id=job_id)


def _named(item: PinnedItem, reports: Sequence[AdapterReport]) -> list[AdapterReport]:
    """The reports under the names and paths that documents have for their files.

    Those of a whole stack go by their order: a node of a farm has the files elsewhere. Of others, one file can be in a
    stack twice.
    """
    adapters = () if item.bare else item.planned.adapters
    if len(reports) == len(adapters):
        pairs = zip(reports, adapters, strict=True)
        return [msgspec.structs.replace(report, name=own.name, path=own.path) for report, own in pairs]
    names: dict[str, list[str]] = {}
    for adapter in item.planned.adapters:
        names.setdefault(adapter.path, []).append(adapter.name)
    return [msgspec.structs.replace(report, name=_next(names.get(report.path), report.name)) for report in reports]


def _next(names: list[str] | None, otherwise: str) -> str:
    if not names:
        return otherwise
    return names.pop(0) if len(names) > 1 else names[0]


def _entry(item: PinnedItem) -> Picture:
    """All that is known of a picture before it is there."""
    planned, subject = item.planned, item.planned.subject
    return Picture(
        **item.spec.fields_for(Picture),
        genre=subject.genre,
        world=subject.world,
        kind=subject.kind,
        name=subject.name,
        tier=planned.tier,
        take=planned.take,
        source=f"{subject.file}:{subject.line}",
        tokens=planned.tokens,
        file=item.file,
        region=subject.place.region or "",
        loras=[],
        status="done",
        inputs=item.digest,
        created=now(),
    )


def carried_over(picture: Picture, before: Picture | None) -> Picture:
    """With the bare one that was there, which `has` judges by itself, unless another base or seed painted it."""
    if before is None or before.bare_file is None or before.seed != picture.seed:
        return picture
    if "" not in (picture.fingerprint, before.fingerprint) and not _is_of_one_base(picture, before):
        return picture
    if not picture.fingerprint:  # it failed, and what there is of it is the bare one
        picture = msgspec.structs.replace(picture, fingerprint=before.fingerprint, numerics=before.numerics)
    return msgspec.structs.replace(picture, bare_file=before.bare_file, bare_inputs=before.bare_inputs)


def _is_of_one_base(one: Picture, other: Picture) -> bool:
    return BaseNow(one.fingerprint, one.numerics).made(other.fingerprint, other.numerics)


def now() -> str:
    """UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
