"""What of an update is left on the numbers of a packed weight: samples beside every number of the layer, in float64."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.engine.proof.survival import quantized_survival
from kilnmark.engine.stack.slots import Slot
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.keymaps.updates.update import WeightUpdate
from tests.engine import judged
from tests.engine.arrays import as_float64
from tests.engine.small_layer import LAYERS, OUT, TARGET, UPDATES, adapter, change, slot_of

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mlx import nn

BITS = {"8 bits": 8, "4 bits": 4}
PACKED = pytest.mark.parametrize("layer", BITS)


def grid(layer: nn.Module, bits: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of every number of a packed layer, how many steps it is from its group's offset, and a step, which has a sign."""
    scales = layer.scales.astype(mx.float32)
    steps = np.repeat(as_float64(scales), 64, axis=1)
    offsets = np.repeat(as_float64(layer.biases), 64, axis=1)
    whole = mx.dequantize(layer.weight, scales, layer.biases.astype(mx.float32), 64, bits)
    return np.round((as_float64(whole) - offsets) / steps), steps


def products(layer: nn.Module, bits: int, delta: NDArray[np.float64]) -> NDArray[np.float64]:
    """What arrives along the change, and the change itself, over all numbers."""
    levels, steps = grid(layer, bits)
    moved = (np.clip(np.round(levels + delta / steps), 0, 2**bits - 1) - levels) * steps
    return np.array([np.sum(moved * delta), np.sum(delta * delta)])


def survival(layer: nn.Module, update: WeightUpdate, scale: float) -> float:
    member = Member(adapter(update, "a"), scale)
    found = quantized_survival(member, [update.norm_on(slot_of(layer).numbers)], {TARGET: slot_of(layer)})
    assert found is not None
    return found


@cache
def made(layer: str) -> nn.Module:
    """One of each kind for all sizes; nothing is written to it."""
    return LAYERS[layer]()


@cache
def dense(layer: str, kind: str) -> NDArray[np.float64]:
    return change(made(layer), UPDATES[kind])[:, :-1]


@PACKED
@pytest.mark.parametrize("kind", UPDATES)
@pytest.mark.parametrize("size", [1e-5, 1e-3, 1e-2, 1e-1])
def test_the_share_is_that_of_all_numbers(layer: str, kind: str, size: float) -> None:
    linear, whole = made(layer), dense(layer, kind)
    scale = size / float(np.sqrt(np.mean(whole**2)))
    arrived, meant = products(linear, BITS[layer], scale * whole)
    assert survival(linear, UPDATES[kind], scale) == pytest.approx(arrived / meant, abs=0.04)


@PACKED
def test_nothing_is_left_of_what_is_below_half_a_step_everywhere(layer: str) -> None:
    linear, update = LAYERS[layer](), UPDATES["lora"]
    _, steps = grid(linear, BITS[layer])
    scale = 0.49 * float(np.abs(steps).min() / np.abs(change(linear, update)).max())
    assert survival(linear, update, scale) == 0.0


@pytest.mark.parametrize("bits", [3, 6])
def test_bits_that_do_not_divide_a_word_are_unpacked_as_they_are_packed(bits: int) -> None:
    linear = nn.QuantizedLinear.from_linear(LAYERS["float32"](), group_size=64, bits=bits)
    arrived, meant = products(linear, bits, 0.1 * change(linear, UPDATES["lora"])[:, :-1])
    assert survival(linear, UPDATES["lora"], 0.1) == pytest.approx(arrived / meant, abs=0.04)


@PACKED
def test_more_is_left_of_more(layer: str) -> None:
    linear = LAYERS[layer]()
    shares = [survival(linear, UPDATES["lora"], scale) for scale in (1e-5, 1e-3, 3e-3, 1e-2, 3e-2)]
    assert shares == sorted(shares)
    assert shares[0] == 0.0


def test_it_is_the_same_every_time() -> None:
    linear = LAYERS["4 bits"]()
    assert len({survival(linear, UPDATES["lora"], 0.05) for _ in range(3)}) == 1


@pytest.mark.parametrize("layer", sorted(LAYERS.keys() - BITS.keys()))
def test_a_layer_that_is_not_packed_has_none(layer: str) -> None:
    slots = {TARGET: slot_of(LAYERS[layer]())}
    assert quantized_survival(Member(adapter(UPDATES["lora"], "a"), 1.0), [1.0], slots) is None


def test_layers_count_by_what_changes_there_and_those_that_are_not_packed_do_not() -> None:
    linears = {"a": LAYERS["8 bits"](), "b": LAYERS["4 bits"](), "c": LAYERS["float32"]()}
    slots = {name: replace_path(slot_of(linear), name) for name, linear in linears.items()}
    made = UPDATES["lora"]
    assert isinstance(made, PairUpdate)
    sizes = {"a": 0.02, "b": 0.005, "c": 1.0}
    updates = tuple(replace(made, target=name, multiplier=size) for name, size in sizes.items())
    several: Adapter = replace(adapter(made, "a"), updates=updates)
    dense = {update.target: change(linears[update.target], update)[:, :-1] for update in updates}
    arrived, meant = products(linears["a"], 8, dense["a"]) + products(linears["b"], 4, dense["b"])
    norms = [float(np.linalg.norm(each)) for each in dense.values()]
    assert quantized_survival(Member(several, 1.0), norms, slots) == pytest.approx(arrived / meant, abs=0.04)


def replace_path(slot: Slot, path: str) -> Slot:
    return Slot(path, slot.holder, slot.name, slot.linear, (OUT, slot.shape[1]))


@pytest.mark.parametrize(("layer", "told"), [("8 bits", True), ("bfloat16", False)])
def test_it_stands_in_the_report_on_a_quantized_base_alone(layer: str, told: bool) -> None:
    slots = {TARGET: slot_of(LAYERS[layer]())}
    report = judged.assess(slots, adapter(UPDATES["lora"], "a"), 0.1)
    assert (report.quantized_survival is not None) == told
