"""Stacks on a base that is never modified: build everything beside it, then swap references, or change nothing.

A stack on the base is one wrapper a target; taking it off puts the base's own layers back, the very same objects.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import mlx.core as mx
import numpy as np

from kilnmark.engine.layers import HadamardTerm, KroneckerTerm, StackedLinear, StackedNorm
from kilnmark.engine.slots import Slot
from kilnmark.engine.stretch import change_of_scales, stretch_of
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.fused import Matrix
from kilnmark.keymaps.shapes import encoder_of, is_norm
from kilnmark.keymaps.update import JOINT_RANK, AnyUpdate, HadamardUpdate, KroneckerUpdate, NormUpdate, WeightUpdate

__all__ = ["Member", "StackKey", "Stacker"]


class Member(NamedTuple):
    """One adapter of a stack at one scale."""

    adapter: Adapter
    scale: float


class _Part(NamedTuple):
    """What one member adds on one target."""

    update: AnyUpdate
    scale: float


Wrapper = StackedLinear | StackedNorm

StackKey = tuple[tuple[str, float], ...]
"""Content hash and scale of every adapter, in stack order."""


def _key(members: Sequence[Member]) -> StackKey:
    return tuple((member.adapter.sha256, member.scale) for member in members)


def _changes_encoder(member: Member) -> bool:
    return any(encoder_of(update.target) for update in member.adapter.updates)


class Stacker:
    """Puts stacks on one base.

    Args:
        slots: The base's layers, found while no stack was on it.
    """

    def __init__(self, slots: Mapping[str, Slot]) -> None:
        self._slots = slots
        self._on: dict[str, Wrapper] = {}
        self._key: StackKey = ()
        self._encoder_key: StackKey = ()

    @property
    def key(self) -> StackKey:
        """Of the stack now on the base."""
        return self._key

    @property
    def encoder_key(self) -> StackKey:
        """The same for those of its adapters that change a text encoder: what an encoded prompt depends on."""
        return self._encoder_key

    def switch(self, members: Sequence[Member]) -> None:
        """Put this stack on the base in place of the one that is on it; an empty one restores the base bit for bit.

        The same stack again does nothing. Whatever goes wrong while the new stack is built leaves the old one on.
        """
        key = _key(members)
        if key == self._key:
            return
        wrappers = self._build(members)
        for path in self._on.keys() - wrappers.keys():
            self._slots[path].put(self._slots[path].linear)
        for path, wrapper in wrappers.items():
            self._slots[path].put(wrapper)
        self._on, self._key = wrappers, key
        self._encoder_key = _key([member for member in members if _changes_encoder(member)])

    def _build(self, members: Sequence[Member]) -> dict[str, Wrapper]:
        parts: dict[str, list[_Part]] = defaultdict(list)
        for member in members:
            for update in member.adapter.updates:
                parts[update.target].append(_Part(update, member.scale))
        wrappers = {path: _wrap(self._slots[path], on_target) for path, on_target in parts.items()}
        mx.eval([wrapper.added() for wrapper in wrappers.values()])
        return wrappers


def _wrap(slot: Slot, parts: Sequence[_Part]) -> Wrapper:
    return _wrapped_norm(slot, parts) if is_norm(slot.shape) else _wrapped_linear(slot, parts)


def _wrapped_norm(slot: Slot, parts: Sequence[_Part]) -> StackedNorm:
    """Each adapter's change is that of the base's own scales, also where a stack has several on the norm."""
    total = np.zeros(slot.shape[0])
    for update, scale in parts:
        if not isinstance(update, NormUpdate) or update.scales.shape != total.shape:
            raise ValueError(f"{slot.path} is a norm of {len(total)} scales; this update does not fit it")
        total += scale * change_of_scales(slot.linear, update)
    return StackedNorm(slot.linear, mx.array(total.astype(np.float32)))


def _wrapped_linear(slot: Slot, parts: Sequence[_Part]) -> StackedLinear:
    pairs: list[_Pair] = []
    terms: list[KroneckerTerm | HadamardTerm] = []
    gains: list[Matrix] = []
    for update, scale in parts:
        if not isinstance(update, WeightUpdate):
            continue
        rows = _row_factors(slot, update, scale)
        if rows.gain is not None:
            gains.append(rows.gain)
        if isinstance(update, KroneckerUpdate):
            terms.append(_kronecker_term(slot, update, rows.factors))
        elif isinstance(update, HadamardUpdate) and update.rank > JOINT_RANK:
            terms.append(_hadamard_term(slot, update, rows.factors))
        else:
            down, up = _joint_pair(update) if isinstance(update, HadamardUpdate) else (update.down, update.up)
            pairs.append(_Pair(down, up * rows.factors[:, None]))
    gain = mx.array(np.sum(gains, axis=0)) if gains else None
    return StackedLinear(slot.linear, _joined(slot, pairs) if pairs else None, terms, gain, _bias(slot, parts))


def _bias(slot: Slot, parts: Sequence[_Part]) -> mx.array | None:
    """What all of them add to the layer's bias; None for nothing."""
    total = np.zeros(slot.shape[0])
    found = False
    for update, scale in parts:
        if isinstance(update, NormUpdate) or (update.bias is not None and update.bias.shape != total.shape):
            raise ValueError(f"{slot.path} is {slot.shape}; this update does not fit it")
        if update.bias is not None:
            total += scale * update.bias.astype(np.float64)
            found = True
    return mx.array(total.astype(np.float32)) if found else None


class _Rows(NamedTuple):
    """What the rows of an update's product are multiplied by, `(out,)` or one for all, and what DoRA adds to the base's
    own rows; None without it.
    """

    factors: Matrix
    gain: Matrix | None


def _row_factors(slot: Slot, update: WeightUpdate, scale: float) -> _Rows:
    factor = np.float32(scale * update.multiplier)
    if update.magnitude is None:
        return _Rows(np.array([factor]), None)
    stretch = stretch_of(slot.linear, update).factors
    return _Rows(factor * stretch, np.float32(scale) * (stretch - 1))


class _Pair(NamedTuple):
    """A pair with all factors folded into `up`."""

    down: Matrix
    up: Matrix


def _joint_pair(update: HadamardUpdate) -> tuple[Matrix, Matrix]:
    """The pair (rank1 * rank2, in), (out, rank1 * rank2) that a Hadamard product is.

    Row i of the up matrix is the Kronecker product of rows i of both up matrices, column j of the down matrix that of
    columns j of both down matrices.
    """
    (up_1, down_1), (up_2, down_2) = update.first, update.second
    up = (up_1[:, :, None] * up_2[:, None, :]).reshape(len(up_1), -1)
    return (down_1[:, None, :] * down_2[None, :, :]).reshape(-1, down_1.shape[1]), up


def _joined(slot: Slot, pairs: Sequence[_Pair]) -> tuple[mx.array, mx.array]:
    down = np.concatenate([pair.down for pair in pairs])
    up = np.concatenate([pair.up for pair in pairs], axis=1)
    if (up.shape[0], down.shape[1]) != slot.shape or up.shape[1] != down.shape[0]:
        raise ValueError(f"{slot.path} is {slot.shape}; a stack of up {up.shape} and down {down.shape} does not fit it")
    return mx.array(down), mx.array(up)


def _kronecker_term(slot: Slot, update: KroneckerUpdate, factors: Matrix) -> KroneckerTerm:
    rows = sum(end - begin for begin, end in update.ranges)
    columns = update.first.shape[1] * update.second[-1].shape[1]
    if (rows, columns) != slot.shape:
        raise ValueError(f"{slot.path} is {slot.shape}; a Kronecker product of {(rows, columns)} does not fit it")
    second = [mx.array(matrix) for matrix in update.second]
    if len(factors) == 1:
        return KroneckerTerm(mx.array(update.first * factors), second, update.ranges)
    return KroneckerTerm(mx.array(update.first), second, update.ranges, mx.array(factors))


def _hadamard_term(slot: Slot, update: HadamardUpdate, factors: Matrix) -> HadamardTerm:
    (up_1, down_1), (up_2, down_2) = update.first, update.second
    sizes = (len(up_1), down_1.shape[1])
    if sizes != slot.shape:
        raise ValueError(f"{slot.path} is {slot.shape}; a Hadamard product of {sizes} does not fit it")
    scaled = mx.array(up_1 * factors[:, None]), mx.array(down_1)
    return HadamardTerm(scaled, (mx.array(up_2), mx.array(down_2)))
