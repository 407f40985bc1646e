"""Functions of layers that are compiled once a form: what makes a new trace, what does not, and what a trace holds."""

import gc
import weakref
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from kilnmark.engine.families import traces
from kilnmark.engine.families.traces import Hollow, Shared, Traces, put_together, taken_apart
from kilnmark.engine.stack.build import Member, build_wrappers
from tests.engine.arrays import as_numpy
from tests.engine.small_layer import INTO, LAYERS, TARGET, UPDATES, adapter, slot_of

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mlx import nn


class Two(NamedTuple):
    """Layers as a family hands them."""

    first: nn.Module
    activation: Callable[[mx.array], mx.array]
    others: list[nn.Module]


def two(*, width: int = 4, bits: int | None = None, activation: Callable[[mx.array], mx.array] = nn.relu) -> Two:
    first: nn.Module = nn.Linear(64, 64)
    if bits is not None:
        first = nn.QuantizedLinear.from_linear(first, group_size=64, bits=bits)
    return Two(first, activation, [nn.Linear(64, width, bias=False)])


def through(layers: Two, x: mx.array) -> mx.array:
    given: mx.array = layers.others[0](layers.activation(layers.first(x)))
    return given


X = mx.ones((2, 64))


def test_layers_put_together_again_are_the_same() -> None:
    layers = two(bits=8)
    form, arrays = taken_apart(layers)
    again = put_together(form, arrays)
    assert isinstance(again, Two)
    assert isinstance(again.first, nn.QuantizedLinear)
    assert again.first.weight is layers.first.weight
    assert np.array_equal(as_numpy(through(again, X)), as_numpy(through(layers, X)))


def test_an_array_that_two_layers_have_is_there_once_and_is_one_again() -> None:
    one, other = nn.Linear(4, 4), nn.Linear(4, 4)
    other.weight = one.weight
    form, arrays = taken_apart([one, other])
    assert len(arrays) == 3
    again, beside = put_together(form, arrays)
    assert again.weight is beside.weight


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (two(bits=8), two(bits=4)),
        (two(), two(bits=8)),
        (two(), two(activation=nn.gelu)),
        ([1], [1.0]),
        ([1], [True]),
        ([1], (1,)),
    ],
    ids=["bits", "kind", "activation", "float", "truth", "tuple"],
)
def test_what_computes_otherwise_has_another_form(one: object, other: object) -> None:
    assert taken_apart(one)[0] != taken_apart(other)[0]


def test_other_numbers_have_the_same_form() -> None:
    assert taken_apart(two())[0] == taken_apart(two())[0]


def test_what_is_no_part_of_a_form_is_refused_by_its_name() -> None:
    layer = nn.Linear(4, 4)
    layer.given = object()
    with pytest.raises(TypeError, match="object is no part"):
        taken_apart([layer])


def stacked(kind: str, scale: float) -> nn.Module:
    members = [Member(adapter(UPDATES[kind], kind), scale)]
    return build_wrappers({TARGET: slot_of(LAYERS["float32"]())}, members, shared=())[TARGET]


def called(layers: list[nn.Module], x: mx.array) -> mx.array:
    given: mx.array = layers[0](x)
    return given


@pytest.mark.parametrize("kind", UPDATES)
def test_a_stack_of_every_kind_is_put_together_again_and_shares_its_trace_with_others_of_the_kind(kind: str) -> None:
    one, other, x = stacked(kind, 1.0), stacked(kind, 0.5), mx.ones((2, INTO))
    for layer in (one, other):
        again = put_together(*taken_apart([layer]))
        assert np.array_equal(as_numpy(called(again, x)), as_numpy(layer(x)))
    assert not np.array_equal(as_numpy(one(x)), as_numpy(other(x)))
    made = Traces()
    shared = Shared(called, made)
    for layer in (one, other):
        shared.bound([layer], compiled=True)(x)
    assert made == Traces(made=1)


def test_numbers_that_are_not_among_the_arrays_cannot_be_computed_with() -> None:
    hollow = Hollow((2, 3))
    assert (len(hollow), hollow.ndim) == (2, 2)
    with pytest.raises(TypeError):
        hollow * 2  # type: ignore[operator]


def test_layers_of_one_form_share_a_trace_and_each_has_its_own_numbers() -> None:
    made = Traces()
    shared = Shared(through, made)
    several = [two() for _ in range(3)]
    bound = [shared.bound(layers, compiled=True) for layers in several]
    for layers, each in zip(several, bound, strict=True):
        assert np.allclose(as_numpy(each(X)), as_numpy(through(layers, X)), atol=1e-6)
    assert made == Traces(made=1)


@pytest.mark.parametrize("other", [two(width=8), two(bits=8)], ids=["shape", "form"])
def test_another_shape_or_form_is_traced_once_more(other: Two) -> None:
    made = Traces()
    shared = Shared(through, made)
    for layers in (two(), other, two(), other):
        shared.bound(layers, compiled=True)(X)
    assert made == Traces(made=2)


def test_what_cannot_be_traced_runs_as_it_is_and_is_counted_and_said(caplog: pytest.LogCaptureFixture) -> None:
    made = Traces()
    layers = two()
    layers.first.given = object()
    bound = Shared(through, made).bound(layers, compiled=True)
    assert np.array_equal(as_numpy(bound(X)), as_numpy(through(layers, X)))
    assert made == Traces(plain=1)
    assert "runs uncompiled" in caplog.text


def test_nothing_is_traced_where_nothing_is_to_be_compiled() -> None:
    made = Traces()
    Shared(through, made).bound(two(), compiled=False)(X)
    assert made == Traces()


def test_the_forms_that_were_not_used_for_long_are_traced_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "FORMS", 1)
    made = Traces()
    shared = Shared(through, made)
    for bits in (8, 4, 8):
        shared.bound(two(bits=bits), compiled=True)(X)
    assert made == Traces(made=3)


def test_many_sizes_hold_a_bounded_number_of_traces_and_a_recent_one_is_made_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(traces, "TRACES", 4)
    made = Traces()
    shared = Shared(through, made)
    for tokens in range(1, 11):
        shared.bound(two(), compiled=True)(mx.ones((tokens, 64)))
        shared.bound(two(), compiled=True)(mx.ones((1, 64)))
    assert len(shared) == 4
    assert made == Traces(made=10)


def test_a_trace_holds_no_layer_and_no_array_of_those_it_was_made_of() -> None:
    shared = Shared(through, Traces())
    layers = two()
    first, before = weakref.ref(layers.first), mx.get_active_memory()
    layers.first.weight = mx.ones((1024, 64))
    layers.first.bias = mx.ones((1024,))
    layers.others[0].weight = mx.ones((8, 1024))
    mx.eval(shared.bound(layers, compiled=True)(X), layers.first, layers.others)
    assert mx.get_active_memory() - before > 1024 * 64 * 4
    del layers
    gc.collect()
    assert first() is None
    assert mx.get_active_memory() - before < 1024 * 4
