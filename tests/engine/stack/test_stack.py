"""Stacks: exact sums on a base that stays as it is."""

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mflux.models.common.lora.mapping.lora_loader import LoRALoader
from mflux.models.flux.weights.flux_lora_mapping import FluxLoRAMapping
from mlx import nn
from mlx.utils import tree_flatten

from kilnmark.engine.families.base import Base
from kilnmark.engine.stack.layers import StackedLinear
from kilnmark.engine.stack.stack import Member, Stacker
from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.zoo.write import make_adapter
from tests.engine.arrays import allowed, as_float64, as_numpy
from tests.engine.flux import flux_of
from tests.engine.forward import noise
from tests.engine.opened import files_opened
from tests.engine.short import BLOCKS, TARGETS
from tests.pairs import pairs_of

SAMPLED = (
    "transformer_blocks.0.attn.to_q",
    "transformer_blocks.2.ff.linear2",
    "transformer_blocks.3.norm1_context.linear",
    "single_transformer_blocks.0.attn.to_v",
    "single_transformer_blocks.1.proj_mlp",
    "single_transformer_blocks.3.proj_out",
)


@contextlib.contextmanager
def mflux_stack(base: Base, paths: list[Path], scales: list[float]) -> Iterator[None]:
    """The same files put on the same base by mflux's own loader, unbaked, and taken off again."""
    try:
        LoRALoader.load_and_apply_lora(
            lora_mapping=FluxLoRAMapping.get_mapping(),
            transformer=flux_of(base).transformer,
            lora_paths=[str(path) for path in paths],
            lora_scales=scales,
            bake_lora=False,
        )
        yield
    finally:
        for slot in base.slots.values():
            slot.put(slot.linear)


@pytest.mark.parametrize("target", SAMPLED)
def test_a_stack_adds_the_exact_sum_of_its_adapters(
    base: Base, stacker: Stacker, healthy: Adapter, other: Adapter, target: str
) -> None:
    members = [Member(healthy, 0.8), Member(other, -1.3)]
    stacker.switch(members)
    wrapper = base.slots[target].current()
    assert isinstance(wrapper, StackedLinear)
    x = np.random.default_rng(5).standard_normal((3, base.shapes[target][1])).astype(np.float32)
    added = as_float64((mx.array(x) @ wrapper.down.T) @ wrapper.up.T)
    exact = np.zeros_like(added)
    for adapter, scale, _ in members:
        (update,) = (update for update in pairs_of(adapter) if update.target == target)
        exact += scale * update.multiplier * (x.astype(float) @ update.down.T.astype(float)) @ update.up.T.astype(float)
    assert np.linalg.norm(added - exact) / np.linalg.norm(exact) < 1e-5


@pytest.mark.parametrize("blocks", [2, pytest.param(BLOCKS, marks=pytest.mark.slow)])
def test_the_noise_equals_mfluxs_own_unbaked_loader(base: Base, stacker: Stacker, tmp_path: Path, blocks: int) -> None:
    files = [
        make_adapter(tmp_path / "diffusers.safetensors", "diffusers", rank=4, seed=1, blocks=blocks),
        make_adapter(tmp_path / "kohya.safetensors", "kohya", rank=2, seed=2, alpha=1.0, blocks=blocks),
    ]
    with mflux_stack(base, files, [0.8, 0.5]):
        theirs = noise(flux_of(base))
    adapters = [read_adapter(file, base.shapes) for file in files]
    stacker.switch([Member(adapters[0], 0.8), Member(adapters[1], 0.5)])
    ours = noise(flux_of(base))
    assert np.abs(theirs - noise(flux_of(base), seed=2)).max() > 1e-2
    assert np.abs(ours - theirs).max() / np.abs(theirs).max() < allowed(1e-5, bfloat16=5e-3)


def test_taking_a_stack_off_restores_the_base_bit_for_bit(base: Base, stacker: Stacker, healthy: Adapter) -> None:
    before = noise(flux_of(base))
    stacker.switch([Member(healthy, 1.0)])
    changed = noise(flux_of(base))
    stacker.switch([])
    assert not np.array_equal(before, changed)
    assert np.array_equal(before, noise(flux_of(base)))
    assert all(slot.current() is slot.linear for slot in base.slots.values())


def test_a_stack_of_fewer_targets_takes_the_others_off(
    base: Base, stacker: Stacker, healthy: Adapter, tmp_path: Path
) -> None:
    few = read_adapter(make_adapter(tmp_path / "few.safetensors", rank=1, seed=6, blocks=1), base.shapes)
    stacker.switch([Member(healthy, 1.0)])
    stacker.switch([Member(few, 1.0)])
    carrying = {path for path, slot in base.slots.items() if slot.current() is not slot.linear}
    assert carrying == {update.target for update in pairs_of(few)}
    assert 0 < len(carrying) < TARGETS


def test_the_same_stack_again_does_no_work(base: Base, stacker: Stacker, healthy: Adapter) -> None:
    members = [Member(healthy, 1.0)]
    stacker.switch(members)
    wrappers = [slot.current() for slot in base.slots.values()]
    stacker.switch(list(members))
    assert all(now is before for now, before in zip((s.current() for s in base.slots.values()), wrappers, strict=True))


def test_a_failure_while_building_leaves_the_stack_that_was_on(
    base: Base, stacker: Stacker, healthy: Adapter, other: Adapter
) -> None:
    stacker.switch([Member(other, 1.0)])
    key, before = stacker.key, [slot.current() for slot in base.slots.values()]
    last = replace(pairs_of(healthy)[-1], up=pairs_of(healthy)[-1].up[:, :1])  # no longer the rank of its other half
    broken = replace(healthy, sha256="0" * 64, updates=(*pairs_of(healthy)[:-1], last))
    with pytest.raises(ValueError, match="does not fit"):
        stacker.switch([Member(broken, 1.0)])
    assert stacker.key == key
    assert all(now is was for now, was in zip((s.current() for s in base.slots.values()), before, strict=True))


def test_going_back_to_a_stack_builds_nothing_and_reads_nothing(
    stacker: Stacker, healthy: Adapter, other: Adapter
) -> None:
    stacker.switch([Member(healthy, 0.31)])
    stacker.switch([Member(other, 0.31)])
    builds = stacker.builds
    with files_opened() as opened:
        stacker.switch([Member(healthy, 0.31)])
    assert (stacker.builds, opened) == (builds, [])
    assert stacker.key == ((healthy.sha256, 0.31, ()),)


def test_another_scale_shares_the_down_matrices_and_is_built_like_any_other(base: Base, healthy: Adapter) -> None:
    path = SAMPLED[0]
    fresh, stacker = Stacker(base.slots), Stacker(base.slots)
    fresh.switch([Member(healthy, 0.7)])
    alone = base.slots[path].current()
    stacker.switch([Member(healthy, 0.2)])
    first = base.slots[path].current()
    before = stacker.nbytes
    stacker.switch([Member(healthy, 0.7)])
    second = base.slots[path].current()
    stacker.switch([])
    assert isinstance(first, StackedLinear)
    assert isinstance(second, StackedLinear)
    assert isinstance(alone, StackedLinear)
    assert second.down is first.down
    assert np.array_equal(as_numpy(second.up), as_numpy(alone.up))
    assert before < stacker.nbytes < 1.8 * before


def test_a_stack_that_is_forgotten_is_built_again_and_the_one_that_is_on_never_forgotten(
    base: Base, healthy: Adapter, other: Adapter
) -> None:
    stacker = Stacker(base.slots)
    for adapter in (healthy, other):
        stacker.switch([Member(adapter, 1.0)])
    for adapter in (healthy, other, healthy):
        stacker.forget([Member(adapter, 1.0)])
    stacker.switch([Member(other, 1.0)])
    assert stacker.builds == 2
    stacker.switch([Member(healthy, 1.0)])
    assert stacker.builds == 3
    stacker.switch([])


def test_stacks_beyond_the_budget_leave_oldest_first_and_never_the_one_that_is_on(
    base: Base, healthy: Adapter, other: Adapter
) -> None:
    stacker = Stacker(base.slots, limit=1)
    stacker.switch([Member(healthy, 1.0)])
    stacker.switch([Member(other, 1.0)])
    stacker.switch([Member(other, 0.5)])
    stacker.switch([Member(other, 1.0)])
    assert stacker.builds == 3
    stacker.switch([Member(healthy, 1.0)])
    assert stacker.builds == 4
    stacker.switch([])
    assert base.slots[SAMPLED[0]].current() is base.slots[SAMPLED[0]].linear


@pytest.mark.parametrize("count", [30, pytest.param(200, marks=pytest.mark.slow)])
def test_random_switches_with_failures_among_them_leave_the_base_bit_for_bit(
    base: Base, stacker: Stacker, healthy: Adapter, other: Adapter, count: int
) -> None:
    weights = {path: digest(slot.linear) for path, slot in base.slots.items()}
    before = noise(flux_of(base))
    numbers = np.random.default_rng(20)
    unfit = replace(healthy, sha256="unfit", updates=(replace(pairs_of(healthy)[7], down=np.ones((4, 5), np.float32)),))
    for _ in range(count):
        chosen = [
            Member([healthy, other][n], float(numbers.choice([0.25, 0.5, 1.0])))
            for n in numbers.integers(0, 2, numbers.integers(0, 3))
        ]
        if numbers.random() < 0.2:
            key = stacker.key
            with pytest.raises(ValueError, match=r"must match|does not fit"):
                stacker.switch([*chosen, Member(unfit, 1.0)])
            assert stacker.key == key
        else:
            stacker.switch(chosen)
    stacker.switch([])
    assert {path: digest(slot.linear) for path, slot in base.slots.items()} == weights
    assert all(slot.current() is slot.linear for slot in base.slots.values())
    assert np.array_equal(before, noise(flux_of(base)))


def digest(layer: nn.Module) -> str:
    """Of all that a layer holds, bit for bit."""
    held: dict[str, mx.array] = {}
    tree_flatten(layer.parameters(), destination=held)
    sums = hashlib.sha256()
    for name in sorted(held):
        sums.update(name.encode() + as_numpy(held[name]).tobytes())
    return sums.hexdigest()
