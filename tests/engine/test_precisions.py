"""One stack of every kind of adapter on a layer in every precision a base may have: the exact sum, and nothing written.

What reaches the output is the whole update, whatever the base rounds its own weights to.
"""

import numpy as np
import pytest

from kilnmark.engine.stack.build import Member, build_wrappers
from tests.engine.arrays import allowed, as_float64, given
from tests.engine.small_layer import LAYERS, OUT, TARGET, UPDATES, adapter, change, normal, slot_of, weight

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mlx import nn

SCALES = {name: 0.1 + 0.2 * place * (-1) ** place for place, name in enumerate(UPDATES)}
EVERY_KIND = list(UPDATES)


def added(layer: nn.Module, kinds: list[str], x: mx.array) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """What a stack of these adds to the layer's output, in float64."""
    members = [Member(adapter(UPDATES[kind], kind), SCALES[kind]) for kind in kinds]
    wrapper = build_wrappers({TARGET: slot_of(layer)}, members)[TARGET]
    with_stack = as_float64(wrapper(x))
    return with_stack - as_float64(layer(x))


def expected(layer: nn.Module, kinds: list[str], x: mx.array) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    whole = sum(SCALES[kind] * change(layer, UPDATES[kind]) for kind in kinds)
    assert isinstance(whole, np.ndarray)
    return np.asarray(as_float64(x) @ whole[:, :-1].T + whole[:, -1])


def tolerance(kinds: list[str]) -> float:
    """Magnitudes multiply what the base's layer gave, and that is rounded to the precision of its input already."""
    stretched = any(UPDATES[kind].magnitude is not None for kind in kinds)
    return allowed(2e-5, bfloat16=4e-3) if stretched else 2e-5


@pytest.mark.parametrize("kinds", [*([kind] for kind in EVERY_KIND), EVERY_KIND], ids="+".join)
@pytest.mark.parametrize("layer", LAYERS)
def test_the_output_moves_by_the_exact_sum_in_every_precision(layer: str, kinds: list[str]) -> None:
    linear = LAYERS[layer]()
    before = weight(linear)
    x = given(normal(5, before.shape[1]))
    got, truth = added(linear, kinds, x), expected(linear, kinds, x)
    assert np.linalg.norm(got - truth) < tolerance(kinds) * np.linalg.norm(truth)
    assert np.array_equal(weight(linear), before)


@pytest.mark.parametrize("layer", ["bfloat16", "float16"])
def test_an_update_far_below_the_weights_own_rounding_arrives_whole(layer: str) -> None:
    linear = LAYERS[layer]()
    x = given(normal(5, weight(linear).shape[1]))
    faint = adapter(UPDATES["lora"], "faint")
    wrapper = build_wrappers({TARGET: slot_of(linear)}, [Member(faint, 1e-4)])[TARGET]
    got = as_float64(wrapper(x)) - as_float64(linear(x))
    truth = 1e-4 * as_float64(x) @ change(linear, UPDATES["lora"])[:, :-1].T
    share = float(np.sum(got * truth) / np.sum(truth * truth))
    assert share == pytest.approx(1.0, abs=2e-3)
    assert wrapper(x).dtype == mx.float32


def test_the_pairs_of_a_stack_are_one_pair_of_their_total_rank() -> None:
    linear = LAYERS["float32"]()
    pairs = ["lora", "biased", "dora", "loha"]
    members = [Member(adapter(UPDATES[kind], kind), 1.0) for kind in pairs]
    wrapper = build_wrappers({TARGET: slot_of(linear)}, members)[TARGET]
    assert wrapper.up.shape == (OUT, sum(UPDATES[kind].rank for kind in pairs))
    assert not wrapper.terms
