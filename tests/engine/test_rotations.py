"""Rotations of a base's own weight on every kind of layer: painted, measured and compared as float64 says."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from kilnmark.engine.families.base import Base
from kilnmark.engine.proof.effect import Effect
from kilnmark.engine.stack.build import build_wrappers
from kilnmark.engine.stack.layers import StackedLinear
from kilnmark.engine.stack.stack import Member, Stacker
from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.updates.kinds.lokr import KroneckerUpdate
from kilnmark.keymaps.updates.kinds.oft import RotationUpdate
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit
from kilnmark.protocol.picture.report import Verdict
from tests.engine.arrays import as_float64
from tests.engine.judged import assess, cancelled, overlap
from tests.engine.small_layer import INTO, LAYERS, OUT, TARGET, UPDATES, Matrix64, adapter, normal, slot_of, weight
from tests.engine.small_layer import change as other_change
from tests.engine.tf32 import tf32_products

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mlx import nn

ROTATIONS: dict[str, RotationUpdate] = {
    "of inputs": RotationUpdate(TARGET, (0.1 * normal(INTO // 16, 16, 16),), True, None, None, INTO),
    "of inputs, shared": RotationUpdate(TARGET, (0.1 * normal(1, 32, 32),), True, None, None, INTO),
    "of rows": RotationUpdate(TARGET, (0.1 * normal(OUT // 8, 8, 8),), False, None, None, INTO, bias=normal(OUT)),
    "of rows, rescaled": RotationUpdate(TARGET, (0.1 * normal(40, 8, 8),), False, 1 + 0.1 * normal(OUT), None, INTO),
    "butterfly": RotationUpdate(TARGET, tuple(0.1 * normal(20, 16, 16) for _ in range(3)), False, None, None, INTO),
}  # fmt: skip


def blocks_of(stage: Matrix64, size: int) -> Matrix64:
    """A block-diagonal matrix, written out."""
    whole, width = np.zeros((size, size)), stage.shape[1]
    for n in range(size // width):
        whole[n * width : (n + 1) * width, n * width : (n + 1) * width] = stage[n if len(stage) > 1 else 0]
    return whole


def reordered(size: int, reach: int) -> Matrix64:
    """The permutation that puts rows half a reach apart side by side."""
    half = reach // 2
    order = [begin + which * half + n for begin in range(0, size, reach) for n in range(half) for which in (0, 1)]
    return np.asarray(np.eye(size)[order])


@lru_cache(16)
def turning(update: RotationUpdate) -> Matrix64:
    """The matrix by which it multiplies inputs, or rows; the same array for the same update."""
    if update.of_inputs:
        return np.asarray(np.eye(INTO) + blocks_of(update.stages[0].astype(float), INTO))
    turned = np.eye(OUT)
    for place, stage in enumerate(update.stages):
        whole = np.eye(OUT) + blocks_of(stage.astype(float), OUT).T
        if len(update.stages) > 1:
            order = reordered(OUT, 2**place * stage.shape[1])
            whole = order.T @ whole @ order
        turned = whole @ turned
    return turned if update.rescale is None else update.rescale[:, None].astype(float) * turned


def change(layer: nn.Module, update: RotationUpdate) -> Matrix64:
    """Of the weight, with the bias's as one more column."""
    own = weight(layer)
    turned = own @ turning(update).T if update.of_inputs else turning(update) @ own
    bias = np.zeros(OUT) if update.bias is None else update.bias.astype(float)
    return np.hstack([turned - own, bias[:, None]])


def painted(layer: nn.Module, *members: Member) -> tuple[Matrix64, Matrix64]:
    """An input, and what the stack adds for it."""
    slot = slot_of(layer)
    x = normal(5, INTO)
    Stacker({TARGET: slot}).switch(members)
    both = [np.array(each(mx.array(x)).astype(mx.float32), dtype=float) for each in (slot.current(), layer)]
    return np.hstack([x.astype(float), np.ones((5, 1))]), both[0] - both[1]


exact_layers = pytest.mark.parametrize("layer", ["factored", "float32", "8 bits", "4 bits"])


@pytest.mark.parametrize("kind", ROTATIONS)
def test_the_same_is_painted_in_the_precision_of_the_base(kind: str) -> None:
    slot = slot_of(LAYERS["bfloat16"]())
    members = [Member(adapter(ROTATIONS[kind], "a"), 0.5)]
    x = mx.array(normal(70, INTO)).astype(mx.bfloat16)
    exact, fast = (build_wrappers({TARGET: slot}, members, shared=shared)[TARGET](x) for shared in (None, ()))
    assert (exact.dtype, fast.dtype) == (mx.float32, mx.bfloat16)
    far = np.linalg.norm(as_float64(exact) - as_float64(fast))
    assert far < 5e-3 * np.linalg.norm(as_float64(exact))


@exact_layers
@pytest.mark.parametrize("name", ROTATIONS)
def test_a_layer_gives_what_the_turned_weight_does(layer: str, name: str) -> None:
    linear, update = LAYERS[layer](), ROTATIONS[name]
    x, added = painted(linear, Member(adapter(update, "a"), -0.7))
    expected = -0.7 * x @ change(linear, update).T
    assert np.linalg.norm(added - expected) <= 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("name", ROTATIONS)
def test_a_small_rotation_is_not_lost_in_half_precision(name: str) -> None:
    """The base's own output is off by 2^-9 of itself there; what is added to it is off by that of the change alone."""
    update = ROTATIONS[name]
    small = RotationUpdate(TARGET, tuple(1e-3 * stage for stage in update.stages), update.of_inputs, None, None, INTO)
    linear = LAYERS["bfloat16"]()
    slot, x = slot_of(linear), mx.array(normal(5, INTO)).astype(mx.bfloat16)
    Stacker({TARGET: slot}).switch([Member(adapter(small, "a"), 1.0)])
    added = np.array(slot.current()(x) - linear(x).astype(mx.float32), dtype=float)
    expected = np.array(x.astype(mx.float32), dtype=float) @ change(linear, small)[:, :-1].T
    assert np.linalg.norm(added - expected) <= 1e-2 * np.linalg.norm(expected)


@exact_layers
def test_a_stack_adds_up_what_each_changes_of_the_base_alone(layer: str) -> None:
    linear = LAYERS[layer]()
    scales = dict(zip(ROTATIONS, (0.5, -1.0, 0.3, 2.0, 0.8), strict=True))
    members = [Member(adapter(ROTATIONS[name], name), scale) for name, scale in scales.items()]
    others = {"lora": 0.4, "dora": -0.3, "lokr": 0.2}
    members += [Member(adapter(UPDATES[name], name), scale) for name, scale in others.items()]
    x, added = painted(linear, *members)
    changes = [scale * change(linear, ROTATIONS[name]) for name, scale in scales.items()]
    changes += [scale * other_change(linear, UPDATES[name]) for name, scale in others.items()]
    whole: Matrix64 = np.sum(changes, axis=0)
    expected = x @ whole.T
    assert np.linalg.norm(added - expected) <= 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", ROTATIONS)
def test_its_norm_and_every_product_with_another_are_those_of_the_dense_changes(layer: str, name: str) -> None:
    linear, update = LAYERS[layer](), ROTATIONS[name]
    slot, mine = slot_of(linear), change(linear, update)
    changes = {name: change(linear, each) for name, each in ROTATIONS.items()}
    changes |= {name: other_change(linear, each) for name, each in UPDATES.items()}
    with tf32_products():
        assert update.norm_on(slot.numbers) == pytest.approx(float(np.linalg.norm(mine)), rel=1e-6)
        for other, his in changes.items():
            got = overlap(slot, adapter(update, "a"), adapter({**ROTATIONS, **UPDATES}[other], f"b{other}"))
            allowed = 1e-5 * float(np.linalg.norm(mine) * np.linalg.norm(his))
            assert got == pytest.approx(float(np.sum(mine * his)), abs=allowed), other


@pytest.mark.parametrize(("one", "other"), [("of inputs", "of rows, rescaled"), ("butterfly", "of inputs, shared")])
def test_only_its_own_change_from_another_file_cancels_a_rotation(one: str, other: str) -> None:
    linear = LAYERS["float32"]()
    members = [Member(adapter(ROTATIONS[name], name), 1.0) for name in (one, other)]
    slots = {TARGET: slot_of(linear)}
    assert cancelled(slots, members) == [None, None]
    whole = change(linear, ROTATIONS[one])[:, :-1].astype(np.float32)
    norm = float(np.linalg.norm(whole.astype(float)))
    same = KroneckerUpdate(TARGET, np.ones((1, 1), "f4"), (whole,), ((0, OUT),), 1.0, norm)
    assert None not in cancelled(slots, [members[0], Member(adapter(same, "c"), -1.0)])


def test_no_rotation_goes_on_a_layer_of_another_size() -> None:
    slot = slot_of(LAYERS["float32"]())
    for update in (ROTATIONS["of inputs"], ROTATIONS["of rows"]):
        wrong = RotationUpdate(TARGET, (update.stages[0][:3],), update.of_inputs, None, None, INTO)
        with pytest.raises(ValueError, match="does not fit"):
            Stacker({TARGET: slot}).switch([Member(adapter(wrong, "a"), 1.0)])
        assert slot.current() is slot.linear


@pytest.mark.parametrize("name", ["kohya-lycoris-oft", "onetrainer-oft", "kohya-oft", "simpletuner-boft"])
def test_a_file_of_the_zoo_is_engaged_and_changes_every_layer_it_names(
    base: Base, stacker: Stacker, tmp_path: Path, name: str
) -> None:
    (exhibit,) = (each for each in EXHIBITS if each.name == name)
    found = read_adapter(write_exhibit(tmp_path / "a.safetensors", exhibit, blocks=1), base.shapes)
    report = assess(base.slots, found)
    assert (report.verdict, report.kind, report.applied_target_count) == (Verdict.ENGAGED, "oft", found.target_count)
    assert report.delta_ratio is not None
    assert 1e-3 < report.delta_ratio < 1.0
    stacker.switch([Member(found, 1.0)])
    for update in found.updates:
        wrapper = base.slots[update.target].current()
        assert isinstance(wrapper, StackedLinear)
        x = mx.array(normal(1, base.shapes[update.target][1]))
        turned = np.array(wrapper(x) - base.slots[update.target].linear(x))
        assert np.linalg.norm(turned) > 0


def test_zeros_are_a_noop_on_a_base(base: Base, tmp_path: Path) -> None:
    (exhibit,) = (each for each in EXHIBITS if each.name == "oft-at-rest")
    found = read_adapter(write_exhibit(tmp_path / "a.safetensors", exhibit, blocks=1), base.shapes)
    assert assess(base.slots, found).verdict is Verdict.NOOP
    assert Effect(base.slots).measure(Member(found, 1.0)).zero_target_count == found.target_count
