"""What a recorded picture was made of, held to what there is now: adapters, pictures that it started from, the base.

Only looked at; what a difference means for a replay is `replay`'s to say.
"""

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import UNSET

from kilnmark.keymaps.errors import RefusedFile, RefusedPicture
from kilnmark.keymaps.files.contents import content_hash
from kilnmark.keymaps.pictures.file import read_picture
from kilnmark.protocol.picture.record import PictureRecord
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.memory import BaseInfo

__all__ = ["Sources", "Unlike", "base_differences", "file_differences", "notes"]

_SHOWN = 12
"""Digits of a hash that are enough to tell two apart."""


class Unlike(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not what it was.

    Attributes:
        about: What it is.
        name: Which.
        reason: How it differs, in a clause with the mend behind it.
    """

    about: Literal["adapter", "picture", "base"]
    name: str
    reason: str


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """The files of the pictures that a picture was made of, as somebody names them again.

    Attributes:
        start: Of the one that it started from; None: not named.
        references: Of those that it refers to, in their order.
    """

    start: Path | None = None
    references: Sequence[Path] = ()


def file_differences(record: PictureRecord, sources: Sources) -> list[Unlike]:
    """Those of adapters and pictures; no daemon is asked."""
    found = [each for report in record.loras if (each := _adapter(report)) is not None]
    return [*found, *_pictures(record, sources)]


def base_differences(record: PictureRecord, base: BaseInfo) -> list[Unlike]:
    """Those of the base.

    Args:
        base: The one of the same name that the daemon holds.
    """
    made, found = record.base, []
    if made.fingerprint != base.fingerprint:
        found.append(f"its weights are others ({_short(base.fingerprint)}, and were {_short(made.fingerprint)})")
    if made.quantize != base.quantize:
        found.append(f"it has {_bits(base.quantize)}, and had {_bits(made.quantize)}; start the daemon so")
    if made.numerics != base.numerics:
        found.append(f"it computes in {base.numerics}, and did in {made.numerics}; start the daemon with --numerics")
    return [Unlike(about="base", name=made.variant, reason=reason) for reason in found]


def notes(record: PictureRecord, base: BaseInfo) -> list[str]:
    """What may change a number in its last digits, and is no reason not to paint it."""
    pairs = [
        ("kilnmark", record.kilnmark_version, version("kilnmark")),
        ("mflux", record.base.mflux_version, base.mflux_version),
        ("mlx", record.base.mlx_version, base.mlx_version),
        ("the back end", record.base.backend, base.backend),
        ("the precision", record.base.precision, base.precision),
    ]
    return [f"{name} was {before} and is {now}" for name, before, now in pairs if before != now]


def _adapter(report: AdapterReport) -> Unlike | None:
    def differs(reason: str) -> Unlike:
        return Unlike(about="adapter", name=report.name, reason=reason)

    if not report.sha256:
        return differs(f"{report.path} could not be read then either")
    try:
        now = content_hash(report.path)
    except RefusedFile as error:
        return differs(str(error))
    if now == report.sha256:
        return None
    was = _short(report.sha256)
    return differs(f"{report.path} holds something else ({_short(now)}, and was {was}); put that file back")


def _pictures(record: PictureRecord, sources: Sources) -> Iterator[Unlike]:
    starts = () if record.start is UNSET else (record.start,)
    named = () if sources.start is None else (sources.start,)
    yield from _given("the one it started from", "--init-image", starts, named)
    references = () if record.references is UNSET else record.references
    yield from _given("a reference", "--reference", references, sources.references)


def _given(what: str, option: str, wanted: Sequence[str], files: Sequence[Path]) -> Iterator[Unlike]:
    if len(files) != len(wanted):
        reason = f"needed: {len(wanted)}, named: {len(files)}; a picture keeps no paths, so give {option} FILE for each"
        yield Unlike(about="picture", name=what, reason=reason)
        return
    for file, sha256 in zip(files, wanted, strict=True):
        try:
            found = read_picture(file.absolute(), None).sha256
        except RefusedPicture as error:
            yield Unlike(about="picture", name=what, reason=str(error))
        else:
            if found != sha256:
                reason = f"{file} holds something else ({_short(found)}, and was {_short(sha256)})"
                yield Unlike(about="picture", name=what, reason=reason)


def _short(digest: str) -> str:
    return digest[:_SHOWN] or "unknown"


def _bits(quantize: int | None) -> str:
    return "no quantized layers" if quantize is None else f"layers of {quantize} bits"
