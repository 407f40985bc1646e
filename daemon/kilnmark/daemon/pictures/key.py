"""The key that a picture is kept under: what decides it, the base that it is painted on, and the program that paints.

The same key comes from a job before it is painted and from the record inside a finished PNG, so that a picture can be
asked whether it is the one. Contents count, and never paths.
"""

import hashlib
import importlib.metadata
from collections.abc import Iterable

import msgspec

from kilnmark.protocol.picture.record import PictureRecord
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.picture.spec import PinnedSpec
from kilnmark.protocol.wire.memory import BaseInfo

__all__ = ["are_engaged", "picture_key", "recorded_key"]

VERSION = importlib.metadata.version("kilnmark")


def picture_key(spec: PinnedSpec, base: BaseInfo, version: str = VERSION) -> str:
    """SHA-256 in hex.

    Args:
        spec: What decides the picture.
        base: As it is held.
        version: Of kilnmark.
    """
    program = (version, base.mflux_version, base.mlx_version)
    held = (base.variant, base.fingerprint, base.precision, base.quantize, base.backend)
    return hashlib.sha256(msgspec.json.encode([program, held, spec.digest])).hexdigest()


def recorded_key(record: PictureRecord) -> str | None:
    """The key of a finished picture, by its own word; None when not all of its adapters engaged."""
    if not are_engaged(record.loras):
        return None
    return picture_key(record.spec, record.base, record.kilnmark_version)


def are_engaged(reports: Iterable[AdapterReport]) -> bool:
    """Every adapter did wholly what it was asked for."""
    return all(report.verdict is Verdict.ENGAGED for report in reports)
