"""What an adapter does to a whole forward pass: the noise predicted with it alone on the base, beside the bare base's.

Norms say what an adapter changes in the weights; this says that it arrives at the output. One pass at a fixed small
size costs a fraction of a denoise step, and the bare base's is kept for the next adapter.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kilnmark.engine.families.base import Base
from kilnmark.engine.stack.exact import on_host
from kilnmark.engine.stack.member import Member, MemberKey
from kilnmark.keymaps.errors import UnfitAdapter

__all__ = ["CLEAR_DIVERGENCE", "REMEMBERED", "Probe", "beyond_rounding"]

CLEAR_DIVERGENCE = 0.03
"""What rounding in half precision does not come near.

Every number that an adapter moves may be rounded another way, however little it is moved: in bf16 a pass of the standin
moved by 5e-3 with an adapter of any delta ratio from 1e-3 down to 1e-6. So a fainter adapter is probed at a multiple of
its scale, where it is clear, and what it does there is divided by that: small changes add up linearly.
"""

RAISED_BY, MOST_RAISED = 8.0, 8.0**7
"""The steps that its scale is raised by, and the most: 30 % of a prediction over two million is no effect at all."""

_STANDS_OUT = 1.5
"""Times what rounding alone moves a pass by; from one pass to the next, that was measured to be a third more."""
_GROWTH = 4.0
"""Of the 8 that a small change grows by with every step; what grows by less no longer adds up linearly."""

REMEMBERED = 10_000
"""Divergences kept for renders that ask for the same adapter at the same scale again."""


class Probe:
    """Probes adapters on one base, each content once unless more is asked for."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._bare: tuple[frozenset[str], NDArray[np.float64]] | None = None
        self._known: dict[MemberKey, float] = {}
        self._seen: set[tuple[str, frozenset[str]]] = set()

    def divergence(self, member: Member, *, asked: bool) -> float | None:
        """Norm of the difference to the bare base's prediction, over the norm of that; leaves the stack as it is.

        Args:
            member: The adapter, at its scale.
            asked: Probe it at this scale, also where it was probed at another.

        Returns:
            None for an adapter that was probed at another scale only; with other layers at scale 0 it is another.

        Raises:
            UnfitAdapter: with it, the model predicts infinity or no number at all.
        """
        key, seen = member.key, (member.adapter.sha256, member.silent)
        if key not in self._known:
            if seen in self._seen and not asked:
                return None
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = self._probed(member)
            self._seen.add(seen)
        return self._known[key]

    def _probed(self, member: Member) -> float:
        bare = self._bare_beside(member)
        found = self._difference(member, bare)
        self._base.stacker.forget([member.at_nothing])  # not before: both have the same down matrices
        if not math.isfinite(found):
            problem = f"at {_at(member)} the model predicts infinity or no number with it"
            raise UnfitAdapter(member.adapter.path, problem, "lower its scale, or train it again at a lower rate")
        if not self._rounds or found >= CLEAR_DIVERGENCE:
            return found
        return beyond_rounding(found, lambda raised: self._raised(member, raised, bare))

    def _raised(self, member: Member, raised: float, bare: NDArray[np.float64]) -> float:
        stronger = member.raised(raised)
        found = self._difference(stronger, bare)
        self._base.stacker.forget([stronger])
        return found

    @property
    def _rounds(self) -> bool:
        """Whether a pass is in half precision from end to end; in `exact`, what wraps a layer gives float32."""
        return self._base.info.numerics == "fast" and self._base.info.precision != "float32"

    def _difference(self, member: Member, bare: NDArray[np.float64]) -> float:
        predicted = self._predicted([member])
        with np.errstate(invalid="ignore", over="ignore"):
            return float(np.linalg.norm(predicted - bare) / np.linalg.norm(bare))

    def _bare_beside(self, member: Member) -> NDArray[np.float64]:
        """What the base predicts without the adapter, and else in the same way.

        Below float32 that is with the adapter at scale 0: what wraps a layer rounds elsewhere, or, in `exact`, gives
        float32 that a model in bf16 goes on with, and that alone was measured to move its prediction by 1.4e-3.
        """
        if self._base.info.precision == "float32":
            beside, members = frozenset[str](), []
        else:
            beside, members = self._rounded_by(member), [member.at_nothing]
        if self._bare is None or self._bare[0] != beside:
            self._bare = beside, self._predicted(members)
        return self._bare[1]

    def _rounded_by(self, member: Member) -> frozenset[str]:
        """What says where a pass rounds: the layers that are wrapped, or, in `fast`, the adapter with its kinds."""
        if self._rounds:
            return frozenset([member.adapter.sha256])
        return frozenset(each.target for each in member.adapter.updates)

    def _predicted(self, members: Sequence[Member]) -> NDArray[np.float64]:
        with self._base.stacker.aside(members):
            return on_host(self._base.predict()).astype(np.float64)


def _at(member: Member) -> str:
    return f"scale {member.scale:g}" if member.on_layers is None else "these scales"


def beyond_rounding(found: float, at: Callable[[float], float]) -> float:
    """A divergence that rounding hides, from passes at a raised scale: at the last at which it grows with the scale.

    Below that, rounding is most of what a pass moves by. Above it, the change may be too large to add up: queries and
    keys are normed, so that one layer of them moves a pass by 0.02, however much it is raised.

    Args:
        found: At the scale itself; 0 where every number was rounded as without the adapter.
        at: Tells it at a multiple of the scale.

    Returns:
        0 where no pass is moved by anything; where none stands out of rounding, what the first of them is moved by.
    """
    result, last, least, raised = found, 0.0, found or math.inf, 1.0
    while raised < MOST_RAISED:
        raised *= RAISED_BY
        more = at(raised)
        if not math.isfinite(more) or more < _GROWTH * last:
            break
        if last or more > _STANDS_OUT * least or more >= CLEAR_DIVERGENCE:
            result, last = _beside(more, least) / raised, more
        if more >= CLEAR_DIVERGENCE:
            break
        result = result or more / raised
        least = min(least, more or math.inf)
    return result


def _beside(moved: float, rounding: float) -> float:
    """What is left of a move without what rounding adds to it, at a right angle; all where that is not less."""
    return math.sqrt(moved**2 - rounding**2) if rounding < moved else moved
