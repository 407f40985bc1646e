"""The tensors of a module, parted between its layers and put together again: what each role's rows stand for.

Bits are moved and never computed with. What cannot be parted or joined without changing what it means is said in
words, as a ValueError, and what is to be done about it is not known here.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np

from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.remap.bits import Stored, as_numbers, common_dtype, placed, stacked, widened

__all__ = ["CHAINS", "UNPARTABLE", "Members", "is_bound", "joined", "part_of", "swapped"]

CHAINS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "lora": ((Role.UP, Role.DOWN),),
    "loha": (("hada_w1_a", "hada_w1_b"), ("hada_w2_a", "hada_w2_b")),
}
"""Products whose left factor has the rows, by kind: those that are joined rank beside rank."""

_SHARED = frozenset(
    {
        Role.DOWN,
        Role.ALPHA,
        "hada_w1_b",
        "hada_w2_b",
        "lokr_w1_b",
        "lokr_w2",
        "lokr_w2_a",
        "lokr_w2_b",
        "oft_r_packed",
        "oft_scaled",
    }
)
"""Roles without rows: every layer of a module has all of it."""
_NEUTRAL: Mapping[str, float] = {"rescale": 1.0}
"""What stands for a layer that has nothing of a role; zeros in all others."""

_BLOCKS = "oft_blocks"
_BUTTERFLY = 4
"""Sides of rotations of several stages, whose blocks change from stage to stage."""
_TINY = 1e-8
"""What LyCORIS adds to norms."""

UNPARTABLE = "its tensors belong to all of its layers together"


Members = Sequence[tuple[int, Mapping[str, Stored] | None]]
"""Of a module's layers, in row order: rows, and tensors by role; None for a layer that there is nothing for."""


def part_of(tensors: Mapping[str, Stored], begin: int, end: int, height: int) -> dict[str, Stored]:
    """What one layer has of a module's tensors.

    Args:
        tensors: By role.
        begin, end: The layer's rows.
        height: Rows of the module.

    Raises:
        ValueError: In words: Its rows are not whole in one of them.
    """
    if (begin, end) == (0, height):
        return dict(tensors)
    tensors = _without_bound(tensors, height)
    return {role: _part(role, tensor, begin, end, height) for role, tensor in tensors.items()}


def _part(role: str, tensor: Stored, begin: int, end: int, height: int) -> Stored:
    if role in _SHARED:
        return tensor
    if len(tensor.shape) == _BUTTERFLY:
        raise ValueError(UNPARTABLE)
    step, rest = divmod(height, tensor.shape[0])
    if rest or begin % step or end % step or (role == Role.MAGNITUDE and step > 1):
        raise ValueError(UNPARTABLE)
    return Stored(tensor.dtype, tensor.bits[begin // step : end // step])


def _without_bound(tensors: Mapping[str, Stored], height: int) -> Mapping[str, Stored]:
    """Without the alpha of rotations, which bounds those of a whole module, if it bounds nothing here."""
    if Role.ALPHA not in tensors:
        return tensors
    if is_bound(tensors, height):
        raise ValueError("its alpha bounds the rotations of all of its layers together")
    return {role: tensor for role, tensor in tensors.items() if role != Role.ALPHA}


def is_bound(tensors: Mapping[str, Stored], height: int) -> bool:
    """Whether the norm of all rotations of a module is held to alpha * height, and would be larger."""
    bound, turns = float(tensors[Role.ALPHA].numbers().item()) * height, tensors[_BLOCKS].numbers()
    return 0.0 < bound < float(np.linalg.norm(turns - turns.swapaxes(-1, -2))) + _TINY


def swapped(tensors: Mapping[str, Stored]) -> dict[str, Stored]:
    """The second half of the rows before the first.

    Raises:
        ValueError: In words: A tensor does not part there.
    """
    return {role: tensor if role in _SHARED else _swapped(tensor) for role, tensor in tensors.items()}


def _swapped(matrix: Stored) -> Stored:
    half, rest = divmod(matrix.shape[0], 2)
    if rest:
        raise ValueError("the halves of its rows change places, and its tensors do not part there")
    return Stored(matrix.dtype, np.concatenate([matrix.bits[half:], matrix.bits[:half]]))


def joined(kind: str, members: Members) -> dict[str, Stored]:
    """One module's tensors out of those of its layers.

    Args:
        kind: Of all of them.
        members: At least one has tensors.

    Raises:
        ValueError: In words: No module of this kind does the same.
    """
    members = [(rows, None if tensors is None else _without_bound(tensors, rows)) for rows, tensors in members]
    present = [tensors for _, tensors in members if tensors is not None]
    chained = {role for chain in CHAINS.get(kind, ()) for role in chain}
    found = _chained(CHAINS[kind], members) if chained else {}
    for role in dict.fromkeys(role for tensors in present for role in tensors):
        if role in _SHARED and role not in chained:
            found[role] = _same(role, members)
        elif role not in chained:
            found[role] = _below(role, members)
    return found


def _same(role: str, members: Members) -> Stored:
    """What all layers share, if they do; those that have nothing would get it too."""
    tensors = [tensors.get(role) if tensors is not None else None for _, tensors in members]
    first = next(tensor for tensor in tensors if tensor is not None)
    has_rows = role.startswith("lokr")
    for tensor in tensors:
        if tensor is None and has_rows:
            continue
        if tensor is None or not tensor.same_as(first):
            raise ValueError("its layers would have to share a tensor that they do not share")
    return first


def _below(role: str, members: Members) -> Stored:
    """Rows below rows; a layer without has rows that do nothing."""
    having = [(rows, tensors.get(role) if tensors is not None else None) for rows, tensors in members]
    if role == Role.MAGNITUDE and any(tensor is None for _, tensor in having):
        raise ValueError("one module has magnitudes for all of its layers, and the file has them for some")
    if role == Role.MAGNITUDE and any(tensor is not None and tensor.shape[0] != rows for rows, tensor in having):
        raise ValueError("magnitudes of inputs count all layers of a module together")
    first = next((rows, tensor) for rows, tensor in having if tensor is not None)
    if len(first[1].shape) == _BUTTERFLY:
        raise ValueError(UNPARTABLE)
    step, sides = first[0] // first[1].shape[0], first[1].shape[1:]
    whole = [tensor for _, tensor in having if tensor is not None]
    dtype = common_dtype(whole)
    dtype = "F32" if role in _NEUTRAL and dtype.startswith("F8") else dtype
    parts = []
    for rows, tensor in having:
        if rows % step or (tensor is not None and (tensor.shape[0] * step != rows or tensor.shape[1:] != sides)):
            raise ValueError("its layers are cut into blocks of different sizes")
        parts.append(_idle(role, (rows // step, *sides), dtype) if tensor is None else widened(tensor, dtype))
    return Stored(dtype, np.concatenate([part.bits for part in parts]))


def _idle(role: str, shape: tuple[int, ...], dtype: str) -> Stored:
    return as_numbers(np.full(shape, _NEUTRAL.get(role, 0.0)), dtype)


def _chained(chains: Sequence[tuple[str, str]], members: Members) -> dict[str, Stored]:
    """Rank beside rank, each different right side once; the left sides at their rows and columns."""
    groups: list[list[Stored]] = []
    places: list[int] = []
    for _, tensors in members:
        if tensors is not None:
            rights = [tensors[right] for _, right in chains]
            place = next((n for n, group in enumerate(groups) if _all_same(group, rights)), len(groups))
            places.append(place)
            if place == len(groups):
                groups.append(rights)
    begins = [0, *accumulate(rows for rows, _ in members)]
    found: dict[str, Stored] = {}
    for n, (left, right) in enumerate(chains):
        rights = [group[n] for group in groups]
        columns = [0, *accumulate(matrix.shape[0] for matrix in rights)]
        lefts = [
            (tensors[left], begin) for (_, tensors), begin in zip(members, begins, strict=False) if tensors is not None
        ]
        parts = [(up, begin, columns[place]) for (up, begin), place in zip(lefts, places, strict=True)]
        found[right] = rights[0] if len(rights) == 1 else stacked(rights)
        found[left] = placed((begins[-1], columns[-1]), parts, common_dtype(up for up, _ in lefts))
    return found


def _all_same(one: Sequence[Stored], other: Sequence[Stored]) -> bool:
    return all(mine.same_as(his) for mine, his in zip(one, other, strict=True))
