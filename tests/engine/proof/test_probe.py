"""What arrives at the output: one small forward pass with an adapter beside one without."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kilnmark.engine.families.base import Base
from kilnmark.engine.proof.effect import Effect
from kilnmark.engine.proof.probe import RAISED_BY, Probe, beyond_rounding
from kilnmark.engine.proof.thresholds import UNCHANGED_DIVERGENCE
from kilnmark.engine.stack.exact import square_norm
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.keymaps.zoo.write import make_adapter, write_tensors
from tests.engine.short import BLOCKS
from tests.engine.small_layer import adapter as adapter_of
from tests.pairs import pairs_of


@pytest.fixture
def probe(base: Base) -> Iterator[Probe]:
    yield Probe(base)
    base.stacker.switch([])


def probed(probe: Probe, adapter: Adapter, scale: float = 1.0) -> float:
    divergence = probe.divergence(Member(adapter, scale), asked=True)
    assert divergence is not None
    return divergence


def test_the_output_moves_with_the_delta_ratio(base: Base, probe: Probe, healthy: Adapter) -> None:
    ratio = Effect(base.slots).delta_ratio(Member(healthy, 0.1))
    assert 0.3 * ratio < probed(probe, healthy, 0.1) < 10 * ratio


def without_effect(adapter: Adapter) -> Adapter:
    updates = tuple(replace(each, up=np.zeros_like(each.up)) for each in pairs_of(adapter))
    return replace(adapter, sha256="dead", updates=updates)


def test_an_adapter_without_any_effect_moves_it_by_nothing(probe: Probe, healthy: Adapter) -> None:
    assert probed(probe, without_effect(healthy)) < UNCHANGED_DIVERGENCE


def test_in_fast_numerics_faint_adapters_move_it_in_proportion_and_dead_ones_not(quick: Base, healthy: Adapter) -> None:
    probe = Probe(quick)
    clear = probed(probe, healthy, 0.1)
    assert probed(probe, healthy, 1e-3) == pytest.approx(1e-2 * clear, rel=0.15)
    assert probed(probe, healthy, -1e-5) == pytest.approx(1e-4 * clear, rel=0.15)
    assert probed(probe, without_effect(healthy)) < UNCHANGED_DIVERGENCE


def of_queries(base: Base, ratio: float) -> Adapter:
    """A pair on one layer of queries, so large beside its weight."""
    path = "transformer_blocks.0.attn.to_q"
    rng = np.random.default_rng(1)
    out, into = base.shapes[path]
    down, up = rng.standard_normal((2, into)).astype("f4"), rng.standard_normal((out, 2)).astype("f4")
    weight = np.sqrt(square_norm(base.slots[path].linear))
    up *= np.float32(ratio * weight / np.linalg.norm(up @ down))
    return adapter_of(PairUpdate(path, down, up, 1.0, norm=1.0), "queries")


def test_in_fast_numerics_what_moves_a_pass_little_however_much_it_is_raised_is_not_taken_for_dead(quick: Base) -> None:
    measured = 2.5e-4  # by a pass in float32
    assert 0.3 * measured < probed(Probe(quick), of_queries(quick, 1e-2)) < 3 * measured


CURVES = {
    "linear and clear": (2e-2, [1.6e-1], 2e-2),
    "noise, then linear": (5.0e-3, [5.0e-3, 1.5e-2, 1.1e-1], 2.1e-4),
    "noise, then as much as it can": (4.9e-3, [5.1e-3, 1.1e-2, 2.2e-2, 2.5e-2, 2.5e-2, 2.6e-2, 2.5e-2], 1.5e-4),
    "no number over a step at first": (0.0, [0.0, 0.0, 0.0, 4.9e-3, 1.5e-2, 1.2e-1], 4.6e-7),
    "never out of noise": (5.0e-3, [5.1e-3, 4.8e-3, 5.2e-3, 4.9e-3, 5.0e-3, 5.1e-3, 5.0e-3], 5.0e-3),
    "infinite where it is raised": (1e-2, [float("inf")], 1e-2),
    "nothing": (0.0, [0.0] * 7, 0.0),
}


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_what_is_divided_by_is_a_multiple_at_which_the_effect_still_grows(
    curve: tuple[float, list[float], float],
) -> None:
    found, raised, meant = curve
    at = {RAISED_BY**place: each for place, each in enumerate(raised, 1)}
    assert beyond_rounding(found, at.__getitem__) == pytest.approx(meant, rel=0.05)


@pytest.mark.parametrize("prefix", ["lora_te1_", "lora_te3_"])
def test_an_adapter_of_one_text_encoder_alone_moves_it(base: Base, probe: Probe, tmp_path: Path, prefix: str) -> None:
    names = {
        "lora_te1_": "text_model_encoder_layers_{}_mlp_fc1",
        "lora_te3_": "encoder_block_{}_layer_0_SelfAttention_q",
    }
    into, out = {"lora_te1_": (768, 3072), "lora_te3_": (4096, 4096)}[prefix]
    adapter = read_adapter(write_encoder_file(tmp_path, prefix + names[prefix], into, out), base.shapes)
    assert probed(probe, adapter) > 100 * UNCHANGED_DIVERGENCE


def write_encoder_file(folder: Path, module: str, into: int, out: int) -> Path:
    rng = np.random.default_rng(3)
    tensors = {}
    for block in range(2):
        tensors[f"{module.format(block)}.lora_down.weight"] = rng.normal(0, into**-0.5, (2, into)).astype("f4")
        tensors[f"{module.format(block)}.lora_up.weight"] = rng.normal(0, 0.3, (out, 2)).astype("f4")
    return write_tensors(folder / "encoder.safetensors", tensors)


def test_the_stack_on_the_base_is_the_same_afterwards(
    base: Base, probe: Probe, healthy: Adapter, other: Adapter
) -> None:
    base.stacker.switch([Member(other, 0.4)])
    before = (base.stacker.key, base.stacker.switches, {path: slot.current() for path, slot in base.slots.items()})
    probed(probe, healthy)
    after = {path: slot.current() for path, slot in base.slots.items()}
    assert (base.stacker.key, base.stacker.switches) == before[:2]
    assert all(after[path] is layer for path, layer in before[2].items())


def test_an_adapter_is_probed_when_it_is_new_and_at_another_scale_when_asked(probe: Probe, healthy: Adapter) -> None:
    first = probe.divergence(Member(healthy, 0.1), asked=False)
    assert first is not None
    assert probe.divergence(Member(healthy, 0.2), asked=False) is None
    second = probe.divergence(Member(healthy, 0.2), asked=True)
    assert second is not None
    assert second > first
    assert probe.divergence(Member(healthy, 0.1), asked=False) == first


def test_an_adapter_that_makes_the_model_predict_no_number_is_refused(base: Base, probe: Probe, tmp_path: Path) -> None:
    wild = make_adapter(tmp_path / "wild.safetensors", rank=1, seed=2, blocks=BLOCKS, strength=1e30)
    with pytest.raises(UnfitAdapter, match=r"predicts infinity.*lower its scale"):
        probed(probe, read_adapter(wild, base.shapes))
