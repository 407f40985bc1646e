"""The stack that a request asks for, as far as it can be judged by itself: its fields, and the rules between them.

A part of `requests`, which has everything else that a request may say. Files and styles are not looked at.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from kilnmark.protocol.picture.block_scales import block_scales_problem
from kilnmark.protocol.wire.errors import InvalidParams

if TYPE_CHECKING:
    from kilnmark.protocol.wire.requests import RenderParams

__all__ = [
    "EXTRA_LIMIT",
    "STACK_LIMIT",
    "BlockScales",
    "ExtraLora",
    "Path",
    "Scale",
    "asked_by_paths",
    "check_extras",
    "check_stack",
]

Scale = Annotated[float, Meta(ge=-100, le=100)]
BlockScales = Annotated[dict[Annotated[str, Meta(min_length=1, max_length=100)], Scale], Meta(max_length=100)]
Path = Annotated[str, Meta(min_length=1, max_length=4096)]

STACK_LIMIT = 32
"""Adapters that a request may send as its stack."""

EXTRA_LIMIT = 16
"""Adapters that it may put behind its stack."""


class ExtraLora(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One adapter behind a stack.

    Attributes:
        path: Its file, absolute or below one of the daemon's adapter roots.
        scale: How strongly it is applied.
        block_scales: How strongly on some blocks instead, by patterns such as `double`, `single.20-37` or `single.4`.
    """

    path: Path
    scale: Scale = 1.0
    block_scales: BlockScales = {}


def asked_by_paths(
    paths: Sequence[str], scales: Sequence[float], block_scales: Sequence[Mapping[str, float]] = ()
) -> dict[str, Any]:
    """The fields of a request for a stack whose files are known, whatever it was composed of.

    Args:
        paths, scales: In stack order, `STACK_LIMIT` and `EXTRA_LIMIT` together at most.
        block_scales: The scales of each for some blocks; none for no adapter having any.
    """
    blocks = [dict(each) for each in block_scales] or [{} for _ in paths]
    whole = list(zip(paths, scales, blocks, strict=True))
    own, behind = whole[:STACK_LIMIT], whole[STACK_LIMIT:]
    fields: dict[str, Any] = {
        "lora_paths": [path for path, _, _ in own],
        "lora_scales": [scale for _, scale, _ in own],
    }
    if any(each for _, _, each in own):
        fields["lora_block_scales"] = [each for _, _, each in own]
    if behind:
        fields["extra_loras"] = [ExtraLora(path=path, scale=scale, block_scales=each) for path, scale, each in behind]
    return fields


def check_stack(params: "RenderParams") -> None:
    """Check what types cannot say of a request's adapters.

    Raises:
        InvalidParams: naming the field and what to send instead.
    """
    for i, scale in enumerate(params.lora_scales):
        if not math.isfinite(scale):
            raise InvalidParams(f"{scale} is not a finite scale - at `$.params.lora_scales[{i}]`")
    if len(params.lora_paths) != len(params.lora_scales):
        raise InvalidParams(
            f"lora_paths has {len(params.lora_paths)} entries and lora_scales {len(params.lora_scales)} - "
            "at `$.params.lora_scales`; give one scale for each path"
        )
    if params.lora_block_scales and len(params.lora_block_scales) != len(params.lora_paths):
        raise InvalidParams(
            f"lora_paths has {len(params.lora_paths)} entries and lora_block_scales {len(params.lora_block_scales)} - "
            "at `$.params.lora_block_scales`; give one mapping for each path, an empty one where it has a single scale"
        )
    for i, scales in enumerate(params.lora_block_scales):
        _check_blocks(scales, f"lora_block_scales[{i}]")
    if params.genre is not None and params.lora_paths:
        raise InvalidParams(
            "genre and lora_paths are two ways to say the stack - at `$.params.genre`; use one of them, and "
            "extra_loras for adapters behind the genre's"
        )
    check_extras(params.extra_loras)


def check_extras(extras: "list[ExtraLora]") -> None:
    """Check adapters behind a stack, as `check_stack` does.

    Raises:
        InvalidParams: naming the field and what to send instead.
    """
    for i, extra in enumerate(extras):
        if not math.isfinite(extra.scale):
            raise InvalidParams(f"{extra.scale} is not a finite scale - at `$.params.extra_loras[{i}].scale`")
        _check_blocks(extra.block_scales, f"extra_loras[{i}].block_scales")


def _check_blocks(scales: Mapping[str, float], field: str) -> None:
    for blocks, scale in scales.items():
        if not math.isfinite(scale):
            raise InvalidParams(f"{scale} is no finite scale - at `$.params.{field}.{blocks}`")
    if problem := block_scales_problem(scales):
        said, _, mend = problem[1].partition("; ")
        raise InvalidParams(f"{said} - at `$.params.{field}`; {mend}")
