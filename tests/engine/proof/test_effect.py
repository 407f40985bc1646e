"""Verdicts on a real base: dead, half-dead and healthy adapters told apart before anything is painted."""

from dataclasses import replace
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx import nn
from numpy.typing import NDArray

from kilnmark.engine.families.base import Base
from kilnmark.engine.proof.effect import Effect
from kilnmark.engine.proof.thresholds import OVERWHELMING_RATIO, USUAL_RATIO
from kilnmark.engine.stack.exact import square_norm
from kilnmark.engine.stack.layers import FactoredLinear
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from tests.engine import judged
from tests.engine.arrays import as_float64, as_numpy
from tests.engine.short import BLOCKS, TARGETS
from tests.pairs import pairs_of

KEYS = 2 * TARGETS
"""Of a file in diffusers' names without alphas."""


def read(base: Base, path: Path) -> Adapter:
    return read_adapter(path, base.shapes)


def assess(base: Base, path: Path, scale: float = 1.0) -> AdapterReport:
    return judged.assess(base.slots, read(base, path), scale)


def some(adapter: Adapter, target: str) -> Adapter:
    return replace(adapter, updates=tuple(update for update in pairs_of(adapter) if update.target == target))


def whole(adapter: Adapter) -> NDArray[np.float64]:
    (update,) = pairs_of(adapter)
    return np.asarray(update.multiplier * update.up.astype(np.float64) @ update.down.astype(np.float64))


@pytest.mark.parametrize(("name", "keys"), [("healthy", KEYS), ("other", 156)])
def test_a_healthy_adapter_is_engaged_with_every_key_and_target(
    base: Base, request: pytest.FixtureRequest, name: str, keys: int
) -> None:
    report = judged.assess(base.slots, request.getfixturevalue(name))
    assert report.verdict is Verdict.ENGAGED
    assert (report.matched_key_count, report.total_key_count) == (keys, keys)
    assert (report.applied_target_count, report.target_count) == (TARGETS, TARGETS)


def test_zero_weights_are_a_noop(base: Base, adapters: Path) -> None:
    report = assess(base, adapters / "dead.safetensors")
    assert report.verdict is Verdict.NOOP
    assert (report.matched_key_count, report.applied_target_count, report.delta_ratio) == (KEYS, 0, 0.0)
    assert "exactly zero" in report.reason


def test_unknown_names_are_a_noop_that_names_a_key(base: Base, adapters: Path) -> None:
    report = assess(base, adapters / "unknown.safetensors")
    assert report.verdict is Verdict.NOOP
    assert report.unmatched_keys.count == KEYS
    assert report.unmatched_keys.first[0] in report.reason


def test_scale_zero_is_a_noop(base: Base, healthy: Adapter) -> None:
    report = judged.assess(base.slots, healthy, 0.0)
    assert report.verdict is Verdict.NOOP
    assert "scale is 0" in report.reason


def test_an_update_below_float32s_noise_is_a_noop(base: Base, healthy: Adapter) -> None:
    report = judged.assess(base.slots, healthy, 1e-6)
    assert report.verdict is Verdict.NOOP
    assert "vanishes" in report.reason


def test_far_too_strong_is_told_with_a_scale_at_which_it_is_not(base: Base, healthy: Adapter) -> None:
    ratio = judged.assess(base.slots, healthy).delta_ratio
    assert ratio is not None
    usual = judged.assess(base.slots, healthy, OVERWHELMING_RATIO / ratio * 0.999)
    strong = judged.assess(base.slots, healthy, -OVERWHELMING_RATIO / ratio * 1.001)
    assert (usual.verdict, usual.usual_scale) == (Verdict.ENGAGED, None)
    assert (strong.verdict, "far too strong" in strong.reason) == (Verdict.ENGAGED, True)
    assert strong.usual_scale is not None
    assert strong.usual_scale < 0
    assert judged.assess(base.slots, healthy, strong.usual_scale).delta_ratio == pytest.approx(USUAL_RATIO)


def test_a_weak_adapter_is_not_accused(base: Base, tmp_path: Path) -> None:
    weak = make_adapter(tmp_path / "weak.safetensors", rank=1, seed=9, blocks=BLOCKS, strength=2e-7)
    report = assess(base, weak)
    assert report.delta_ratio is not None
    assert 1e-6 < report.delta_ratio < 1e-3
    assert report.verdict is Verdict.ENGAGED


def test_an_adapter_of_few_blocks_is_not_accused(base: Base, tmp_path: Path) -> None:
    few = make_adapter(tmp_path / "few.safetensors", rank=2, seed=9, blocks=1)
    assert assess(base, few).verdict is Verdict.ENGAGED


@pytest.mark.parametrize(
    ("scales", "verdict"), [([1.0, -1.0], Verdict.NOOP), ([1.0, -0.5], Verdict.ENGAGED), ([1.0, 1.0], Verdict.ENGAGED)]
)
def test_one_file_at_opposite_scales_cancels(
    base: Base, healthy: Adapter, scales: list[float], verdict: Verdict
) -> None:
    reports = judged.weighed(base.slots, [Member(healthy, scale) for scale in scales])
    assert [report.verdict for report in reports] == [verdict, verdict]


def test_two_files_of_one_training_at_opposite_scales_cancel(base: Base, tmp_path: Path) -> None:
    strengths = {"ink": 1e-3, "double": 2e-3}
    files = [
        make_adapter(tmp_path / f"{name}.safetensors", rank=2, blocks=2, seed=4, strength=strength)
        for name, strength in strengths.items()
    ]
    first, second = (read(base, file) for file in files)
    assert first.sha256 != second.sha256
    reports = judged.weighed(base.slots, [Member(first, 0.5), Member(second, -0.25)])
    assert [report.verdict for report in reports] == [Verdict.NOOP, Verdict.NOOP]
    assert "ink, double at scales [0.5, -0.25]" in reports[0].reason
    assert {report.verdict for report in judged.weighed(base.slots, [Member(first, 0.5), Member(second, 0.5)])} == {
        Verdict.ENGAGED
    }


def test_a_neighbour_of_two_that_cancel_is_not_accused(base: Base, healthy: Adapter, other: Adapter) -> None:
    reports = judged.weighed(base.slots, [Member(healthy, 1.0), Member(other, 1e-4), Member(healthy, -1.0)])
    assert [report.verdict for report in reports] == [Verdict.NOOP, Verdict.ENGAGED, Verdict.NOOP]


def test_three_files_that_add_up_to_nothing_are_all_accused(base: Base, tmp_path: Path) -> None:
    files = [make_adapter(tmp_path / f"{n}.safetensors", rank=1, blocks=1, seed=4) for n in "ab"]
    whole, half = (read(base, file) for file in files)
    third = replace(half, sha256="c", name="c")
    members = [Member(whole, 1.0), Member(replace(half, sha256="b"), -0.25), Member(third, -0.75)]
    assert [report.verdict for report in judged.weighed(base.slots, members)] == [Verdict.NOOP] * 3


def test_two_files_that_cancel_on_all_layers_but_one_are_partial_and_name_them(
    base: Base, healthy: Adapter, other: Adapter
) -> None:
    first, *others = pairs_of(healthy)[:6]
    odd = next(update for update in pairs_of(other) if update.target == first.target)
    one = replace(healthy, name="ink", sha256="ink", updates=(first, *others))
    opposite = replace(healthy, name="ash", sha256="ash", updates=(odd, *others))
    reports = judged.weighed(base.slots, [Member(one, 0.7), Member(other, 1e-3), Member(opposite, -0.7)])
    assert [report.verdict for report in reports] == [Verdict.PARTIAL, Verdict.ENGAGED, Verdict.PARTIAL]
    assert "on 5 of its 6 layers it is undone by ash" in reports[0].reason
    assert all(repr(update.target) in reports[2].reason for update in others[:1])
    assert [report.undone_targets.count for report in reports] == [5, 0, 5]
    assert reports[0].applied_target_count == 1


def test_three_files_of_four_that_cancel_on_most_layers_are_told_of_each_other(
    base: Base, healthy: Adapter, other: Adapter
) -> None:
    whole = tuple(update for update in pairs_of(healthy)[:6])
    half = tuple(replace(update, multiplier=update.multiplier / 2, norm=update.norm / 2) for update in whole)
    rest = (replace(half[0], down=half[0].down[::-1].copy(), norm=1.0), *half[1:])
    stack = [("ink", whole, 1.0), ("ash", half, -1.0), ("oak", rest, -1.0)]
    members = [Member(replace(healthy, name=name, sha256=name, updates=parts), scale) for name, parts, scale in stack]
    reports = judged.weighed(base.slots, [*members, Member(other, 1.0)])
    assert [report.undone_targets.names for report in reports] == [("ash", "oak"), ("ink", "oak"), ("ink", "ash"), ()]
    assert [report.undone_targets.count for report in reports] == [5, 5, 5, 0]


def test_the_ratio_of_a_stack_is_that_of_the_sum(base: Base, healthy: Adapter, other: Adapter) -> None:
    target = "transformer_blocks.0.attn.to_q"
    members = [Member(some(adapter, target), scale) for adapter, scale in ((healthy, 0.7), (other, -1.3))]
    dense = sum(member.scale * whole(member.adapter) for member in members)
    weight = as_float64(base.slots[target].linear.weight)
    expected = np.linalg.norm(dense) / np.linalg.norm(weight)
    assert Effect(base.slots).stack_ratio(members) == pytest.approx(float(expected), rel=0.02)


def test_a_stack_of_adapters_that_were_judged_alone_waits_for_no_sketch(
    base: Base, healthy: Adapter, other: Adapter
) -> None:
    effect = Effect(base.slots)
    for adapter in (healthy, other):
        effect.sketch(adapter)
    made = effect.weighing.sketches.made
    effect.products([Member(healthy, 1.0), Member(other, 1.0)])
    assert (made, effect.weighing.sketches.made, effect.weighing.overlaps.computed) == (2, 2, 0)


def test_a_sketch_that_takes_the_base_s_own_weights_waits_until_it_is_asked_for(base: Base, healthy: Adapter) -> None:
    effect = Effect(base.slots)
    first, *others = pairs_of(healthy)
    dora = replace(first, magnitude=np.ones(len(first.up), np.float32))
    effect.sketch(replace(healthy, sha256="dora", updates=(dora, *others)))
    assert effect.weighing.sketches.made == 0


def test_layers_whose_update_rounds_away_are_counted(base: Base, healthy: Adapter) -> None:
    lost, *kept = pairs_of(healthy)
    faint = replace(lost, up=lost.up * np.float32(1e-7), norm=lost.norm * 1e-7)
    report = judged.assess(base.slots, replace(healthy, sha256="faint", updates=(faint, *kept)))
    assert report.verdict is Verdict.PARTIAL
    assert report.applied_target_count == TARGETS - 1
    assert lost.target in report.reason


def test_the_delta_ratio_is_that_of_the_dense_matrices(base: Base, other: Adapter) -> None:
    paths = ("transformer_blocks.0.attn.to_q", "single_transformer_blocks.3.attn.to_k")
    slots = {path: base.slots[path] for path in paths}
    delta, weight = 0.0, 0.0
    for update in pairs_of(other):
        if update.target in slots:
            dense = update.multiplier * update.up.astype(np.float64) @ update.down.astype(np.float64)
            delta += float(np.sum(dense**2))
            weight += float(np.sum(as_float64(base.slots[update.target].linear.weight) ** 2))
    some = replace(other, updates=tuple(update for update in pairs_of(other) if update.target in slots))
    assert Effect(slots).delta_ratio(Member(some, 0.7)) == pytest.approx(0.7 * (delta / weight) ** 0.5, rel=1e-5)


@pytest.mark.parametrize("bits", [4, 8])
def test_the_norm_of_a_quantized_layer_is_that_of_its_real_numbers(bits: int) -> None:
    linear = nn.Linear(256, 128)
    linear.weight = mx.random.normal((128, 256), key=mx.random.key(1))
    packed = nn.QuantizedLinear.from_linear(linear, group_size=64, bits=bits)
    dense, quantized = square_norm(linear), square_norm(packed)
    assert quantized == pytest.approx(dense, rel=0.02)


def test_the_norm_of_a_factored_layer_is_that_of_its_product() -> None:
    down, up = (mx.random.normal(shape, key=mx.random.key(i)) for i, shape in enumerate([(96, 3), (3, 64)]))
    layer = FactoredLinear(down, up, None)
    assert square_norm(layer) == pytest.approx(float(np.sum(as_numpy(layer.weight) ** 2)), rel=1e-5)
