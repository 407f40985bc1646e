"""What a stack does to a base, in numbers: the delta ratio of every adapter and of all together, and the verdicts.

All of it is computed from norms and inner products, hardly ever multiplying a pair of matrices out, before a denoise
step is run.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from kilnmark.engine.proof.overlap import Overlaps
from kilnmark.engine.proof.thresholds import CANCELLING_SHARE, LOST_RATIO, VANISHING_RATIO
from kilnmark.engine.stack.exact import square_norm
from kilnmark.engine.stack.slots import Slot
from kilnmark.engine.stack.stack import Member
from kilnmark.engine.stack.stretch import change_of_scales, stretch_of
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.engagement import describe, evidence
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.updates.update import AnyUpdate, NormUpdate, WeightUpdate
from kilnmark.protocol.picture.report import AdapterReport, Verdict, judge

__all__ = ["Effect", "accuse"]


class _Changes(NamedTuple):
    """What one adapter changes at scale 1: Frobenius norms, of each of its updates and of all of them, and the targets
    whose own numbers it only repeats.
    """

    norms: NDArray[np.float64]
    norm: float
    same: tuple[str, ...]


class Effect:
    """Measures adapters against one base. The base's norms are computed once, target by target, as asked for."""

    def __init__(self, slots: Mapping[str, Slot]) -> None:
        self._slots = slots
        self._squares: dict[str, float] = {}
        self._changes: dict[str, _Changes] = {}
        self._overlaps = Overlaps(slots)

    def delta_ratio(self, adapter: Adapter, scale: float) -> float:
        """Frobenius norm of scale x delta over that of the base weights, over the adapter's targets; 0 without any.

        What is added to a bias counts as one more column of the weight.
        """
        delta = abs(scale) * self._change(adapter).norm
        base = self._base_norm(update.target for update in adapter.updates)
        return delta / base if base else 0.0

    def stack_ratio(self, members: Sequence[Member]) -> float:
        """The same for what all of them change together, over all their targets; 0 without any."""
        base = self._base_norm({update.target for member in members for update in member.adapter.updates})
        return self._joint_norm(members) / base if base else 0.0

    def cancelling(self, members: Sequence[Member]) -> list[list[Member]]:
        """Groups of members that undo each other: all of one file, those of two files, or the whole stack.

        Every member must change something by itself.
        """
        files = _by_file(members)
        dead = [file for file in files if len(file) > 1 and self._cancels(file)]
        live = [file for file in files if file not in dead]
        groups = [[*one, *other] for one, other in combinations(live, 2)]
        if len(live) > 2:  # noqa: PLR2004 - two are a pair
            groups.append([member for file in live for member in file])
        return [*dead, *(group for group in groups if self._cancels(group))]

    def _cancels(self, members: Sequence[Member]) -> bool:
        single = sum(abs(member.scale) * self._change(member.adapter).norm for member in members)
        return self._joint_norm(members) < CANCELLING_SHARE * single

    def _joint_norm(self, members: Sequence[Member]) -> float:
        """Frobenius norm of the sum of what they change: the square root of a quadratic form of their scales."""
        square = sum((member.scale * self._change(member.adapter).norm) ** 2 for member in members)
        for one, other in combinations(members, 2):
            square += 2 * one.scale * other.scale * self._product(one.adapter, other.adapter)
        return math.sqrt(max(square, 0.0))

    def _product(self, one: Adapter, other: Adapter) -> float:
        if one.sha256 == other.sha256:
            return self._change(one).norm ** 2
        return self._overlaps.product(one, other)

    def _base_norm(self, targets: Iterable[str]) -> float:
        targets = list(targets)
        self._measure(targets)
        return math.sqrt(sum(self._squares[target] for target in targets))

    def _change(self, adapter: Adapter) -> _Changes:
        """What an adapter changes at scale 1; magnitudes and whole scales of norms are measured on the base."""
        if (known := self._changes.get(adapter.sha256)) is not None:
            return known
        norms = np.array([self._norm(update) for update in adapter.updates])
        change = math.hypot(*norms)
        if not math.isfinite(change):
            problem = "its magnitudes stretch rows of this base beyond the range of float32"
            raise UnfitAdapter(adapter.path, problem, "train or export the adapter again")
        same = [
            update.target
            for update, norm in zip(adapter.updates, norms, strict=True)
            if update.norm is None and not norm
        ]
        self._changes[adapter.sha256] = _Changes(norms, change, tuple(same))
        return self._changes[adapter.sha256]

    def _norm(self, update: AnyUpdate) -> float:
        layer = self._slots[update.target].linear
        if isinstance(update, NormUpdate):
            return float(np.linalg.norm(change_of_scales(layer, update)))
        if isinstance(update, WeightUpdate) and update.magnitude is not None:
            bias = 0.0 if update.bias is None else float(np.linalg.norm(update.bias))
            return math.hypot(stretch_of(layer, update).norm, bias)
        return update.norm

    def assess(self, adapter: Adapter, name: str, scale: float) -> AdapterReport:
        """The engagement report of one readable adapter.

        Raises:
            UnfitAdapter: Its magnitudes cannot be applied to this base.
        """
        ratio = self.delta_ratio(adapter, scale)
        found = evidence(adapter, scale, vanished=self._lost(adapter, scale, ratio), same=self._change(adapter).same)
        verdict, reason = judge(found)
        changed = found.changed_target_count
        return describe(adapter, scale, verdict, reason, ratio, name=name, applied_target_count=changed)

    def _lost(self, adapter: Adapter, scale: float, ratio: float) -> list[str]:
        """Targets whose weight the update leaves as it is, because the sum rounds to it."""
        targets = [update.target for update in adapter.updates]
        if ratio < VANISHING_RATIO:
            return targets
        changes = zip(targets, abs(scale) * self._change(adapter).norms, strict=True)
        return [target for target, norm in changes if norm < LOST_RATIO * math.sqrt(self._squares[target])]

    def _measure(self, targets: Iterable[str]) -> None:
        """One layer at a time, so that a quantized base is never held unpacked."""
        for target in targets:
            if target not in self._squares:
                self._squares[target] = square_norm(self._slots[target].linear)


def _by_file(members: Sequence[Member]) -> list[list[Member]]:
    files: dict[str, list[Member]] = {}
    for member in members:
        files.setdefault(member.adapter.sha256, []).append(member)
    return list(files.values())


def accuse(reports: Sequence[AdapterReport], group: Sequence[Member]) -> list[AdapterReport]:
    """The reports, of which those of a group that cancels are a `noop` now, unless they were already.

    Args:
        reports: Of the whole stack.
        group: As `Effect.cancelling` gives it.
    """
    hashes = {member.adapter.sha256 for member in group}
    scales = [member.scale for member in group]
    named = [report.name for report in reports if report.sha256 in hashes]
    if len(hashes) == 1:
        reason = f"cancelled by the same file in this stack, whose scales {scales} add up to nothing"
    else:
        reason = f"cancelled within this stack: {', '.join(named)} at scales {scales} add up to nothing"
    return [
        msgspec.structs.replace(report, applied_target_count=0, verdict=Verdict.NOOP, reason=reason)
        if report.sha256 in hashes and report.verdict in (Verdict.ENGAGED, Verdict.PARTIAL)
        else report
        for report in reports
    ]
