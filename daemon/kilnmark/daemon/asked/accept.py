"""From what a caller asked to what the worker is told: every choice made, every name known, every path real.

What cannot be rendered as asked is refused here, before it waits; what is left out of a picture without harm is said
in a warning.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kilnmark.daemon.asked.styled import Styled
from kilnmark.daemon.pictures.hashes import Seen, look_at
from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.files.safefile import locate
from kilnmark.protocol.content.packs import ComposedStyle
from kilnmark.protocol.content.tiers import Tier, load_tiers
from kilnmark.protocol.picture.catalog import VARIANTS, row_of_any
from kilnmark.protocol.picture.decide import Decision, base_for, decide
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import AdapterRefused, InvalidParams
from kilnmark.protocol.wire.replies import StackInfo
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["Accepted", "Located", "accept", "decided", "known_variant", "locate_stack", "refusal"]


class Accepted(NamedTuple):
    """A render as the worker will be told of it, and what the caller should know about how it was understood.

    Attributes:
        repeatable: The seed is the request's own or its style's: asked for again, the same picture is meant.
    """

    order: RenderCommand
    warnings: tuple[str, ...]
    repeatable: bool


class Located(NamedTuple):
    """What was found of a stack.

    Attributes:
        paths: Real paths in stack order; an adapter that is refused keeps the path it was sent with.
        refused: A report for each adapter that is not there or may not be read.
        seen: The files as they are now; None when one of them is refused or could not be looked at.
    """

    paths: list[str]
    refused: list[AdapterReport]
    seen: Seen | None


def accept(params: RenderParams, settings: Settings, job_id: str, styled: Styled | None = None) -> Accepted:
    """Decide everything that a request left open: the request's own word, else its tier's, else its variant's.

    The adapters' paths are left as they were sent; `locate_stack` makes them real.

    Args:
        params: What was asked.
        settings: What the daemon may do.
        job_id: The request's, or one drawn for it.
        styled: What the genre of the request comes to; None: it names none.

    Raises:
        InvalidParams: a name is unknown, or the picture is too large.
    """
    decision = decided(params, settings, styled.style if styled else None)
    stack = styled.stack if styled else _stack(params)
    order = RenderCommand(
        **decision.spec.fields_for(RenderCommand),
        job_id=job_id,
        tier=params.tier,
        lora_names=list(stack.names),
        lora_paths=styled.files.paths if styled else params.lora_paths,
        lora_scales=styled.scales if styled else params.lora_scales,
        stack=stack,
        on_mismatch=params.on_mismatch,
        probe=params.probe,
    )
    return Accepted(order, (*(styled.warnings if styled else ()), *decision.warnings), decision.repeatable)


def decided(params: RenderParams, settings: Settings, style: ComposedStyle | None) -> Decision:
    """What a request comes to on the bases that this daemon may hold.

    Args:
        style: What its genre comes to; None: it names none.

    Raises:
        InvalidParams: a name is unknown, or the picture is too large.
    """
    tier = _tier(params.tier) if style is None else None
    base = base_for(params.variant, style, tier, served=settings.variants, default=settings.variant)
    known_variant(base, settings)
    return decide(params, base, row_of_any(base), style=style, tier=tier)


async def locate_stack(order: RenderCommand, roots: Sequence[Path]) -> Located:
    """Find an order's adapters. A disk may be slow, so it is asked off the loop."""
    return await asyncio.to_thread(_locate_all, order, roots)


def refusal(order: RenderCommand, refused: Sequence[AdapterReport]) -> AdapterRefused:
    """The error of a render whose adapters are refused; their reports travel in its detail."""
    return AdapterRefused(
        "; ".join(report.reason for report in refused), job_id=order.job_id, detail={"loras": list(refused)}
    )


def _locate_all(order: RenderCommand, roots: Sequence[Path]) -> Located:
    found: list[str] = []
    refused: list[AdapterReport] = []
    for name, path, scale in zip(order.lora_names, order.lora_paths, order.lora_scales, strict=True):
        try:
            found.append(str(locate(path, roots)))
        except RefusedFile as error:
            found.append(path)
            refused.append(AdapterReport(name=name, path=path, scale=scale, verdict=Verdict.REFUSED, reason=str(error)))
    return Located(found, refused, None if refused else _look_at(found))


def _look_at(paths: Sequence[str]) -> Seen | None:
    try:
        return look_at(paths)
    except OSError:
        return None


def known_variant(asked: str | None, settings: Settings) -> str:
    """The base asked for; the one the daemon was started with when none was.

    Raises:
        InvalidParams: this daemon must not hold it.
    """
    if asked is None:
        return settings.variant
    if asked in settings.variants:
        return asked
    served = ", ".join(repr(name) for name in settings.variants)
    if asked in VARIANTS:
        raise InvalidParams(
            f"this daemon serves {served} - at `$.params.variant`; start one with `kilnmark serve --variant {asked}`, "
            f"or with `--base {asked}` beside its other bases"
        )
    raise InvalidParams(
        f"{asked!r} is no known variant - at `$.params.variant`; this daemon serves {served}, "
        f"known are {', '.join(VARIANTS)}"
    )


def _tier(name: str | None) -> Tier | None:
    if name is None:
        return None
    tiers = load_tiers()
    if name not in tiers:
        raise InvalidParams(f"{name!r} is no known tier - at `$.params.tier`; use one of {', '.join(tiers)}")
    return tiers[name]


def _stack(params: RenderParams) -> StackInfo:
    names = tuple(Path(path).stem for path in params.lora_paths)
    return StackInfo(source="paths" if names else "none", tier=params.tier, names=names)
