"""What a stack does to a base, in numbers: the delta ratio of every adapter, and from it the verdict.

All of it is computed from norms, without multiplying any pair of matrices out, before a denoise step is run.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import mlx.core as mx
import msgspec
import numpy as np

from kilnmark.engine.slots import Slot, square_norm
from kilnmark.engine.stack import Member
from kilnmark.engine.stretch import change_of_scales, stretch_of
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.engagement import describe, evidence
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.update import AnyUpdate, NormUpdate, WeightUpdate
from kilnmark.protocol.report import AdapterReport, Verdict, judge

__all__ = ["CANCELLING_SHARE", "VANISHING_RATIO", "Effect", "name_cancelled"]

VANISHING_RATIO = 1e-6
"""Delta ratio below which no pixel changes: a forward pass then differs by under 2e-6, float32's own noise."""

CANCELLING_SHARE = 1e-3
"""Scales of one file that leave less than this share of their sum cancel: a +1/-1 pair leaves 2e-4 in float32."""


class _Changes(NamedTuple):
    """What one adapter changes at scale 1: the Frobenius norm of all, and norms whose own scales it only repeats."""

    norm: float
    same: tuple[str, ...]


class Effect:
    """Measures adapters against one base. The base's norms are computed once, target by target, as asked for."""

    def __init__(self, slots: Mapping[str, Slot]) -> None:
        self._slots = slots
        self._squares: dict[str, float] = {}
        self._changes: dict[str, _Changes] = {}

    def delta_ratio(self, adapter: Adapter, scale: float) -> float:
        """Frobenius norm of scale x delta over that of the base weights, over the adapter's targets; 0 without any.

        What is added to a bias counts as one more column of the weight.
        """
        targets = [update.target for update in adapter.updates]
        self._measure(targets)
        base = math.sqrt(sum(self._squares[target] for target in targets))
        delta = abs(scale) * self._change(adapter).norm
        return delta / base if base else 0.0

    def _change(self, adapter: Adapter) -> _Changes:
        """What an adapter changes at scale 1; magnitudes and whole scales of norms are measured on the base."""
        if (known := self._changes.get(adapter.sha256)) is not None:
            return known
        norms = {update.target: self._norm(update) for update in adapter.updates}
        change = math.hypot(*norms.values())
        if not math.isfinite(change):
            problem = "its magnitudes stretch rows of this base beyond the range of float32"
            raise UnfitAdapter(adapter.path, problem, "train or export the adapter again")
        same = [update.target for update in adapter.updates if update.norm is None and norms[update.target] == 0.0]
        self._changes[adapter.sha256] = _Changes(change, tuple(same))
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
        vanished = [update.target for update in adapter.updates] if ratio < VANISHING_RATIO else []
        found = evidence(adapter, scale, vanished=vanished, same=self._change(adapter).same)
        verdict, reason = judge(found)
        changed = found.changed_target_count
        return describe(adapter, scale, verdict, reason, ratio, name=name, applied_target_count=changed)

    def _measure(self, targets: Iterable[str]) -> None:
        """One layer at a time, so that a quantized base is never held unpacked."""
        for target in targets:
            if target not in self._squares:
                square = square_norm(self._slots[target].linear)
                mx.eval(square)
                self._squares[target] = float(square.item())  # type: ignore[arg-type]  # float32 is never complex


def name_cancelled(members: Sequence[Member], reports: Sequence[AdapterReport]) -> list[AdapterReport]:
    """Reports with the adapters accused that undo each other: the same file at scales that add up to nothing."""
    scales: dict[str, list[float]] = defaultdict(list)
    for member in members:
        scales[member.adapter.sha256].append(member.scale)
    cancelled = {
        sha256
        for sha256, of_file in scales.items()
        if len(of_file) > 1 and abs(sum(of_file)) < CANCELLING_SHARE * sum(map(abs, of_file))
    }
    return [
        msgspec.structs.replace(
            report,
            applied_target_count=0,
            verdict=Verdict.NOOP,
            reason=f"cancelled by the same file in this stack, whose scales {scales[report.sha256]} add up to nothing",
        )
        if report.sha256 in cancelled and report.verdict is Verdict.ENGAGED
        else report
        for report in reports
    ]
