"""Biases, whole changes and norms on real layers: float64 arithmetic, factored, dense and quantized, and files."""

from dataclasses import replace
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mflux.models.z_image.model.z_image_transformer.transformer_block import ZImageTransformerBlock
from mlx import nn
from numpy.typing import NDArray

from kilnmark.engine.families.base import Base
from kilnmark.engine.proof.effect import Effect
from kilnmark.engine.stack.layers import FactoredLinear, StackedNorm
from kilnmark.engine.stack.slots import find_slots
from kilnmark.engine.stack.stack import Member, Stacker
from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.names.shapes import is_norm
from kilnmark.keymaps.updates.kinds.bias import BiasUpdate
from kilnmark.keymaps.updates.kinds.lokr import KroneckerUpdate
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.keymaps.updates.kinds.norm import NormUpdate
from kilnmark.keymaps.updates.update import AnyUpdate
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit
from kilnmark.protocol.picture.report import Verdict
from tests.engine.arrays import as_float64, as_numpy
from tests.engine.flux import flux_of
from tests.engine.forward import noise
from tests.engine.judged import assess
from tests.engine.short import BLOCKS
from tests.engine.test_dora import ALL, layer, output, slot_of, update_of, weight_rows

Wide = NDArray[np.float64]

NAMES = ("bfl-control", "diffusers-control", "lycoris-norms", "comfy-extracted")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beyond")
    for exhibit in EXHIBITS:
        if exhibit.name in NAMES:
            write_exhibit(folder / f"{exhibit.name}.safetensors", exhibit, rank=1, blocks=BLOCKS, dtype="F16")
    return folder


def read(base: Base, files: Path, name: str) -> Adapter:
    return read_adapter(files / f"{name}.safetensors", base.shapes)


def added(update: AnyUpdate, x: Wide) -> Wide:
    """What an update at scale 1 adds to a linear layer's output, in float64."""
    assert not isinstance(update, NormUpdate)
    total: Wide = np.zeros((len(x), 1)) if update.bias is None else update.bias[None].astype(float)
    if isinstance(update, PairUpdate):
        total = total + update.multiplier * x @ update.down.T.astype(float) @ update.up.T.astype(float)
    elif isinstance(update, KroneckerUpdate):
        total = total + x @ update.second[0].T.astype(float)
    return total


def rms(x: Wide, scales: Wide, eps: float) -> Wide:
    scaled: Wide = x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps) * scales
    return scaled


def run(module: nn.Module, x: Wide) -> Wide:
    return as_float64(module(mx.array(x.astype(np.float32))))


def close(got: Wide, expected: Wide) -> bool:
    return bool(np.linalg.norm(got - expected) <= 1e-5 * np.linalg.norm(expected))


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_of_a_file_gives_what_its_update_adds(base: Base, stacker: Stacker, files: Path, name: str) -> None:
    adapter = read(base, files, name)
    stacker.switch([Member(adapter, 0.7)])
    numbers = np.random.default_rng(1)
    for update in adapter.updates:
        slot = base.slots[update.target]
        if isinstance(update, NormUpdate):
            x = numbers.standard_normal((1, 4, slot.shape[0]))
            own = as_float64(slot.linear.weight)
            changed = own + 0.7 * (update.scales - own if update.replaces else update.scales)
            assert close(run(slot.current(), x), rms(x, changed, slot.linear.eps))
        else:
            x = numbers.standard_normal((1, slot.shape[1]))
            assert close(run(slot.current(), x), run(slot.linear, x) + 0.7 * added(update, x))


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_engaged_with_every_key_and_target(base: Base, files: Path, name: str) -> None:
    adapter = read(base, files, name)
    report = assess(base.slots, adapter)
    assert (report.verdict, report.matched_key_count) == (Verdict.ENGAGED, adapter.total_key_count)
    assert report.applied_target_count == adapter.target_count


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bfl-control", "comfy-extracted"])
def test_taking_it_off_restores_the_base_bit_for_bit(base: Base, stacker: Stacker, files: Path, name: str) -> None:
    before = noise(flux_of(base))
    stacker.switch([Member(read(base, files, name), 1.0)])
    changed = noise(flux_of(base))
    stacker.switch([])
    assert not np.array_equal(before, changed)
    assert np.array_equal(before, noise(flux_of(base)))
    assert all(slot.current() is slot.linear for slot in base.slots.values())


def stack_on(linear: nn.Module, adapter: Adapter, *parts: tuple[AnyUpdate, float]) -> nn.Module:
    slot = slot_of(linear)
    members = [Member(replace(adapter, sha256=str(n), updates=(u,)), s) for n, (u, s) in enumerate(parts)]
    Stacker({"layer": slot}).switch(members)
    return slot.current()


@pytest.fixture(scope="module")
def any_adapter(base: Base, files: Path) -> Adapter:
    return read(base, files, "lycoris-norms")


def full(seed: int) -> KroneckerUpdate:
    numbers = np.random.default_rng(seed)
    one, diff = np.ones((1, 1), np.float32), numbers.standard_normal((32, 64), np.float32)
    bias = numbers.standard_normal(32, np.float32)
    return KroneckerUpdate("layer", one, (diff,), ((0, 32),), 1.0, 1.0, bias=bias)


@pytest.mark.parametrize("kind", ["factored", "dense", "quantized"])
def test_biases_and_whole_changes_of_a_stack_add_up_on_every_base(any_adapter: Adapter, kind: str) -> None:
    linear, numbers = layer(kind), np.random.default_rng(2)
    bias = numbers.standard_normal(32).astype(np.float32)
    pair = replace(update_of(), magnitude=None, bias=bias[::-1].copy())
    parts: list[tuple[AnyUpdate, float]] = [(BiasUpdate("layer", bias, 1.0), -0.5), (full(3), 0.3), (pair, 1.5)]
    x = numbers.standard_normal((5, 64))
    expected = output(linear, weight_rows(linear, ALL), x, ALL) + sum(scale * added(part, x) for part, scale in parts)
    assert close(run(stack_on(linear, any_adapter, *parts), x), expected)


@pytest.mark.parametrize("kind", ["factored", "dense", "quantized"])
def test_a_bias_beside_magnitudes_is_added_as_it_is(any_adapter: Adapter, kind: str) -> None:
    linear, update = layer(kind), update_of()
    bias = np.random.default_rng(4).standard_normal(32).astype(np.float32)
    x = np.random.default_rng(5).standard_normal((3, 64))
    without = run(stack_on(linear, any_adapter, (update, 0.4)), x)
    assert close(run(stack_on(linear, any_adapter, (replace(update, bias=bias), 0.4)), x), without + 0.4 * bias)


@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16])
def test_every_adapter_changes_a_norm_from_the_bases_own_scales(any_adapter: Adapter, dtype: mx.Dtype) -> None:
    norm, numbers = nn.RMSNorm(8), np.random.default_rng(6)
    norm.weight = mx.array(numbers.uniform(0.5, 1.5, 8)).astype(dtype)
    own = as_float64(norm.weight)
    whole, change = (numbers.standard_normal(8).astype(np.float32) for _ in range(2))
    slots = find_slots(_Attention(norm))
    members = [
        Member(replace(any_adapter, sha256=str(n), updates=(NormUpdate("norm_q", scales, replaces, None),)), scale)
        for n, (scales, replaces, scale) in enumerate([(whole, True, 0.5), (change, False, -2.0)])
    ]
    Stacker(slots).switch(members)
    stacked = slots["norm_q"].current()
    assert isinstance(stacked, StackedNorm)
    x = numbers.standard_normal((2, 3, 8))
    assert close(run(stacked, x), rms(x, own + 0.5 * (whole - own) - 2.0 * change, norm.eps))
    assert np.array_equal(as_numpy(norm.weight), own.astype(np.float32))
    half = stacked(mx.array(x).astype(mx.bfloat16))
    assert half.dtype == norm(mx.array(x).astype(mx.bfloat16)).dtype


@pytest.mark.parametrize("name", ["attention.norm_k", "attention_norm1", "ffn_norm2"])
def test_a_norm_of_a_z_image_block_is_a_place_for_adapters(any_adapter: Adapter, name: str) -> None:
    block = ZImageTransformerBlock(dim=48, n_heads=6)
    slots = find_slots(block)
    assert {path for path, slot in slots.items() if is_norm(slot.shape)} == {
        *("attention.norm_q", "attention.norm_k", "attention_norm1", "attention_norm2", "ffn_norm1", "ffn_norm2")
    }
    width, numbers = slots[name].shape[0], np.random.default_rng(7)
    change, x = numbers.standard_normal(width).astype(np.float32), numbers.standard_normal((2, width))
    update = NormUpdate(name, change, replaces=False, norm=float(np.linalg.norm(change)))
    Stacker(slots).switch([Member(replace(any_adapter, updates=(update,)), 0.7)])
    assert close(run(slots[name].current(), x), rms(x, 1 + 0.7 * change.astype(float), 1e-5))


class _Attention(nn.Module):
    """A norm by the name that an attention has for it."""

    def __init__(self, norm: nn.RMSNorm) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.norm_q = norm


def test_scales_equal_to_the_bases_own_are_counted_as_zero(base: Base, files: Path) -> None:
    adapter = read(base, files, "bfl-control")
    norms = [update for update in adapter.updates if isinstance(update, NormUpdate)]
    own = [replace(u, scales=as_numpy(base.slots[u.target].linear.weight)) for u in norms]
    assert assess(base.slots, replace(adapter, updates=tuple(own))).verdict is Verdict.NOOP
    report = assess(base.slots, replace(adapter, updates=(*own[:1], *norms[1:])))
    assert (report.verdict, report.applied_target_count) == (Verdict.PARTIAL, 4 * BLOCKS - 1)
    assert own[0].target in report.reason


def test_the_delta_ratio_counts_biases_and_norms_as_they_change(base: Base, files: Path) -> None:
    adapter = read(base, files, "bfl-control")
    targets = ("transformer_blocks.0.attn.norm_q", "transformer_blocks.0.attn.to_k")
    norm, pair = (next(u for u in adapter.updates if u.target == target) for target in targets)
    assert isinstance(norm, NormUpdate)
    assert isinstance(pair, PairUpdate)
    assert pair.bias is not None
    own = as_float64(base.slots[norm.target].linear.weight)
    linear = base.slots[pair.target].linear
    assert isinstance(linear, FactoredLinear)
    weight = as_float64(linear.weight)
    change = np.linalg.norm(norm.scales - own) ** 2 + np.linalg.norm(pair.bias.astype(float)) ** 2
    change += np.linalg.norm(pair.up.astype(float) @ pair.down.astype(float)) ** 2
    ratio = 0.3 * np.sqrt(change / (np.linalg.norm(own) ** 2 + np.linalg.norm(weight) ** 2))
    some = replace(adapter, updates=(norm, pair))
    assert Effect(base.slots).delta_ratio(Member(some, -0.3)) == pytest.approx(ratio, rel=1e-5)


def test_an_update_of_a_linear_layer_does_not_go_on_a_norm(any_adapter: Adapter) -> None:
    slots = find_slots(_Attention(nn.RMSNorm(8)))
    wrong = replace(any_adapter, updates=(BiasUpdate("norm_q", np.ones(8, np.float32), 1.0),))
    with pytest.raises(ValueError, match="is a norm of 8 scales"):
        Stacker(slots).switch([Member(wrong, 1.0)])
    assert slots["norm_q"].current() is slots["norm_q"].linear
