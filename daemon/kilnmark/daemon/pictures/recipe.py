"""What decides a picture's pixels, by content and never by path, and the key that stands for it.

The same recipe is read from an order before it is painted and from the record inside a finished PNG, so that a
picture can be asked whether it is the one.
"""

import hashlib
import importlib.metadata
from collections.abc import Sequence

import msgspec

from kilnmark.protocol.picture.record import PictureRecord
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["Recipe", "are_engaged", "recipe_of", "recipe_of_record"]

VERSION = importlib.metadata.version("kilnmark")


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides the pixels.

    Attributes:
        prompt: As it is sent to the model.
        adapters: Content hash in hex and scale of each, in stack order; all of them engaged.
    """

    kilnmark_version: str
    mflux_version: str
    mlx_version: str
    variant: str
    fingerprint: str
    precision: str
    quantize: int | None
    backend: str
    prompt: str
    negative_prompt: str | None
    seed: int
    steps: int
    guidance: float
    width: int
    height: int
    adapters: tuple[tuple[str, float], ...]

    @property
    def key(self) -> str:
        """SHA-256 of the recipe, in hex."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


def recipe_of(order: RenderCommand, sha256s: Sequence[str], base: BaseInfo) -> Recipe:
    """The recipe of an order on this base; `sha256s` has one content hash for each of its adapters."""
    return _recipe(order, tuple(zip(sha256s, order.lora_scales, strict=True)), base, VERSION)


def recipe_of_record(record: PictureRecord) -> Recipe | None:
    """The recipe that a finished picture says it was made by; None when not all of its adapters engaged."""
    if not are_engaged(record.loras):
        return None
    adapters = tuple((report.sha256, report.scale) for report in record.loras)
    return _recipe(record, adapters, record.base, record.kilnmark_version)


def are_engaged(reports: Sequence[AdapterReport]) -> bool:
    """Every adapter did wholly what it was asked for."""
    return all(report.verdict is Verdict.ENGAGED for report in reports)


def _recipe(
    asked: RenderCommand | PictureRecord, adapters: tuple[tuple[str, float], ...], base: BaseInfo, version: str
) -> Recipe:
    return Recipe(
        kilnmark_version=version,
        mflux_version=base.mflux_version,
        mlx_version=base.mlx_version,
        variant=base.variant,
        fingerprint=base.fingerprint,
        precision=base.precision,
        quantize=base.quantize,
        backend=base.backend,
        prompt=asked.prompt,
        negative_prompt=asked.negative_prompt,
        seed=asked.seed,
        steps=asked.steps,
        guidance=asked.guidance,
        width=asked.width,
        height=asked.height,
        adapters=adapters,
    )
