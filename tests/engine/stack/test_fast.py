"""Stacks in the base's own precision: nothing comes out in float32, nothing small is lost, no weight is copied."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.engine.stack.build import Member, build_wrappers
from kilnmark.engine.stack.fast import FEW_TOKENS, FastLinear, parts_of, shared_parts
from kilnmark.engine.stack.layers import FactoredLinear, compute_type
from kilnmark.engine.stack.pairs import padded
from kilnmark.engine.stack.slots import Slot
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from tests.engine.arrays import as_float64
from tests.engine.gpu_products import gpu_products
from tests.engine.small_layer import INTO, OUT, TARGET, UPDATES, adapter, change, normal, pair, slot_of, weight

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mlx import nn

Numbers = NDArray[np.float64]
ROUNDING = 2.0**-9
"""Half a step of bf16 beside the number, at the most."""
EVERY_KIND = list(UPDATES)


def dense(dtype: mx.Dtype = mx.bfloat16, *, biased: bool = True) -> nn.Module:
    layer: nn.Module = nn.Linear(INTO, OUT, bias=biased)
    layer.weight = mx.array(normal(OUT, INTO))
    if biased:
        layer.bias = mx.array(normal(OUT))
    layer.set_dtype(dtype)
    return layer


def factored(dtype: mx.Dtype = mx.bfloat16) -> nn.Module:
    return FactoredLinear(*(mx.array(normal(*shape)).astype(dtype) for shape in ((INTO, 64), (64, OUT), (OUT,))))


def packed(bits: int, *, mode: str = "affine", biased: bool = True) -> nn.Module:
    size = 64 if mode == "affine" else 32
    layer: nn.Module = nn.QuantizedLinear.from_linear(dense(biased=biased), group_size=size, bits=bits, mode=mode)
    return layer


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "float32": lambda: dense(mx.float32),
    "bfloat16": dense,
    "bfloat16, no bias": lambda: dense(biased=False),
    "float16": lambda: dense(mx.float16),
    "factored": factored,
    "8 bits": lambda: packed(8),
    "4 bits": lambda: packed(4),
}
SUMMED: tuple[Callable[[FastLinear, mx.array], mx.array], ...] = (
    lambda layer, x: layer(x),
    lambda layer, x: layer.parts(x).total(),
    lambda layer, x: layer.parts(x, moved=False).total(),
)


def stacked(layer: nn.Module, *kinds: str, scale: float = 1.0) -> FastLinear:
    members = [Member(adapter(UPDATES[kind], kind), scale) for kind in kinds]
    wrapper = build_wrappers({TARGET: slot_of(layer)}, members, shared=())[TARGET]
    assert isinstance(wrapper, FastLinear)
    return wrapper


def inputs(layer: nn.Module, tokens: int) -> mx.array:
    return mx.array(normal(tokens, INTO)).astype(compute_type(layer))


def meant(layer: nn.Module, kinds: list[str], x: mx.array, scale: float = 1.0) -> Numbers:
    whole = sum(scale * change(layer, UPDATES[kind]) for kind in kinds)
    assert isinstance(whole, np.ndarray)
    return np.asarray(as_float64(x) @ whole[:, :-1].T + whole[:, -1])


def exact(layer: nn.Module, x: mx.array) -> Numbers:
    """What the base's own layer is to give, in float64."""
    bias = as_float64(layer.bias) if "bias" in layer else 0.0
    return np.asarray(as_float64(x) @ weight(layer).T + bias)


def share(found: Numbers, wanted: Numbers) -> float:
    return float((found * wanted).sum() / (wanted * wanted).sum())


def error(found: Numbers, wanted: Numbers) -> float:
    return float(np.linalg.norm(found - wanted))


@pytest.mark.parametrize("tokens", [5, FEW_TOKENS])
@pytest.mark.parametrize("kinds", [*([kind] for kind in EVERY_KIND), EVERY_KIND], ids="+".join)
@pytest.mark.parametrize("layer", ["float32", "bfloat16", "factored"])
def test_the_error_of_every_kind_is_that_of_the_precision(layer: str, kinds: list[str], tokens: int) -> None:
    linear = LAYERS[layer]()
    x = inputs(linear, tokens)
    added = meant(linear, kinds, x)
    wanted = exact(linear, x) + added
    got = stacked(linear, *kinds)(x)
    assert got.dtype == compute_type(linear)
    step = 2e-6 if layer == "float32" else 3 * ROUNDING
    assert error(as_float64(got), wanted) < step * (np.linalg.norm(wanted) + np.linalg.norm(added))


@pytest.mark.parametrize("layer", ["8 bits", "4 bits"])
@pytest.mark.parametrize("kinds", [["lora"], ["dora"], ["lokr"], ["dora of inputs"], EVERY_KIND], ids="+".join)
def test_a_packed_layer_gives_its_own_product_and_all_that_is_added(layer: str, kinds: list[str]) -> None:
    """MLX adds a packed layer's product up in bf16 on a CPU, which is its own and not measured here."""
    linear = LAYERS[layer]()
    x = inputs(linear, 10)
    added = meant(linear, kinds, x)
    got = as_float64(stacked(linear, *kinds)(x)) - as_float64(linear(x))
    allowed = 0.05 if any("dora of inputs" in kind for kind in kinds) else 3 * ROUNDING
    assert error(got, added) < allowed * (np.linalg.norm(exact(linear, x)) + np.linalg.norm(added))


@pytest.mark.parametrize("kind", ["lora", "lokr", "biased", "dora of inputs"])
@pytest.mark.parametrize("layer", LAYERS)
def test_an_update_below_the_steps_of_the_output_arrives_whole(layer: str, kind: str) -> None:
    """Of a hundredth of what the base's layer gives, rounding the sum of both once more leaves 0.97; of less, less."""
    linear = LAYERS[layer]()
    x = inputs(linear, 512)
    wanted = meant(linear, [kind], x)
    scale = 0.01 * float(np.linalg.norm(exact(linear, x)) / np.linalg.norm(wanted))
    wrapper = stacked(linear, kind, scale=scale)
    with gpu_products() if "bits" in layer else nullcontext():
        bare = as_float64(linear(x))
        for way in SUMMED:
            found = as_float64(way(wrapper, x)) - bare
            assert share(found, scale * wanted) == pytest.approx(1.0, abs=1e-2)


@pytest.mark.parametrize("biased", [True, False])
def test_a_layer_packed_into_tiny_floats_has_its_stack_in_bf16(biased: bool) -> None:
    linear = packed(4, mode="mxfp4", biased=biased)
    x = mx.array(normal(8, INTO)).astype(mx.bfloat16)
    wrapper = stacked(linear, "lora")
    assert (wrapper.up.dtype, wrapper(x).dtype) == (mx.bfloat16, mx.bfloat16)
    wanted = meant(linear, ["lora"], x)
    found = as_float64(wrapper(x)) - as_float64(linear(x))
    assert error(found, wanted) < 0.02 * (np.linalg.norm(wanted) + np.linalg.norm(as_float64(linear(x))))


def test_what_is_added_on_the_grid_would_be_lost() -> None:
    linear = LAYERS["bfloat16"]()
    x = inputs(linear, 1024)
    wanted = meant(linear, ["lora"], x, 1e-4)
    found = as_float64(linear(x) + mx.array(wanted.astype(np.float32)).astype(mx.bfloat16)) - as_float64(linear(x))
    assert share(found, wanted) < 0.6


def of_strength(ratio: float, rank: int = 8) -> PairUpdate:
    """A pair whose norm is so much of that of the weights of `dense`."""
    update = pair(rank)
    norm = np.linalg.norm(update.multiplier * update.up.astype(float) @ update.down)
    return replace(update, up=update.up * np.float32(ratio * np.sqrt(OUT * INTO) / norm))


@pytest.mark.parametrize(("ratio", "most"), [(0.001, 1.02), (0.1, 1.06), (0.3, 1.4)])
def test_what_rounding_takes_of_a_pair_is_little_beside_what_it_takes_of_the_base(ratio: float, most: float) -> None:
    linear, update = dense(), of_strength(ratio)
    x = inputs(linear, 512)
    wrapper = build_wrappers({TARGET: slot_of(linear)}, [Member(adapter(update, "a"), 1.0)], shared=())[TARGET]
    bare = exact(linear, x)
    wanted = bare + as_float64(x) @ change(linear, update)[:, :-1].T
    assert error(as_float64(wrapper(x)), wanted) < most * error(as_float64(linear(x)), bare)


def test_what_rounding_leaves_of_two_that_cancel_in_another_form_is_small_beside_the_bases_own() -> None:
    linear, update = dense(), of_strength(0.1)
    turn = np.linalg.qr(normal(8, 8))[0]
    turned = replace(update, down=turn @ update.down, up=-update.up @ turn.T)
    x = inputs(linear, 512)
    members = [Member(adapter(each, str(place)), 1.0) for place, each in enumerate((update, turned))]
    wrapper = build_wrappers({TARGET: slot_of(linear)}, members, shared=())[TARGET]
    left = as_float64((x @ wrapper.down.T) @ wrapper.up.T)
    of_one = np.linalg.norm(as_float64(x) @ change(linear, update)[:, :-1].T)
    assert 0 < np.linalg.norm(left) < 0.006 * of_one
    bare = exact(linear, x)
    assert np.linalg.norm(left) < 0.4 * error(as_float64(linear(x)), bare)


@pytest.mark.parametrize("tokens", [5, FEW_TOKENS])
@pytest.mark.parametrize("layer", ["float32", "bfloat16", "factored"])
def test_layers_of_one_input_share_one_down_product(layer: str, tokens: int) -> None:
    slots = {name: Slot(name, [], 0, LAYERS[layer](), (OUT, INTO)) for name in ("q", "k", "bare", "mlp", "alone")}
    updates = tuple(replace(pair(rank), target=name) for name, rank in (("q", 4), ("k", 17), ("mlp", 33), ("alone", 3)))
    member = Member(replace(adapter(UPDATES["lora"], "all"), updates=updates), 0.5)
    wrappers = build_wrappers(slots, [member], shared=[["q", "k", "bare", "mlp"]])
    layers = [wrappers.get(name, slots[name].linear) for name in ("q", "k", "bare", "mlp", "alone")]
    x = inputs(slots["q"].linear, tokens)
    downs = {id(layer.down): layer.down.shape for layer in layers if isinstance(layer, FastLinear)}
    assert list(downs.values()) == [(16 + 32 + 48, INTO), (16, INTO)]
    for together, one in zip(shared_parts(layers, x), layers, strict=True):
        alone = as_float64(parts_of(one, x).total())
        assert error(as_float64(together.total()), alone) < 1e-6 * np.linalg.norm(alone)


def test_each_layer_has_its_pair_in_its_own_precision() -> None:
    dtypes = {"a": mx.float32, "b": mx.bfloat16, "c": mx.float16}
    slots = {name: Slot(name, [], 0, dense(dtype), (OUT, INTO)) for name, dtype in dtypes.items()}
    updates = tuple(replace(pair(4), target=name) for name in dtypes)
    wrappers = build_wrappers(
        slots, [Member(replace(adapter(UPDATES["lora"], "all"), updates=updates), 1.0)], shared=()
    )
    assert {name: (one.down.dtype, one.up.dtype) for name, one in wrappers.items()} == {
        name: (dtype, dtype) for name, dtype in dtypes.items()
    }


@pytest.mark.parametrize(
    ("rank", "total"), [(1, 16), (16, 16), (17, 32), (33, 48), (48, 48), (49, 64), (65, 96), (129, 192), (385, 512)]
)
def test_total_ranks_are_padded_to_a_few(rank: int, total: int) -> None:
    assert padded(rank) == total


def test_another_scale_keeps_the_down_matrices() -> None:
    slots = {TARGET: slot_of(dense())}
    first, second = ([Member(adapter(UPDATES["lora"], "a"), scale)] for scale in (0.5, 0.7))
    one = build_wrappers(slots, first, shared=())
    other = build_wrappers(slots, second, one, shared=())
    fresh = build_wrappers(slots, second, shared=())
    assert other[TARGET].down is one[TARGET].down
    assert mx.array_equal(other[TARGET].up, fresh[TARGET].up)


@pytest.mark.parametrize("bits", [None, 8, 4])
def test_no_weight_of_the_base_is_ever_copied(bits: int | None) -> None:
    width, tokens = 1024, 8 if bits else FEW_TOKENS
    linear: nn.Module = nn.Linear(width, width)
    linear.set_dtype(mx.bfloat16)
    if bits:
        linear = nn.QuantizedLinear.from_linear(linear, group_size=64, bits=bits)
    mx.eval(linear.parameters())
    x = mx.zeros((tokens, width), dtype=mx.bfloat16)
    update = PairUpdate(TARGET, normal(16, width), normal(width, 16), 1.0, norm=1.0)
    slot = Slot(TARGET, [linear], 0, linear, (width, width))
    mx.reset_peak_memory()
    before = mx.get_active_memory()
    wrapper = build_wrappers({TARGET: slot}, [Member(adapter(update, "a"), 1.0)], shared=())[TARGET]
    mx.eval(wrapper(x))
    grown = mx.get_peak_memory() - before
    own = sum(array.nbytes for array in (wrapper.down, wrapper.up))
    assert own < grown < 8 * own + 6 * 4 * tokens * width
    assert grown < 2 * width * width
