"""OFT and BOFT: the base's own weight W, its rows or its columns turned by a block-diagonal rotation, or by several.

A block's rotation is made of a skew-symmetric Q. The trainers differ in everything else; each line is C for
(I + Q) (I - Q)^-1, which is a rotation, and the weight that it makes:

    oft_blocks, three sides    Q = B - B', W becomes r * C' W: KohakuBlueleaf/LyCORIS, commit f49d30d6,
                               lycoris/modules/diag_oft.py; r is `rescale`, a number for each row, where there is one
    oft_blocks, four sides     BOFT: the same with C in place of C', block by block of butterflies of growing reach,
                               one after the other: lycoris/modules/boft.py
    oft_blocks.0, .1, ...      as the first, one for each target of a fused module, which is what sd-scripts parts:
                               kohya-ss/sd-scripts, commit 48d368fa, networks/oft_flux.py
    oft_r                      Q = (B - B') / 2, W becomes C W: huggingface/peft, version 0.13.0, tuners/oft/layer.py
    oft_R.weight               Q from the numbers above its diagonal, W becomes W S', S the first terms of C's series,
                               I + 2Q + 2QQ + 2QQQ + QQQQ: peft, commit 5d602fdb, tuners/oft/layer.py (from 0.18.0;
                               by default so), and Nerogar/OneTrainer, commit 23df3832, modules/module/oft_utils.py,
                               which divides Q by 2 sqrt(b - 1) first where `oft_R.scaled_oft` says so

alpha is no multiplier but a bound: the norm of all Q of a tensor is held to alpha * out, where alpha is not 0. ComfyUI
(commit a125cd84, comfy/weight_adapter/oft.py) holds it to alpha, and multiplies twice by the scale; the trainers are
followed. At another scale the whole change is multiplied, as LyCORIS and sd-scripts do but for BOFT and `rescale`.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.updates.alpha import Multipliers
from kilnmark.keymaps.updates.change import LayerChange, LayerNumbers, Wide
from kilnmark.keymaps.updates.fused import Matrix, Range, row_ranges
from kilnmark.keymaps.updates.kind import Kind, Made, Misfit
from kilnmark.keymaps.updates.mixed import MixedColumns, MixedRows
from kilnmark.keymaps.updates.products import size_misfit
from kilnmark.keymaps.updates.update import AnyUpdate
from kilnmark.keymaps.updates.view import View

__all__ = ["KIND", "RotationUpdate"]

BLOCKS, RESCALE = "oft_blocks", "rescale"
PARTS = tuple(f"oft_blocks_{place}" for place in range(4))
OLD, PACKED, SCALED = "oft_r", "oft_r_packed", "oft_scaled"

_BUTTERFLY = 4
"""Sides of a tensor of several stages."""
_NUMBERS = 1 << 22
"""Of blocks that are in float64 at a time."""
_TINY = 1e-8
"""What LyCORIS and sd-scripts add to norms."""


@dataclass(frozen=True, slots=True, eq=False)
class RotationUpdate(AnyUpdate):
    """What turns the rows or the columns of one target's weight.

    Attributes:
        target: Module path of the layer in mflux.
        stages: `(blocks, b, b)` float32 each, one after the other: S - I for every block, where a row of numbers x of
            the layer's input, or of what the weight gives, becomes x S. A single block stands for all.
        of_inputs: It is the input that is turned, and the columns of the weight; else what the weight gives, and rows.
        rescale: (out,) float32, what rows are multiplied by afterwards; None leaves them.
        norm: 0 where nothing is turned and the bias stays; None where the base decides.
        most: The most that the rank of the change can be.
        bias: (out,) float32, added to the layer's bias at scale 1; None without one.
    """

    target: str
    stages: tuple[Matrix, ...]
    of_inputs: bool
    rescale: Matrix | None
    norm: float | None
    most: int
    bias: Matrix | None = None

    @property
    def rank(self) -> int:
        """As `most`."""
        return self.most

    def change_on(self, base: LayerNumbers, scale: float = 1.0) -> LayerChange:
        """As `AnyUpdate` has it."""
        factors, bias = np.array([scale]), None if self.bias is None else scale * self.bias.astype(np.float64)
        if self.of_inputs:
            blocks = self.stages[0]
            if len(blocks) == 1:
                blocks = np.broadcast_to(blocks, (base.shape[1] // blocks.shape[1], *blocks.shape[1:]))
            return LayerChange((MixedColumns(blocks, factors),), bias)
        return LayerChange((MixedRows(self.stages, self.rescale, factors),), bias)


class _Oft(Kind):
    name: ClassVar[str] = "oft"
    roles: ClassVar[frozenset[str]] = frozenset({BLOCKS, *PARTS, OLD, PACKED, RESCALE, SCALED})
    beside: ClassVar[frozenset[str]] = frozenset({Role.DIFF_B, RESCALE, SCALED})
    has_bounded_rank: ClassVar[bool] = True

    def needed(self, roles: Collection[str]) -> Sequence[str]:
        for role in (BLOCKS, PACKED, OLD):
            if role in roles:
                return [role]
        last = max((place for place, role in enumerate(PARTS) if role in roles), default=0)
        return PARTS[: last + 1]

    def check_shapes(self, view: View) -> None:
        needed = self.needed(view.roles)
        for role, goes_with in ((RESCALE, BLOCKS), (SCALED, PACKED)):
            if role in view and goes_with not in needed:
                problem = f"stands beside {view.shown(needed[0])}, and what that means is not defined"
                raise view.refuse(role, problem)
        for role in needed:
            _check_blocks(view, role)
        if problem := _miscounted(view, needed):
            raise view.refuse(needed[-1], problem)
        if RESCALE in view and view.stored(RESCALE) not in {(view.height,), (view.height, 1)}:
            problem = f"must hold a number for each of {view.height} rows, but has shape {list(view.stored(RESCALE))}"
            raise view.refuse(RESCALE, problem)

    def is_readable(self, view: View) -> bool:
        return all(len(view.stored(role)) in _SIDES.get(role, (3,)) for role in self.needed(view.roles))

    def misfit(self, view: View) -> Misfit | None:
        needed = self.needed(view.roles)
        if needed[0] == PACKED:
            (count, _), size = view.stored(PACKED), _packed_size(view)
            width = view.width if count == 1 and size and view.width % size == 0 else count * size
            return size_misfit(view, (PACKED, f"is an OFT that turns {width} inputs", width), (PACKED, "", view.height))
        if problem := _miscounted(view, needed):  # beside the layers of a model that the file is not made for
            return Misfit(needed[-1], problem)
        if needed[0] in PARTS:
            for role, target in zip(needed, view.targets, strict=True):
                rows = _rows(view, role)
                if rows != view.shapes[target][0]:
                    return Misfit(role, f"is an OFT that turns {rows} rows, but {target} has {view.shapes[target][0]}")
            return None
        rows = _rows(view, needed[0])
        if needed[0] == OLD and view.stored(OLD)[0] == 1 and view.height % rows == 0:
            rows = view.height
        return size_misfit(view, (needed[0], "", view.width), (needed[0], f"is an OFT that turns {rows} rows", rows))

    def updates(self, view: View, multipliers: Multipliers) -> Sequence[RotationUpdate]:
        needed = self.needed(view.roles)
        if needed[0] == PACKED:
            blocks = _in_range(view, PACKED, _series(_packed(view)))
            return [_update(view, target, (blocks,), of_inputs=True) for target in view.targets]
        bound = multipliers.stored(view.module)
        if len(needed) > 1:
            parts = zip(needed, view.targets, strict=True)
            return [_update(view, target, (_in_range(view, role, _part(view, role, bound)),)) for role, target in parts]
        stages = [_in_range(view, needed[0], stage) for stage in _turns(view, needed[0], bound)]
        rescale = view.finite(RESCALE).reshape(-1) if RESCALE in view else None
        rescales = view.split(rescale) if rescale is not None else (None for _ in view.targets)
        ranges_of = row_ranges(view.height, view.module.rows, view.shapes)
        return [
            _update(view, target, _of_rows(view, needed[0], stages, ranges), part)
            for target, ranges, part in zip(view.targets, ranges_of, rescales, strict=True)
        ]

    def notes(self, made: Sequence[Made]) -> Iterator[str]:
        files = {view.file.path: view.file for view, _ in made if PACKED in view}
        if any("ot_revision" not in file.metadata for file in files.values()):
            yield "OFT is read as PEFT trains it by default, with five terms of the Cayley-Neumann series"
        if any(BLOCKS in view and (RESCALE in view or len(view.stored(BLOCKS)) == _BUTTERFLY) for view, _ in made):
            yield "a scale multiplies the whole change, where LyCORIS scales every stage of BOFT and no rescale"


KIND = _Oft()

_SIDES: Mapping[str, tuple[int, ...]] = {BLOCKS: (3, _BUTTERFLY), PACKED: (2,)}
"""How many sides a tensor can have; others have three."""


def _miscounted(view: View, needed: Sequence[str]) -> str:
    """What is wrong with the number of parts; empty where there is one for each layer, or none is of parts."""
    if needed[0] not in PARTS or len(needed) == len(view.targets):
        return ""
    return f"is the last of {len(needed)} parts, but the module stands for {len(view.targets)} layers"


def _check_blocks(view: View, role: str) -> None:
    shape = view.stored(role)
    square = bool(_packed_size(view)) if role == PACKED else len(shape) > 1 and shape[-1] == shape[-2]
    if len(shape) not in _SIDES.get(role, (3,)) or 0 in shape or not square:
        words = (
            "is an OFT, which must hold the numbers above the diagonals of square blocks"
            if role == PACKED
            else "is an OFT, which must hold square blocks"
        )
        raise view.refuse(role, f"{words}, but has shape {list(shape)}")
    if len(shape) == _BUTTERFLY and (shape[-1] % 2 or shape[1] % 2 ** (shape[0] - 1)):
        problem = f"has {shape[0]} stages, which {shape[1]} blocks of {shape[-1]} rows cannot be parted into"
        raise view.refuse(role, problem)


def _rows(view: View, role: str) -> int:
    *_, count, size, _ = view.stored(role)
    return count * size


def _packed_size(view: View) -> int:
    """B of b (b - 1) / 2 numbers above a diagonal; 0 where it is no such number."""
    numbers = view.stored(PACKED)[-1] if view.stored(PACKED) else 0
    size = (1 + math.isqrt(1 + 8 * numbers)) // 2
    return size if numbers and size * (size - 1) // 2 == numbers else 0


def _packed(view: View) -> Wide:
    """Q of every block."""
    numbers, size = view.finite(PACKED), _packed_size(view)
    skew = np.zeros((len(numbers), size, size))
    rows, columns = np.triu_indices(size, 1)
    skew[:, rows, columns] = numbers
    skew -= skew.swapaxes(1, 2)
    scaled = SCALED in view and view.file.scalar(view.key(SCALED)) != 0.0
    return skew / (2 * math.sqrt(size - 1)) if scaled else skew


def _series(skew: Wide) -> Wide:
    """S - I from the series that PEFT takes for a rotation."""
    square = skew @ skew
    cube = square @ skew
    return np.asarray(2 * (skew + square + cube) + cube @ skew)


def _part(view: View, role: str, bound: float | None) -> Wide:
    """S - I of one part of sd-scripts', which adds to both norms of its quotient."""
    skew = _skew(view, role)
    if bound is not None:
        norm = float(np.linalg.norm(skew))
        skew = skew * ((min(norm, bound * _rows(view, role)) + _TINY) / (norm + _TINY))
    return _rotated(skew)


def _turns(view: View, role: str, bound: float | None) -> list[Wide]:
    """S - I of every stage."""
    if role in PARTS:
        return [_part(view, role, bound)]
    skew = _skew(view, role)
    if role == OLD:
        return [_rotated(-skew / 2)]
    norm, limit = float(np.linalg.norm(skew)) + _TINY, (bound or 0.0) * view.height
    if 0.0 < limit < norm:
        skew = skew * (limit / norm)
    if skew.ndim < _BUTTERFLY:
        return [_rotated(skew)]
    return [_rotated(-stage) for stage in skew]


def _skew(view: View, role: str) -> Wide:
    blocks = view.finite(role).astype(np.float64)
    return np.asarray(blocks - blocks.swapaxes(-1, -2))


def _rotated(skew: Wide) -> Wide:
    """C - I = 2 (I - Q)^-1 Q of every block, some blocks at a time."""
    size = skew.shape[-1]
    some = max(1, _NUMBERS // size**2)
    parts = [
        np.linalg.solve(np.eye(size) - skew[begin : begin + some], 2 * skew[begin : begin + some])
        for begin in range(0, len(skew), some)
    ]
    return np.concatenate(parts)


def _in_range(view: View, role: str, turned: Wide) -> Matrix:
    view.in_range(role, float(np.abs(turned).max()))
    return turned.astype(np.float32)


def _of_rows(view: View, role: str, stages: Sequence[Matrix], ranges: tuple[Range, ...]) -> tuple[Matrix, ...]:
    """The blocks of some rows of the module, if none of them mixes rows with others."""
    size = stages[0].shape[1]
    reach = size * 2 ** (len(stages) - 1)
    if any(end % reach for each in ranges for end in each):
        problem = f"turns {reach} rows at a time together, which are not all rows of one layer in mflux"
        raise view.refuse(role, problem, "train with smaller blocks, or on modules that are not fused")
    if len(stages[0]) == 1:
        return tuple(np.broadcast_to(each, (sum(e - b for b, e in ranges) // size, size, size)) for each in stages)
    places = [slice(begin // size, end // size) for begin, end in ranges]
    return tuple(np.concatenate([stage[place] for place in places]) for stage in stages)


def _update(
    view: View, target: str, stages: tuple[Matrix, ...], rescale: Matrix | None = None, *, of_inputs: bool = False
) -> RotationUpdate:
    height, width = view.shapes[target]
    size = stages[0].shape[1]
    turned = (width if of_inputs else height) // size * (size - size % 2)
    most = min(height, width, turned if len(stages) == 1 and rescale is None else height)
    still = not any(stage.any() for stage in stages) and (rescale is None or bool((rescale == 1).all()))
    return RotationUpdate(target, stages, of_inputs, rescale, 0.0 if still else None, most)
