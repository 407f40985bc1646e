"""From what a caller asked to what the worker is told: every choice made, every name known, every path real.

What cannot be rendered as asked is refused here, before it waits; what is left out of a picture without harm is said
in a warning.
"""

from collections.abc import Callable
from typing import NamedTuple

from kilnmark.daemon.asked.pictures import PictureFiles
from kilnmark.daemon.asked.served import Served
from kilnmark.daemon.asked.stack import AskedStack
from kilnmark.keymaps.files.weights import WeightsProblem
from kilnmark.protocol.content.composed import ComposedStyle
from kilnmark.protocol.content.problems import near_miss
from kilnmark.protocol.content.tiers import Tier, load_tiers
from kilnmark.protocol.picture.decide import Decision, base_for, decide
from kilnmark.protocol.picture.family import Variant
from kilnmark.protocol.picture.given import NO_PICTURES, GivenPictures
from kilnmark.protocol.wire.errors import InvalidParams, RenderFailed
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["Accepted", "accept", "decided"]

_NO_FILES = PictureFiles()


def _never(_row: Variant) -> bool:
    """Nothing is a draft that does not say so."""
    return False


class Accepted(NamedTuple):
    """A render as the worker will be told of it, and what the caller should know about how it was understood.

    Attributes:
        repeatable: The seed is the request's own or its style's: asked for again, the same picture is meant.
    """

    command: RenderCommand
    warnings: tuple[str, ...]
    repeatable: bool


def accept(
    params: RenderParams,
    served: Served,
    job_id: str,
    composed: AskedStack | None = None,
    pictures: PictureFiles = _NO_FILES,
    *,
    drafts: Callable[[Variant], bool] = _never,
) -> Accepted:
    """Decide everything that a request left open, and put its stack beside it.

    The paths of adapters are left as they were sent; preparing the job makes them real.

    Args:
        params: What was asked.
        served: The bases that the daemon may hold.
        job_id: The request's, or one drawn for it.
        composed: The stack of the genre that the request names; None: it names none.
        pictures: Those that the request names.
        drafts: Whether it is to be a draft on a base, where it does not say.

    Raises:
        InvalidParams: a name is unknown, or the picture is too large.
        RenderFailed: the base cannot be told by its directory.
    """
    stack = (composed or AskedStack.of_paths(params)).followed_by(params.extra_loras)
    decision = decided(params, served, stack.style, pictures.given, drafts=drafts)
    command = RenderCommand(
        **decision.spec.fields_for(RenderCommand),
        job_id=job_id,
        tier=params.tier,
        lora_names=list(stack.info.names),
        lora_paths=list(stack.paths),
        lora_scales=list(stack.scales),
        stack=stack.info,
        on_mismatch=params.on_mismatch,
        probe=params.probe,
        lora_block_scales=[dict(each) for each in stack.block_scales] if any(stack.block_scales) else [],
        init_image=pictures.start,
        reference_images=list(pictures.references),
        promoted_only=_is_bound(stack, served),
    )
    return Accepted(command, (*stack.warnings, *decision.warnings), decision.repeatable)


def _is_bound(stack: AskedStack, served: Served) -> bool:
    """Whether its adapters have to be promoted."""
    asked = stack.style is not None and stack.style.requires_promoted
    return bool(stack.paths) and (asked or served.settings.require_promoted == "all")


def decided(
    params: RenderParams,
    served: Served,
    style: ComposedStyle | None,
    given: GivenPictures = NO_PICTURES,
    *,
    drafts: Callable[[Variant], bool] = _never,
) -> Decision:
    """What a request comes to on the bases that this daemon may hold.

    Args:
        params: What was asked.
        served: The bases that the daemon may hold.
        style: What its genre comes to; None: it names none.
        given: What is in the pictures that it names.
        drafts: Whether it is to be a draft on a base, where it does not say.

    Raises:
        InvalidParams: a name is unknown, or the picture is too large.
        RenderFailed: the base cannot be told by its directory.
    """
    tier = _tier(params.tier) if style is None else None
    base = served.named(base_for(params.variant, style, tier, served=served.places, default=served.default))
    try:
        row = served.row_of(base)
    except WeightsProblem as error:
        mend = "send warm_up to try again" if base == served.default else "try again"
        raise RenderFailed(f"the base cannot be held: {error}; mend that, then {mend}") from error
    return decide(params, base, row, style=style, tier=tier, given=given, drafts=drafts(row))


def _tier(name: str | None) -> Tier | None:
    if name is None:
        return None
    tiers = load_tiers()
    if name not in tiers:
        meant = near_miss(name, tiers)
        mend = f"did you mean {meant!r}?" if meant else f"use one of {', '.join(tiers)}"
        raise InvalidParams(f"{name!r} is no known tier - at `$.params.tier`; {mend}")
    return tiers[name]
