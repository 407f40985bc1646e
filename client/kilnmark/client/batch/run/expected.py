"""How long painting will take, by steps that were measured: by the daemon, or in the batches of a folder.

Sizes that nobody has measured go by the nearest one of the same base, in proportion to their pixels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from kilnmark.client.batch.run.picture import Picture
from kilnmark.protocol.picture.spec import PictureSpec
from kilnmark.protocol.wire.pace import PaceInfo

__all__ = ["Expected", "expected", "paces_of"]


class Expected(NamedTuple):
    """What painting will take.

    Attributes:
        seconds: Of all pictures that something is known of; None: of none.
        unknown: Pictures on bases of which nothing was measured.
        is_rough: Some go by other sizes than theirs.
    """

    seconds: float | None
    unknown: int = 0
    is_rough: bool = False


@dataclass(frozen=True, slots=True)
class _Took:
    """One picture: its seconds, and whether they are those of another size."""

    seconds: float
    is_rough: bool


def expected(specs: Iterable[PictureSpec], paces: Sequence[PaceInfo]) -> Expected:
    """What these pictures will take, one after another, with the stacks that are on.

    Args:
        specs: What decides them, on the bases that they will be painted on.
        paces: What was measured.
    """
    took = [_took(spec, paces) for spec in specs]
    known = [each for each in took if each is not None]
    if not known:
        return Expected(None if took else 0.0, len(took))
    seconds = sum(each.seconds for each in known)
    return Expected(seconds, len(took) - len(known), any(each.is_rough for each in known))


def paces_of(pictures: Iterable[Picture]) -> list[PaceInfo]:
    """What the pictures of a folder took, as far as that is written down; decoding counts among their steps."""
    found: dict[tuple[str, int, int], list[float]] = {}
    for each in pictures:
        if each.seconds is not None:
            found.setdefault((each.variant, each.width, each.height), []).append(each.seconds / each.steps)
    return [
        PaceInfo(variant=variant, width=width, height=height, step_ms=1000 * median(steps))
        for (variant, width, height), steps in found.items()
    ]


def _took(spec: PictureSpec, paces: Sequence[PaceInfo]) -> _Took | None:
    pixels = spec.width * spec.height
    of_base = [pace for pace in paces if pace.variant == spec.variant]
    if not of_base:
        return None
    near = min(of_base, key=lambda pace: abs(pace.width * pace.height - pixels))
    share = pixels / (near.width * near.height)
    seconds = share * (spec.steps * near.step_ms + (near.decode_ms or 0.0)) / 1000
    return _Took(seconds, (near.width, near.height) != (spec.width, spec.height))
