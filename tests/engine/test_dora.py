"""DoRA on real layers: the formula of its paper in float64, on factored, dense and quantized weights."""

from dataclasses import replace
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx import nn
from numpy.typing import NDArray

from kilnmark.engine.families.base import Base
from kilnmark.engine.proof.effect import Effect
from kilnmark.engine.stack.exact import row_squares
from kilnmark.engine.stack.layers import FactoredLinear, StackedLinear
from kilnmark.engine.stack.slots import Slot, find_slots
from kilnmark.engine.stack.stack import Member, Stacker
from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.names.shapes import is_norm
from kilnmark.keymaps.updates.dora import InputMagnitudes
from kilnmark.keymaps.updates.kinds.loha import HadamardUpdate
from kilnmark.keymaps.updates.kinds.lokr import KroneckerUpdate
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.keymaps.updates.update import WeightUpdate
from kilnmark.keymaps.zoo.write import write_tensors
from kilnmark.protocol.picture.report import Verdict
from tests.engine.arrays import as_float64, as_numpy
from tests.engine.flux import flux_of
from tests.engine.forward import noise
from tests.engine.judged import assess
from tests.engine.short import BLOCKS, TARGETS, short
from tests.engine.small_layer import product, stretched
from tests.keymaps.lycoris import diffusers_shares, dora_file, kohya_shares, loha_file, lokr_file
from tests.pairs import pairs_of

Matrix64 = NDArray[np.float64]

KEYS = 4 * BLOCKS * (10 + 3)
"""Four of each module of kohya's, of which a double block has 10 and a single one 3."""


def lengths(base: Base) -> dict[str, NDArray[np.float32]]:
    """The norm of every row of every linear layer, as a trainer starts its magnitudes from."""
    found = {target: row_squares(slot.linear) for target, slot in base.slots.items() if not is_norm(slot.shape)}
    return {target: np.sqrt(squares).astype(np.float32) for target, squares in found.items()}


@pytest.fixture(scope="module")
def dora(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    """In kohya's spelling, of every block, magnitudes up to a fifth away from the base's."""
    known, numbers = lengths(base), np.random.default_rng(6)
    magnitudes: dict[str, list[NDArray[np.float32]]] = {}
    for share in short(kohya_shares()):
        spread = numbers.uniform(0.8, 1.2, share.end - share.begin).astype(np.float32)
        magnitudes.setdefault(share.module, []).append(known[share.target] * spread)
    joined = {module: np.concatenate(parts) for module, parts in magnitudes.items()}
    tensors = dora_file(short(kohya_shares()), peft=False, magnitudes=joined)
    path = write_tensors(tmp_path_factory.mktemp("dora") / "dora.safetensors", tensors)
    return read_adapter(path, base.shapes)


def weight_rows(linear: nn.Module, rows: NDArray[np.int64]) -> Matrix64:
    if isinstance(linear, FactoredLinear):
        up, down = as_float64(linear.up), as_float64(linear.down)
        chosen: Matrix64 = up[:, rows].T @ down.T
        return chosen
    weight = linear.weight
    if isinstance(linear, nn.QuantizedLinear):
        weight = mx.dequantize(weight, linear.scales, linear.biases, linear.group_size, linear.bits)
    return as_float64(weight)[rows]


def decomposed(weight: Matrix64, update: WeightUpdate, rows: NDArray[np.int64]) -> Matrix64:
    """The magnitude of each row * (W + D) / |W + D| for an update D, row by row; of each column, of all rows."""
    whole = weight + product(update)[rows]
    if isinstance(update.magnitude, InputMagnitudes):
        assert len(rows) == len(product(update))
        return stretched(whole, update)
    assert update.magnitude is not None
    scaled: Matrix64 = update.magnitude[rows, None] * whole / np.linalg.norm(whole, axis=1, keepdims=True)
    return scaled


def output(linear: nn.Module, weight: Matrix64, x: Matrix64, rows: NDArray[np.int64]) -> Matrix64:
    y: Matrix64 = x @ weight.T
    return y + as_float64(linear.bias)[rows] if "bias" in linear else y


@pytest.mark.slow
def test_every_layer_of_a_file_paints_with_the_decomposed_weight(base: Base, stacker: Stacker, dora: Adapter) -> None:
    stacker.switch([Member(dora, 1.0)])
    numbers = np.random.default_rng(7)
    assert len(pairs_of(dora)) == TARGETS
    for update in pairs_of(dora):
        slot = base.slots[update.target]
        rows = numbers.integers(0, slot.shape[0], 8)
        x = numbers.standard_normal((1, slot.shape[1]))
        weight = weight_rows(slot.linear, rows)
        expected = output(slot.linear, decomposed(weight, update, rows), x, rows)
        got = as_numpy(slot.current()(mx.array(x.astype(np.float32))))[:, rows]
        assert np.linalg.norm(got - expected) <= 1e-5 * np.linalg.norm(expected)


def layer(kind: str) -> nn.Module:
    keys = mx.random.split(mx.random.key(1), 3)
    if kind == "factored":
        return FactoredLinear(
            mx.random.normal((64, 5), key=keys[0]), mx.random.normal((5, 32), key=keys[1]), mx.ones((32,))
        )
    linear = nn.Linear(64, 32)
    linear.weight, linear.bias = mx.random.normal((32, 64), key=keys[0]), mx.random.normal((32,), key=keys[1])
    return nn.QuantizedLinear.from_linear(linear, group_size=32, bits=4) if kind == "quantized" else linear


def update_of(rank: int = 3, seed: int = 8) -> PairUpdate:
    numbers = np.random.default_rng(seed)
    down, up = numbers.standard_normal((rank, 64), np.float32), numbers.standard_normal((32, rank), np.float32)
    return PairUpdate("layer", down, up, 0.5, 1.0, numbers.uniform(1, 9, 32).astype(np.float32))


def products_of(seed: int = 8) -> dict[str, WeightUpdate]:
    """The same layer's Kronecker products, whole and split, and Hadamard products of a low and a high rank."""
    numbers = np.random.default_rng(seed)
    magnitude = numbers.uniform(1, 9, 32).astype(np.float32)

    def draw(*shape: int) -> NDArray[np.float32]:
        return numbers.standard_normal(shape, np.float32)

    def hadamard(rank: int) -> HadamardUpdate:
        first, second = ((draw(32, each), draw(each, 64)) for each in (rank, 3))
        return HadamardUpdate("layer", first, second, 0.2, 1.0, magnitude)

    def of_inputs(update: PairUpdate | KroneckerUpdate | HadamardUpdate) -> WeightUpdate:
        return replace(update, magnitude=InputMagnitudes(numbers.uniform(1, 9, 64).astype(np.float32), (update,)))

    forms: dict[str, PairUpdate | KroneckerUpdate | HadamardUpdate] = {
        "pair": update_of(seed=seed),
        "lokr": KroneckerUpdate("layer", draw(4, 8), (draw(8, 8),), ((0, 32),), 0.5, 1.0, magnitude),
        "lokr, split": KroneckerUpdate(
            "layer", draw(5, 8), (draw(8, 2), draw(2, 8)), ((20, 40), (3, 15)), 0.5, 1.0, magnitude
        ),
        "loha": hadamard(2),
        "loha, high": hadamard(30),
    }
    plain = {name: replace(form, magnitude=None) for name, form in forms.items()}
    return {**forms, **{f"{name}, of inputs": of_inputs(form) for name, form in plain.items()}}


ALL = np.arange(32)


class Model(nn.Module):
    """One layer, so that a stack has where to go."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.layer = layer


def slot_of(linear: nn.Module) -> Slot:
    return find_slots(Model(linear))["layer"]


def member(dora: Adapter, scale: float, *updates: WeightUpdate, sha256: str = "a") -> Member:
    return Member(replace(dora, sha256=sha256, updates=updates), scale)


@pytest.mark.parametrize("kind", ["factored", "dense", "quantized"])
@pytest.mark.parametrize("scale", [1.0, 0.4, -0.5])
@pytest.mark.parametrize("form", products_of())
def test_another_scale_multiplies_the_whole_change(dora: Adapter, kind: str, scale: float, form: str) -> None:
    slot, update = slot_of(layer(kind)), products_of()[form]
    Stacker({"layer": slot}).switch([member(dora, scale, update)])
    x = np.random.default_rng(9).standard_normal((5, 64))
    weight = weight_rows(slot.linear, ALL)
    expected = output(slot.linear, weight + scale * (decomposed(weight, update, ALL) - weight), x, ALL)
    got = as_numpy(slot.current()(mx.array(x.astype(np.float32))))
    assert np.linalg.norm(got - expected) <= 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("form", products_of())
def test_two_on_one_layer_each_add_what_they_would_alone(dora: Adapter, form: str) -> None:
    slot, first, second = slot_of(layer("dense")), update_of(), products_of(seed=3)[form]
    plain = replace(update_of(seed=4), magnitude=None)
    stack = [member(dora, 0.7, first), member(dora, 0.2, second, sha256="b"), member(dora, 1.5, plain, sha256="c")]
    Stacker({"layer": slot}).switch(stack)
    x = np.random.default_rng(9).standard_normal((5, 64))
    weight = weight_rows(slot.linear, ALL)
    changed = (
        weight + 0.7 * (decomposed(weight, first, ALL) - weight) + 0.2 * (decomposed(weight, second, ALL) - weight)
    )
    changed += 1.5 * plain.multiplier * plain.up.astype(float) @ plain.down.astype(float)
    got = as_numpy(slot.current()(mx.array(x.astype(np.float32))))
    expected = output(slot.linear, changed, x, ALL)
    assert np.linalg.norm(got - expected) <= 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("kind", ["factored", "dense", "quantized"])
@pytest.mark.parametrize("form", products_of())
def test_the_norm_is_that_of_the_true_change(kind: str, form: str) -> None:
    linear, update = layer(kind), products_of()[form]
    weight = weight_rows(linear, ALL)
    change = np.linalg.norm(decomposed(weight, update, ALL) - weight)
    assert update.stretch_on(slot_of(linear).numbers).norm == pytest.approx(change, rel=1e-5)


def test_the_delta_ratio_is_that_of_the_true_change(dora: Adapter) -> None:
    slot, update = slot_of(layer("dense")), update_of()
    weight = weight_rows(slot.linear, ALL)
    ratio = 0.3 * np.linalg.norm(decomposed(weight, update, ALL) - weight) / np.linalg.norm(weight)
    some = replace(dora, updates=(update,))
    assert Effect({"layer": slot}).delta_ratio(Member(some, -0.3)) == pytest.approx(ratio, rel=1e-5)


def test_a_row_of_zeros_stays_a_row_of_zeros(dora: Adapter) -> None:
    linear = nn.Linear(64, 32, bias=False)
    linear.weight = mx.zeros((32, 64))
    slot, update = slot_of(linear), replace(update_of(), up=np.zeros((32, 3), np.float32))
    Stacker({"layer": slot}).switch([member(dora, 1.0, update)])
    assert not as_numpy(slot.current()(mx.ones((1, 64)))).any()
    assert update.stretch_on(slot_of(linear).numbers).norm == 0.0


@pytest.mark.parametrize("kind", ["lokr", "loha"])
def test_layers_of_true_shape_paint_with_the_decomposed_product(
    base: Base, stacker: Stacker, tmp_path: Path, kind: str
) -> None:
    shares = [share for share in kohya_shares() if "double_blocks_0_img_attn" in share.module]
    tensors = (lokr_file(shares, rank=2) if kind == "lokr" else loha_file(shares, rank=9)) | {
        f"{share.module}.dora_scale": np.full((share.end, 1), 2.0, np.float32) for share in shares
    }
    adapter = read_adapter(write_tensors(tmp_path / "a.safetensors", tensors), base.shapes)
    assert adapter.kind == f"dora+{kind}"
    report = assess(base.slots, adapter)
    assert (report.verdict, report.applied_target_count) == (Verdict.ENGAGED, len(shares))
    stacker.switch([Member(adapter, 1.0)])
    numbers = np.random.default_rng(7)
    for update in adapter.updates[1::2]:
        assert isinstance(update, HadamardUpdate | KroneckerUpdate)
        slot, rows = base.slots[update.target], numbers.integers(0, base.shapes[update.target][0], 8)
        x = numbers.standard_normal((1, slot.shape[1]))
        expected = output(slot.linear, decomposed(weight_rows(slot.linear, rows), update, rows), x, rows)
        got = as_numpy(slot.current()(mx.array(x.astype(np.float32))))[:, rows]
        assert np.linalg.norm(got - expected) <= 1e-5 * np.linalg.norm(expected)


def test_magnitudes_beyond_float32_are_refused(dora: Adapter) -> None:
    linear = nn.Linear(64, 32)
    linear.weight = mx.full((32, 64), 1e-18)
    update = replace(update_of(), up=np.zeros((32, 3), np.float32), magnitude=np.full(32, 3e38, np.float32))
    with pytest.raises(UnfitAdapter, match="beyond the range of float32"):
        Effect({"layer": slot_of(linear)}).delta_ratio(Member(replace(dora, updates=(update,)), 1.0))


def test_a_file_is_engaged_with_every_key_and_target(base: Base, dora: Adapter) -> None:
    report = assess(base.slots, dora)
    assert (report.verdict, report.kind) == (Verdict.ENGAGED, "dora")
    assert (report.matched_key_count, report.applied_target_count) == (KEYS, TARGETS)


def test_a_file_saved_before_training_is_a_noop_on_its_base(base: Base, tmp_path: Path) -> None:
    known = lengths(base)
    shares = short(diffusers_shares())
    tensors = dora_file(shares, peft=True, magnitudes={share.module: known[share.target] for share in shares})
    tensors = {key: np.zeros_like(value) if ".lora_B." in key else value for key, value in tensors.items()}
    adapter = read_adapter(write_tensors(tmp_path / "a.safetensors", tensors), base.shapes)
    report = assess(base.slots, adapter)
    assert report.verdict is Verdict.NOOP
    assert "vanishes" in report.reason


@pytest.mark.slow
def test_taking_dora_off_restores_the_base_bit_for_bit(base: Base, stacker: Stacker, dora: Adapter) -> None:
    before = noise(flux_of(base))
    stacker.switch([Member(dora, 1.0)])
    changed = noise(flux_of(base))
    assert isinstance(base.slots[dora.updates[0].target].current(), StackedLinear)
    stacker.switch([])
    assert not np.array_equal(before, changed)
    assert np.array_equal(before, noise(flux_of(base)))
