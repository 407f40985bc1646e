"""What an adapter does to a whole forward pass: the noise predicted with it alone on the base, beside the bare base's.

Norms say what an adapter changes in the weights; this says that it arrives at the output. One pass at a fixed small
size costs a fraction of a denoise step, and the bare base's is kept for the next adapter.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kilnmark.engine.families.base import Base
from kilnmark.engine.stack.exact import on_host
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.errors import UnfitAdapter

__all__ = ["CLEAR_DIVERGENCE", "REMEMBERED", "Probe"]

CLEAR_DIVERGENCE = 0.03
"""What rounding in half precision does not come near.

Every number that an adapter moves may be rounded another way, however little it is moved: in bf16 a pass of the standin
moved by 5e-3 with an adapter of any delta ratio from 1e-3 down to 1e-6. So a fainter adapter is probed at a multiple of
its scale, where it is clear, and what it does there is divided by that: small changes add up linearly.
"""

RAISED_BY, MOST_RAISED = 8.0, 8.0**7
"""The steps that its scale is raised by, and the most: 30 % of a prediction over two million is no effect at all."""

REMEMBERED = 10_000
"""Divergences kept for renders that ask for the same adapter at the same scale again."""


class Probe:
    """Probes adapters on one base, each content once unless more is asked for."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._bare: tuple[frozenset[str], NDArray[np.float64]] | None = None
        self._known: dict[tuple[str, float], float] = {}
        self._seen: set[str] = set()

    def divergence(self, member: Member, *, asked: bool) -> float | None:
        """Norm of the difference to the bare base's prediction, over the norm of that; leaves the stack as it is.

        Args:
            member: The adapter, at its scale.
            asked: Probe it at this scale, also where it was probed at another.

        Returns:
            None for an adapter that was probed at another scale only.

        Raises:
            UnfitAdapter: with it, the model predicts infinity or no number at all.
        """
        key = (member.adapter.sha256, member.scale)
        if key not in self._known:
            if member.adapter.sha256 in self._seen and not asked:
                return None
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = self._probed(member)
            self._seen.add(member.adapter.sha256)
        return self._known[key]

    def _probed(self, member: Member) -> float:
        bare, raised = self._bare_beside(member), 1.0
        found = self._difference(member, bare)
        self._base.stacker.forget([member._replace(scale=0.0)])  # not before: both have the same down matrices
        if not math.isfinite(found):
            problem = f"at scale {member.scale:g} the model predicts infinity or no number with it"
            raise UnfitAdapter(member.adapter.path, problem, "lower its scale, or train it again at a lower rate")
        while self._rounds and 0 < found * raised < CLEAR_DIVERGENCE and raised < MOST_RAISED:
            raised *= RAISED_BY
            stronger = member._replace(scale=member.scale * raised)
            more = self._difference(stronger, bare)
            self._base.stacker.forget([stronger])
            if not math.isfinite(more):
                break
            found = more / raised
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
            beside, members = self._rounded_by(member), [member._replace(scale=0.0)]
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
