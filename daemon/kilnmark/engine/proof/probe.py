"""What an adapter does to a whole forward pass: the noise predicted with it alone on the base, beside the bare base's.

Norms say what an adapter changes in the weights; this says that it arrives at the output. One pass at a fixed small
size costs a fraction of a denoise step, and the bare base's is computed once.
"""

import mlx.core as mx

from kilnmark.engine.families.base import Base
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.errors import UnfitAdapter

__all__ = ["REMEMBERED", "Probe"]

REMEMBERED = 10_000
"""Divergences kept for renders that ask for the same adapter at the same scale again."""


class Probe:
    """Probes adapters on one base, each content once unless more is asked for."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._bare: mx.array | None = None
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
        if self._bare is None:
            with self._base.stacker.aside([]):
                self._bare = self._base.predict()
        with self._base.stacker.aside([member]):
            predicted = self._base.predict()
        difference = mx.linalg.norm(predicted - self._bare) / mx.linalg.norm(self._bare)
        if not bool(mx.isfinite(difference)):
            problem = f"at scale {member.scale:g} the model predicts infinity or no number with it"
            raise UnfitAdapter(member.adapter.path, problem, "lower its scale, or train it again at a lower rate")
        return float(difference.item())  # type: ignore[arg-type]  # float32 is never complex
