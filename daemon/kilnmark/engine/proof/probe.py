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

__all__ = ["REMEMBERED", "Probe"]

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
        bare = self._bare_beside(member)
        predicted = self._predicted([member])
        with np.errstate(invalid="ignore", over="ignore"):
            difference = float(np.linalg.norm(predicted - bare) / np.linalg.norm(bare))
        if not math.isfinite(difference):
            problem = f"at scale {member.scale:g} the model predicts infinity or no number with it"
            raise UnfitAdapter(member.adapter.path, problem, "lower its scale, or train it again at a lower rate")
        return difference

    def _bare_beside(self, member: Member) -> NDArray[np.float64]:
        """What the base predicts without the adapter, and else in the same way.

        Below float32 that is with the adapter at scale 0: what wraps a layer gives float32, which a model in bf16 goes
        on with, and that alone was measured to move its prediction by 1.4e-3.
        """
        if self._base.info.precision == "float32":
            beside, members = frozenset[str](), []
        else:
            beside, members = frozenset(each.target for each in member.adapter.updates), [member._replace(scale=0.0)]
        if self._bare is None or self._bare[0] != beside:
            self._bare = beside, self._predicted(members)
        return self._bare[1]

    def _predicted(self, members: Sequence[Member]) -> NDArray[np.float64]:
        with self._base.stacker.aside(members):
            return on_host(self._base.predict()).astype(np.float64)
