"""Drafts: pictures that are capped in size and steps, so that they come in seconds, and that never pass for a picture.

How far a draft is capped and what becomes of numbers is here; whether one is painted where nobody says is for the
daemon to know, and that it is one stands in the picture's spec.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from kilnmark.protocol.picture.family import Variant

__all__ = [
    "DRAFT_NOTICE",
    "STANDIN_DRAFT",
    "USUAL_DRAFT",
    "AskedDraft",
    "DraftNumbers",
    "Drafting",
    "cap_of",
    "drafted",
]

DRAFT_NOTICE = "a draft: capped in size and steps, to be looked at and not to be used"

Drafting = Literal["auto", "always", "never"]
"""When a daemon paints drafts where a request does not say: `auto` on stand-ins, and on a CPU for bases that are not
small."""

_MULTIPLE, _SMALLEST = 16, 64
"""Of a side, in pixels."""


class DraftNumbers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a draft is capped.

    Attributes:
        size: Pixels of its longer side at most, a multiple of 16; the other follows it.
        steps: Denoise steps at most.
    """

    size: Annotated[int, Meta(ge=64, le=4096, multiple_of=16)] = 256
    steps: Annotated[int, Meta(ge=1, le=100)] = 4


AskedDraft = bool | DraftNumbers
"""What a request can say: whether it wants a draft, or how far that is to be capped."""

USUAL_DRAFT = DraftNumbers()
"""Where nobody says otherwise."""

STANDIN_DRAFT = DraftNumbers(size=128, steps=2)
"""Of a base whose numbers are made up, at most: they show as much in a small picture."""


def cap_of(asked: AskedDraft | None, tier: DraftNumbers | None, row: Variant) -> DraftNumbers:
    """How far a draft is capped.

    Args:
        asked: By the request, whose own numbers go before all others.
        tier: As the picture's tier has it; None: it says nothing, or there is none.
        row: Of its base.
    """
    if isinstance(asked, DraftNumbers):
        return asked
    usual = tier or USUAL_DRAFT
    if not row.made_up:
        return usual
    return DraftNumbers(
        size=min(usual.size, STANDIN_DRAFT.size),
        steps=min(usual.steps, STANDIN_DRAFT.steps),
    )


def drafted(numbers: dict[str, Any], cap: DraftNumbers, *, size: bool = True, steps: bool = True) -> dict[str, Any]:
    """The numbers of a picture as its draft has them; drafted again, they stay as they are.

    Args:
        numbers: By their names; nothing but size and steps is looked at.
        cap: What they are capped at.
        size, steps: Whether these may be.
    """
    capped = dict(numbers)
    if steps:
        capped["steps"] = min(numbers["steps"], cap.steps)
    longest = max(numbers["width"], numbers["height"])
    if size and longest > cap.size:
        for side in ("width", "height"):
            exact = numbers[side] * cap.size / longest
            capped[side] = max(_SMALLEST, round(exact / _MULTIPLE) * _MULTIPLE)
    return capped
