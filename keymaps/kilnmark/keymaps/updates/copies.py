"""Whether two copies of the same layers in one file do the same: each update against the one that is kept, as what it
changes and not tensor by tensor, since a fused copy has other matrices than a split one.

Copies that differ leave open which is meant: diffusers takes one, ComfyUI adds both (huggingface/diffusers#13203).
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

import numpy as np

from kilnmark.keymaps.errors import UnfitAdapter, shorten
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.copies import Copy
from kilnmark.keymaps.names.shapes import Shapes
from kilnmark.keymaps.updates.alpha import Multipliers
from kilnmark.keymaps.updates.change import Pair, Summand, Wide
from kilnmark.keymaps.updates.dora import InputMagnitudes
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.updates.kind import Made
from kilnmark.keymaps.updates.made import made_of
from kilnmark.keymaps.updates.update import AnyUpdate, WeightUpdate

__all__ = ["notes_on_copies"]

_ROUNDING: Mapping[str, float] = {"F16": 2**-9, "BF16": 2**-6, "F8_E4M3": 2**-2, "F8_E5M2": 2**-2}
"""What two matrices that are rounded apart can be apart, as a part of their product: twice what a number is. Of 5 bits
of exponent it is half of that: numbers err apart from each other, and a product by a quarter of what they could.
"""
_EXACT = 1e-4
"""The same for wider dtypes: sums in float32."""
_ONE = "keep one of the two copies"
_VECTORS = ("magnitude", "bias")
"""Fields of updates that are not of their products."""
_COLUMNS = 256
_MULTIPLIED_OUT = 2**27
"""Numbers of changes that are multiplied out to compare the copies of one file, at the most; some seconds of a core."""


def notes_on_copies(
    file: AdapterFile, copies: Sequence[Copy], kept: Sequence[Made], shapes: Shapes, multipliers: Multipliers
) -> Iterator[str]:
    """Compare every copy with what is kept, and tell of copies.

    Raises:
        UnfitAdapter: A copy does something else.
    """
    if not copies:
        return
    updates = {update.target: update for _, made in kept for update in made}
    same: Counter[str] = Counter()
    other: Counter[str] = Counter()
    multiplied = 0
    for copy in copies:
        made = made_of(file, copy.module, shapes, multipliers).updates
        multiplied += sum(math.prod(shapes[each.target]) for each in made if _is_dense(updates[each.target], each))
        if multiplied > _MULTIPLIED_OUT:
            raise _too_many(file, copy)
        if found := _unlike(file, copy, updates, made):
            if not copy.is_settled:
                raise _differs(file, copy, *found)
            other[copy.reason] += 1
        else:
            same[copy.reason] += 1
    for reason, count in same.items():
        yield f"{_modules(count)} a {reason} and {_does(count)} the same, so they are applied once"
    for reason, count in other.items():
        yield (
            f"{_modules(count)} a {reason} and {_does(count)} something else; the whole adapter stands in the file "
            "twice, and of such files diffusers takes the copy that is applied here"
        )


def _unlike(
    file: AdapterFile, copy: Copy, kept: Mapping[str, AnyUpdate], updates: Sequence[AnyUpdate]
) -> tuple[str, float] | None:
    """The first target on which a copy does something else, and by how much of the larger of the two changes."""
    dtypes = {file.tensors[key].dtype for module in (copy.module, *copy.kept) for key in module.keys.values()}
    bound = max((_ROUNDING.get(dtype, _EXACT) for dtype in dtypes), default=_EXACT)
    for update in updates:
        if (apart := _apart(kept[update.target], update)) > bound:
            return update.target, apart
    return None


def _too_many(file: AdapterFile, copy: Copy) -> UnfitAdapter:
    problem = "changes layers that others change too, and there are too many such copies to compare what they do"
    return UnfitAdapter(file.path, problem, _ONE, key=copy.module.first_key)


def _differs(file: AdapterFile, copy: Copy, target: str, apart: float) -> UnfitAdapter:
    other = next(module for module in copy.kept if target in module.targets)
    by = "another kind of update" if math.isinf(apart) else f"{apart:.0%} of the larger change"
    problem = (
        f"changes {target}, and {shorten(other.first_key)} changes it too, in another way (by {by}): "
        "which of the two copies is meant is open"
    )
    return UnfitAdapter(file.path, problem, _ONE, key=copy.module.first_key)


def _apart(one: AnyUpdate, other: AnyUpdate) -> float:
    """How far two updates of one target are from each other, as a part of the larger; infinite between kinds."""
    if not isinstance(one, WeightUpdate) or not isinstance(other, WeightUpdate):
        return _fields_apart(one, other)
    vectors = _magnitudes_apart(one.magnitude, other.magnitude), _arrays_apart(one.bias, other.bias)
    if _is_same(one, other):
        return max(vectors)
    products = (each.product(np.array([each.multiplier])) for each in (one, other))
    return max(_products_apart(*products), *vectors)


def _is_same(one: WeightUpdate, other: WeightUpdate) -> bool:
    """Whether their products are the same to the last bit, so that nothing has to be multiplied out."""
    if type(one) is not type(other):
        return False
    names = [field.name for field in fields(one) if field.name not in _VECTORS]  # type: ignore[arg-type]  # as above
    return all(_is_equal(getattr(one, name), getattr(other, name)) for name in names)


def _is_equal(mine: object, his: object) -> bool:
    if isinstance(mine, tuple) and isinstance(his, tuple):
        return len(mine) == len(his) and all(map(_is_equal, mine, his))
    if isinstance(mine, np.ndarray) and isinstance(his, np.ndarray):
        return np.array_equal(mine, his)
    return bool(mine == his) if type(mine) is type(his) else False


def _is_dense(one: AnyUpdate, other: AnyUpdate) -> bool:
    """Whether the two must be multiplied out to be compared."""
    if not isinstance(one, WeightUpdate) or not isinstance(other, WeightUpdate) or _is_same(one, other):
        return False
    return any(each.product(np.array([each.multiplier])).pair is None for each in (one, other))


def _magnitudes_apart(one: Matrix | InputMagnitudes | None, other: Matrix | InputMagnitudes | None) -> float:
    """Magnitudes of inputs are the same only over the same layers."""
    if not isinstance(one, InputMagnitudes) and not isinstance(other, InputMagnitudes):
        return _arrays_apart(one, other)
    if not isinstance(one, InputMagnitudes) or not isinstance(other, InputMagnitudes):
        return math.inf
    layers = ([member.target for member in each.members] for each in (one, other))
    return _arrays_apart(one.numbers, other.numbers) if next(layers) == next(layers) else math.inf


def _fields_apart(one: AnyUpdate, other: AnyUpdate) -> float:
    if type(one) is not type(other):
        return math.inf
    names = [field.name for field in fields(one) if field.name != "norm"]  # type: ignore[arg-type]  # as above
    return max((_values_apart(getattr(one, name), getattr(other, name)) for name in names), default=0.0)


def _values_apart(mine: object, his: object) -> float:
    if isinstance(mine, np.ndarray) and isinstance(his, np.ndarray):
        return _arrays_apart(mine, his)
    if isinstance(mine, tuple) and isinstance(his, tuple) and len(mine) == len(his):
        return max(map(_values_apart, mine, his), default=0.0)
    return 0.0 if _is_equal(mine, his) else math.inf


def _arrays_apart(one: Matrix | None, other: Matrix | None) -> float:
    if one is None or other is None or one.shape != other.shape:
        return 0.0 if one is other else math.inf
    size = max(float(np.linalg.norm(one)), float(np.linalg.norm(other)))
    return float(np.linalg.norm(one - other)) / size if size else 0.0


def _products_apart(one: Summand, other: Summand) -> float:
    mine, his = one.pair, other.pair
    if mine is not None and his is not None:
        apart, size = _pairs_apart(mine, his)
    else:
        apart, size = _dense_apart(one, other)
    return apart / size if size else 0.0


def _pairs_apart(one: Pair, other: Pair) -> tuple[float, float]:
    """The norm of the difference, and the larger of the two norms: one product of both, never multiplied out."""
    ups = np.concatenate([one.up, -other.up], axis=1).astype(np.float64)
    downs = np.concatenate([one.down, other.down]).astype(np.float64)
    squares = (ups.T @ ups) * (downs @ downs.T)
    rank = len(one.down)
    parts = (squares, squares[:rank, :rank], squares[rank:, rank:])
    apart, mine, his = (math.sqrt(max(float(part.sum()), 0.0)) for part in parts)
    return apart, max(mine, his)


def _dense_apart(one: Summand, other: Summand) -> tuple[float, float]:
    """The same for other products, some columns at a time; none of them asks for the base's own numbers."""
    height, width = one.shape
    step = math.lcm(one.step, other.step)
    size = -(-_COLUMNS // step) * step
    apart = mine = his = 0.0
    for begin in range(0, width, size):
        end = min(begin + size, width)
        own: Matrix = np.zeros((height, end - begin), np.float32)
        first, second = (np.asarray(part.columns(own, begin, end), np.float64) for part in (one, other))
        apart, mine, his = apart + _square(first - second), mine + _square(first), his + _square(second)
    return math.sqrt(apart), math.sqrt(max(mine, his))


def _square(numbers: Wide) -> float:
    return float(np.vdot(numbers, numbers))


def _modules(count: int) -> str:
    return "1 module is" if count == 1 else f"{count} modules are"


def _does(count: int) -> str:
    return "does" if count == 1 else "do"
