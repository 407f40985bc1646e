"""Numbers of weights, held to dense float64 arithmetic, also where the device multiplies float32 as TF32."""

from collections.abc import Callable

import numpy as np
import pytest

from kilnmark.engine.proof.thresholds import CANCELLING_SHARE
from kilnmark.engine.stack.build import build_wrappers
from kilnmark.engine.stack.exact import (
    Exact,
    ExactLayer,
    PerRow,
    across,
    column_squares,
    dots,
    on_host,
    row_squares,
    some_rows,
    square_norm,
    times,
)
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.updates.dora import InputMagnitudes
from kilnmark.keymaps.updates.kinds.lokr import KroneckerUpdate
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.keymaps.updates.update import WeightUpdate
from tests.engine.judged import cancelled
from tests.engine.small_layer import (
    INTO,
    LAYERS,
    OUT,
    TARGET,
    UPDATES,
    Matrix64,
    adapter,
    change,
    normal,
    pair,
    product,
    slot_of,
    weight,
)
from tests.engine.tf32 import rounded, tf32_products

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mlx.utils import tree_flatten

every_layer = pytest.mark.parametrize("layer", LAYERS)


def far_from(right: Exact | PerRow | Matrix64, got: Exact | PerRow) -> float:
    """The relative error, as norms."""
    return float(np.linalg.norm(got - right) / np.linalg.norm(right))


def test_tf32_keeps_ten_bits_after_the_leading_one() -> None:
    numbers = mx.array([1.0, 1 + 2**-10, 1 + 2**-11, 1 + 3 * 2**-11, -(1 + 2**-12)], dtype=mx.float32)
    assert rounded(numbers).tolist() == [1.0, 1 + 2**-10, 1.0, 1 + 2**-9, -1.0]


PRODUCTS: dict[str, Callable[[mx.array, mx.array], mx.array]] = {
    "matmul": lambda a, b: mx.matmul(a, b, stream=mx.cpu),
    "@": lambda a, b: a @ b,
    "addmm": lambda a, b: mx.addmm(mx.zeros((1, 1)), a, b),
}


@pytest.mark.parametrize("way", PRODUCTS)
def test_the_simulated_device_is_as_far_off_as_the_real_one(way: str) -> None:
    a, b = normal(64, 64), normal(64, 64)
    with tf32_products():
        got = on_host(PRODUCTS[way](mx.array(a), mx.array(b)))
    assert 1e-4 < far_from(a.astype(float) @ b.astype(float), got) < 1e-3


@every_layer
def test_rows_norms_and_products_of_a_weight_are_exact(layer: str) -> None:
    linear, matrix = LAYERS[layer](), normal(INTO, 5)
    right = weight(linear)
    with tf32_products():
        assert far_from(right[7:300], some_rows(linear, 7, 300)) < 1e-6
        assert far_from((right**2).sum(axis=1), row_squares(linear)) < 1e-6
        assert square_norm(linear) == pytest.approx(float((right**2).sum()), rel=1e-6)
        assert far_from(right @ matrix, times(linear, matrix)) < 1e-6


@every_layer
def test_columns_of_a_weight_are_exact(layer: str) -> None:
    linear, matrix = LAYERS[layer](), normal(OUT, 5)
    right = weight(linear)
    with tf32_products():
        assert far_from((right**2).sum(axis=0), column_squares(linear)) < 1e-6
        assert far_from(right.T @ matrix, across(linear, matrix)) < 1e-6


def test_sums_of_products_are_float64s() -> None:
    one = np.full((1, 5000), 1 + 2**-12, np.float32)
    assert dots(one, one).tolist() == [5000 * (1 + 2**-12) ** 2]


@every_layer
@pytest.mark.parametrize("kind", [kind for kind, update in UPDATES.items() if update.magnitude is not None])
def test_what_magnitudes_do_to_a_weight_is_exact(layer: str, kind: str) -> None:
    linear, update = LAYERS[layer](), UPDATES[kind]
    whole = weight(linear) + product(update)
    assert update.magnitude is not None
    of_inputs = isinstance(update.magnitude, InputMagnitudes)
    magnitude = update.magnitude.numbers if isinstance(update.magnitude, InputMagnitudes) else update.magnitude
    with tf32_products():
        stretch = update.stretch_on(ExactLayer(linear, (OUT, INTO)))
    assert far_from(magnitude / np.linalg.norm(whole, axis=0 if of_inputs else 1), stretch.factors) < 1e-6
    assert stretch.norm == pytest.approx(float(np.linalg.norm(change(linear, update)[:, :-1])), rel=1e-6)


@pytest.mark.parametrize("kind", UPDATES)
def test_what_a_stack_puts_on_a_layer_is_the_same_on_every_device(kind: str) -> None:
    linear = LAYERS["bfloat16"]()
    members = [Member(adapter(UPDATES[kind], "a"), 0.7), Member(adapter(UPDATES["lora"], "b"), -0.2)]

    def arrays() -> list[mx.array]:
        found: dict[str, mx.array] = {}
        tree_flatten(build_wrappers({TARGET: slot_of(linear)}, members)[TARGET].added(), destination=found)
        return list(found.values())

    right = arrays()
    with tf32_products():
        assert all(mx.array_equal(one, other) for one, other in zip(arrays(), right, strict=True))


def turned(update: PairUpdate) -> PairUpdate:
    """The same product from other factors: the ranks turned by an orthogonal matrix."""
    turn = np.linalg.qr(normal(update.rank, update.rank).astype(float))[0]
    return PairUpdate(TARGET, (turn.T @ update.down).astype("f4"), (update.up @ turn).astype("f4"), 0.5, update.norm)


def multiplied_out(update: PairUpdate) -> KroneckerUpdate:
    whole = product(update).astype("f4")
    return KroneckerUpdate(TARGET, np.ones((1, 1), "f4"), (whole,), ((0, OUT),), 1.0, update.norm)


@every_layer
@pytest.mark.parametrize("other_form", [turned, multiplied_out])
def test_files_of_different_form_that_undo_each_other_are_found_where_products_are_tf32(
    layer: str, other_form: Callable[[PairUpdate], WeightUpdate]
) -> None:
    made = pair(16)
    one = PairUpdate(TARGET, made.down, made.up, 0.5, norm=float(np.linalg.norm(product(made))))
    members = [Member(adapter(one, "a"), 1.0), Member(adapter(other_form(one), "b"), -1.0)]
    with tf32_products():
        groups = cancelled({TARGET: slot_of(LAYERS[layer]())}, members)
    assert None not in groups


def test_the_devices_own_products_would_miss_a_pair_that_is_found() -> None:
    """Numbers that TF32 rounds the same way, all of them, as it does where a file's are much alike."""
    near = np.float32(1 + 0.9 * 2**-11)
    norm = float(near) ** 2 * (OUT * INTO) ** 0.5
    one = PairUpdate(TARGET, np.full((1, INTO), near), np.full((OUT, 1), near), 1.0, norm)

    with tf32_products():
        thin = mx.array(one.down) @ mx.array(multiplied_out(one).second[0]).T
        inner = float(on_host(thin @ mx.array(one.up))[0, 0])
        members = [Member(adapter(one, "a"), 1.0), Member(adapter(multiplied_out(one), "b"), -1.0)]
        found = cancelled({TARGET: slot_of(LAYERS["float32"]())}, members)
    left = (2 * one.norm**2 - 2 * inner) ** 0.5
    assert left > 0.01 * 2 * one.norm > CANCELLING_SHARE * 2 * one.norm
    assert None not in found
