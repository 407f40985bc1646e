"""The tensors that stand for one layer, by kind of update, and what each target truly gets of them.

Formulas are those of the trainers: KohakuBlueleaf/LyCORIS, commit f49d30d6, lycoris/modules, for LoHa, LoKr, diag-OFT
and whole changes; huggingface/peft, commit 5d602fdb, tuners/lora and tuners/oft, for pairs, biases, magnitudes and
packed rotations.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from tests.trust.deltas import Base, Change, Decomposed, Delta, Dense, Kron, Low, base_of
from tests.trust.models import Norm, Part, Unit
from tests.trust.storage import Stored, Wide, store

__all__ = ["DRAWS", "Drawn", "Hand", "draw_norm"]

USUAL = 3e-4
"""Root mean square of a trained update's numbers, at strength 1."""
_WHOLE_LIMIT = 1_000_000


@dataclass(frozen=True)
class Hand:
    """How one file's tensors are drawn.

    Attributes:
        down, up: Suffixes of a pair.
        dtype: Of all tensors but some scalars.
        strength: Of updates, in usual ones.
        rank: Of every factorisation.
        alpha: Of a module's name and its rank to what stands in a tensor; None for no tensor.
        factor: Of the same to the true multiplier.
        transposed: Pairs are stored the other way round.
        zero_is_rank: An alpha of zero means the rank.
        magnitude: Suffix of magnitudes; empty for the usual one.
        convolved: Pairs stand as convolutions of one pixel.
    """

    down: str
    up: str
    dtype: str
    strength: float
    rank: int
    alpha: Callable[[str, int], float | None]
    factor: Callable[[str, int], float]
    transposed: bool = False
    zero_is_rank: bool = False
    magnitude: str = ""
    convolved: bool = False

    @property
    def size(self) -> float:
        return USUAL * self.strength


@dataclass(frozen=True, eq=False)
class Drawn:
    """Tensors by suffix, and what they come to by target."""

    tensors: Mapping[str, Stored]
    changes: Mapping[str, Change]


Numbers = np.random.Generator


def _rows(unit: Unit, whole: Wide) -> Iterator[tuple[Part, Wide]]:
    """Each target's rows; where the halves change places, in the order of diffusers."""
    if unit.swapped:
        shift, scale = np.split(whole, 2)
        whole = np.concatenate([scale, shift])
    begin = 0
    for part in unit.parts:
        yield part, whole[begin : begin + part.rows]
        begin += part.rows


def _alpha(hand: Hand, unit: Unit, rank: int) -> tuple[dict[str, Stored], float]:
    """The tensor of alpha, and the multiplier as the stored number says it."""
    said = hand.alpha(unit.name, rank)
    if said is None:
        return {}, hand.factor(unit.name, rank)
    tensor = store(said, hand.dtype if hand.dtype in {"F16", "BF16", "F32"} else "F32")
    value = float(tensor.values)
    return {"alpha": tensor}, 1.0 if hand.zero_is_rank and value == 0 else value / rank


def _matrix(numbers: Numbers, shape: tuple[int, ...], spread: float, dtype: str) -> Stored:
    return store(numbers.standard_normal(shape, np.float32) * spread, dtype)


def _halves(hand: Hand, into: int, rank: int, factor: float) -> tuple[float, float]:
    """How far the numbers of a pair spread: down as it is initialised, or alike where eight bits hold both."""
    product = hand.size / (sqrt(rank) * abs(factor))
    if hand.dtype.startswith("F8"):
        return sqrt(product), sqrt(product)
    return 1 / sqrt(into), product * sqrt(into)


def _turned(hand: Hand, matrix: Stored) -> Stored:
    return store(matrix.values.T, matrix.dtype) if hand.transposed else matrix


def pair(unit: Unit, hand: Hand, numbers: Numbers) -> Drawn:
    alpha, factor = _alpha(hand, unit, hand.rank)
    inner, outer = _halves(hand, unit.into, hand.rank, factor)
    down = _matrix(numbers, (hand.rank, unit.into), inner, hand.dtype)
    up = _matrix(numbers, (unit.rows, hand.rank), outer, hand.dtype)
    changes = {part.target: _fixed(Low(factor * rows, down.values)) for part, rows in _rows(unit, up.values)}
    both = {hand.down: _turned(hand, down), hand.up: _turned(hand, up)}
    if hand.convolved:
        both = {suffix: replace(matrix, shape=(*matrix.shape, 1, 1)) for suffix, matrix in both.items()}
    return Drawn({**both, **alpha}, changes)


def diagonal(unit: Unit, hand: Hand, numbers: Numbers) -> Drawn:
    """One pair a target, side by side: sd-scripts' split_qkv, Draw Things."""
    count = len(unit.parts)
    alpha, factor = _alpha(hand, unit, hand.rank * count)
    inner, outer = _halves(hand, unit.into, hand.rank, factor)
    down = _matrix(numbers, (hand.rank * count, unit.into), inner, hand.dtype)
    whole, begin, changes = np.zeros((unit.rows, hand.rank * count)), 0, {}
    for place, part in enumerate(unit.parts):
        columns = slice(place * hand.rank, (place + 1) * hand.rank)
        own = _matrix(numbers, (part.rows, hand.rank), outer, hand.dtype)
        whole[begin : begin + part.rows, columns] = own.values
        changes[part.target] = _fixed(Low(factor * own.values, down.values[columns]))
        begin += part.rows
    return Drawn({hand.down: down, hand.up: store(whole, hand.dtype), **alpha}, changes)


def _biased(unit: Unit, hand: Hand, numbers: Numbers, suffix: str) -> Drawn:
    drawn = pair(unit, hand, numbers)
    bias = _matrix(numbers, (unit.rows,), 0.02, hand.dtype)
    factor = 1.0 if suffix == "diff_b" else _alpha(hand, unit, hand.rank)[1]
    changes = {
        part.target: Change(drawn.changes[part.target].on, bias=factor * rows)
        for part, rows in _rows(unit, bias.values)
    }
    return Drawn({**drawn.tensors, suffix: bias}, changes)


def bias(unit: Unit, hand: Hand, numbers: Numbers) -> Drawn:
    """PEFT's lora_bias: multiplied as the pair is."""
    return _biased(unit, hand, numbers, hand.up.replace("weight", "bias"))


def diff_b(unit: Unit, hand: Hand, numbers: Numbers) -> Drawn:
    """ComfyUI's change of a bias, added as it is."""
    return _biased(unit, hand, numbers, "diff_b")


def loha(unit: Unit, hand: Hand, numbers: Numbers) -> Drawn:
    alpha, factor = _alpha(hand, unit, hand.rank)
    spread = (hand.size / (hand.rank * abs(factor))) ** 0.25
    tensors = {}
    for half in ("hada_w1", "hada_w2"):
        tensors[f"{half}_a"] = _matrix(numbers, (unit.rows, hand.rank), spread, hand.dtype)
        tensors[f"{half}_b"] = _matrix(numbers, (hand.rank, unit.into), spread, hand.dtype)
    left = _pairs(tensors["hada_w1_a"].values.T, tensors["hada_w2_a"].values.T).T
    right = _pairs(tensors["hada_w1_b"].values, tensors["hada_w2_b"].values)
    changes = {part.target: _fixed(Low(factor * rows, right)) for part, rows in _rows(unit, left)}
    return Drawn({**tensors, **alpha}, changes)


def _pairs(one: Wide, other: Wide) -> Wide:
    """Every row of one times every row of the other, number by number."""
    return np.asarray((one[:, None] * other[None]).reshape(-1, one.shape[1]))


def lokr(unit: Unit, hand: Hand, numbers: Numbers) -> Drawn:
    """Each factor whole, or a product; alpha counts where one is a product."""
    (first, second), (one, two) = _cut(unit.rows, numbers), _cut(unit.into, numbers)
    spread, tensors, ranked = sqrt(hand.size), {}, []
    for name, rows, columns, chance in (("lokr_w1", first, one, 0.2), ("lokr_w2", second, two, 0.6)):
        if hand.rank < min(rows, columns) // 2 and numbers.random() < chance:
            each = sqrt(spread / sqrt(hand.rank))
            tensors[f"{name}_a"] = _matrix(numbers, (rows, hand.rank), each, hand.dtype)
            tensors[f"{name}_b"] = _matrix(numbers, (hand.rank, columns), each, hand.dtype)
            ranked.append(name)
        else:
            tensors[name] = _matrix(numbers, (rows, columns), spread, hand.dtype)
    alpha, factor = _alpha(hand, unit, hand.rank)
    wide = [
        tensors[name].values if name in tensors else tensors[f"{name}_a"].values @ tensors[f"{name}_b"].values
        for name in ("lokr_w1", "lokr_w2")
    ]
    a, b = wide[0] * (factor if ranked else 1.0), wide[1]
    changes, begin = {}, 0
    for part in unit.parts:
        changes[part.target] = _fixed(Kron(a, b, begin, begin + part.rows))
        begin += part.rows
    return Drawn({**tensors, **alpha}, changes)


def _cut(size: int, numbers: Numbers) -> tuple[int, int]:
    """As LyCORIS cuts: at a factor that was asked for, or near the root."""
    small = [factor for factor in range(4, int(sqrt(size)) + 1) if size % factor == 0 and size // factor <= 512]
    factor = int(numbers.choice(small)) if small else max(f for f in range(1, int(sqrt(size)) + 1) if size % f == 0)
    return factor, size // factor


def whole(unit: Unit, hand: Hand, numbers: Numbers) -> Drawn:
    """`diff`, all numbers of the weight; of large layers a pair stands in its place, as trainers have it."""
    if unit.rows * unit.into > _WHOLE_LIMIT:
        return pair(unit, hand, numbers)
    spread = max(hand.size, 0.02) if hand.dtype.startswith("F8") else hand.size
    diff = _matrix(numbers, (unit.rows, unit.into), spread, hand.dtype)
    return Drawn({"diff": diff}, {part.target: _fixed(Dense(rows)) for part, rows in _rows(unit, diff.values)})


def _magnitude(unit: Unit, drawn: Drawn, numbers: Numbers, dtype: str) -> tuple[Stored, dict[str, Change]]:
    own = np.concatenate([np.sqrt(base_of(part.rows, unit.into).row_squares()) for part in unit.parts])
    stored = store(own * (1 + 0.02 * numbers.standard_normal(len(own))), dtype)
    changes = {}
    for part, rows in _rows(unit, stored.values):
        changes[part.target] = _decomposed(drawn.changes[part.target], rows)
    return stored, changes


def _decomposed(change: Change, magnitude: Wide) -> Change:
    inner = change.on
    assert inner is not None
    return Change(lambda base: Decomposed(inner(base), magnitude, base), needs_base=True)


def _with_magnitudes(draw: "Draw", unit: Unit, hand: Hand, numbers: Numbers) -> Drawn:
    drawn = draw(unit, hand, numbers)
    dtype = "F32" if hand.dtype.startswith("F8") else hand.dtype
    magnitude, changes = _magnitude(unit, drawn, numbers, dtype)
    if hand.magnitude or hand.down.startswith("lora_A"):
        return Drawn({**drawn.tensors, hand.magnitude or "lora_magnitude_vector": magnitude}, changes)
    upright = Stored(magnitude.dtype, (*magnitude.shape, 1), magnitude.raw, magnitude.values)
    return Drawn({**drawn.tensors, "dora_scale": upright}, changes)


def dora(unit: Unit, hand: Hand, numbers: Numbers) -> Drawn:
    return _with_magnitudes(pair, unit, hand, numbers)


def dora_of_inputs(unit: Unit, hand: Hand, numbers: Numbers) -> Drawn:
    """OneTrainer's default: columns are made as long as their magnitudes say (Nerogar/OneTrainer, LoRAModule.py)."""
    drawn, (part,) = pair(unit, hand, numbers), unit.parts
    base = base_of(part.rows, unit.into)
    own = np.sqrt((base.weight.right * (base.weight.left.T @ base.weight.left @ base.weight.right)).sum(0))
    dtype = "F32" if hand.dtype.startswith("F8") else hand.dtype
    magnitude = store((own * (1 + 0.02 * numbers.standard_normal(len(own))))[None], dtype)
    inner = drawn.changes[part.target].on
    assert inner is not None
    low = inner(base)
    assert isinstance(low, Low)
    change = Change(lambda base: _columns_made(base, low, magnitude.values[0]), needs_base=True)
    return Drawn({**drawn.tensors, "dora_scale": magnitude}, {part.target: change})


def _columns_made(base: Base, low: Low, magnitude: Wide) -> Delta:
    """Of W + D, both of low rank, every column at its length; less W."""
    left = np.concatenate([base.weight.left, low.left], 1)
    right = np.concatenate([base.weight.right, low.right])
    factors = magnitude / np.sqrt((right * ((left.T @ left) @ right)).sum(0))
    return Low(left, right * factors - np.concatenate([base.weight.right, np.zeros_like(low.right)]))


def decomposed_loha(unit: Unit, hand: Hand, numbers: Numbers) -> Drawn:
    return _with_magnitudes(loha, unit, hand, numbers)


def oft(unit: Unit, hand: Hand, numbers: Numbers) -> Drawn:
    """diag-OFT: rows turned by C' of every block, C = (I + Q) (I - Q)^-1, Q = B - B'; alpha bounds the norm of all."""
    size = int(numbers.choice([8, 16, 32]))
    blocks = _matrix(numbers, (unit.rows // size, size, size), 5e-3, "F16" if hand.dtype[:2] == "F8" else hand.dtype)
    alpha = store(numbers.choice([0.0, 1e-4]), "F32")
    skew, bound = blocks.values - blocks.values.swapaxes(1, 2), float(alpha.values) * unit.rows
    if 0 < bound < (norm := float(np.linalg.norm(skew))):
        skew = skew * bound / norm
    less, more = np.eye(size) - skew, np.eye(size) + skew
    turns = np.asarray(np.linalg.solve(less.swapaxes(1, 2), more.swapaxes(1, 2)), np.float64)
    tensors, factors = {"oft_blocks": blocks, "alpha": alpha}, np.ones((unit.rows, 1))
    if numbers.random() < 0.5:
        tensors["rescale"] = store(1 + 0.01 * numbers.standard_normal((unit.rows, 1)), "F32")
        factors = tensors["rescale"].values
    changes, begin = {}, 0
    for part in unit.parts:
        some = slice(begin // size, (begin + part.rows) // size)
        changes[part.target] = _turning_rows(turns[some], factors[begin : begin + part.rows])
        begin += part.rows
    return Drawn(tensors, changes)


def _turning_rows(turns: Wide, factors: Wide) -> Change:
    """`turns` are C' already."""

    def on(base: Base) -> Delta:
        left = base.weight.left
        turned = (turns @ left.reshape(len(turns), -1, left.shape[1])).reshape(left.shape)
        return Low(factors * turned - left, base.weight.right)

    return Change(on, needs_base=True)


def oft_of_inputs(unit: Unit, hand: Hand, numbers: Numbers) -> Drawn:
    """PEFT's: inputs turned by five terms of the Cayley-Neumann series, Q from the numbers above its diagonal."""
    size = int(numbers.choice([8, 16, 32]))
    dtype = "F16" if hand.dtype[:2] == "F8" else hand.dtype
    packed = _matrix(numbers, (unit.into // size, size * (size - 1) // 2), 5e-3, dtype)
    skew = np.zeros((unit.into // size, size, size))
    above = np.triu_indices(size, 1)
    skew[:, above[0], above[1]] = packed.values
    skew = skew - skew.swapaxes(1, 2)
    square = skew @ skew
    turns = np.eye(size) + 2 * skew + 2 * square + 2 * square @ skew + square @ square
    return Drawn({"oft_R.weight": packed}, {part.target: _turning_inputs(turns) for part in unit.parts})


def _turning_inputs(turns: Wide) -> Change:
    """Inputs x become x S, so that W becomes W S'."""

    def on(base: Base) -> Delta:
        columns = base.weight.right.T.reshape(len(turns), -1, base.weight.right.shape[0])
        turned = (turns @ columns).reshape(-1, base.weight.right.shape[0]).T
        return Low(base.weight.left, turned - base.weight.right)

    return Change(on, needs_base=True)


def draw_norm(norm: Norm, hand: Hand, numbers: Numbers, *, replaces: bool) -> tuple[Stored, Change]:
    """The scales of a norm: a change of them, or whole ones."""
    dtype = "F32" if hand.dtype.startswith("F8") else hand.dtype
    spread = numbers.standard_normal(128) * 0.02
    stored = store(1 + spread if replaces else spread, dtype)
    values = stored.values
    return stored, Change(None, replaces, scales=lambda base: values - base.scales() if replaces else values)


def _fixed(delta: Delta) -> Change:
    return Change(lambda _: delta)


Draw = Callable[[Unit, Hand, Numbers], Drawn]

DRAWS: Mapping[str, Draw] = {
    "lora": pair,
    "diagonal": diagonal,
    "lora bias": bias,
    "diff_b": diff_b,
    "loha": loha,
    "lokr": lokr,
    "full": whole,
    "dora": dora,
    "dora of inputs": dora_of_inputs,
    "loha dora": decomposed_loha,
    "oft": oft,
    "oft of inputs": oft_of_inputs,
}
