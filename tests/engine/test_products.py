"""LoHa and LoKr on a real base: the exact sum, mflux's own layers, and a base that stays as it is."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial, reduce
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.engine.families.base import Base
from kilnmark.engine.stack.layers import StackedLinear, Term
from kilnmark.engine.stack.stack import Member, Stacker
from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.updates.kinds.loha import HadamardUpdate
from kilnmark.keymaps.updates.kinds.lokr import Kronecker, KroneckerUpdate
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.keymaps.updates.update import AnyUpdate
from kilnmark.keymaps.zoo.write import Tensors, write_tensors
from kilnmark.protocol.picture.report import Verdict
from tests.engine.arrays import as_float64, as_numpy
from tests.engine.flux import flux_of
from tests.engine.forward import noise
from tests.engine.judged import assess
from tests.engine.short import TARGETS, short
from tests.engine.stack.test_stack import mflux_stack
from tests.keymaps.lycoris import diffusers_shares, kohya_shares, loha_file, lokr_file

FLATTENED = short(diffusers_shares("lycoris_", "_"))
FUSED = (
    "transformer_blocks.3.attn.to_k",
    "single_transformer_blocks.0.attn.to_v",
    "single_transformer_blocks.3.proj_mlp",
)


FILES: dict[str, Callable[[], Tensors]] = {
    "ai_toolkit_lokr_old": partial(lokr_file, FLATTENED, alpha=1e10),
    "simpletuner_lokr": partial(lokr_file, FLATTENED, alpha=1.0),
    "simpletuner_lokr_lowrank": partial(lokr_file, FLATTENED, rank=2, alpha=3.0),
    "kohya_lokr_bfl": lambda: lokr_file(short(kohya_shares())),
    "kohya_loha_bfl": lambda: loha_file(short(kohya_shares())),
}


PathOf = Callable[[str], Path]
AdapterOf = Callable[[str], Adapter]


@pytest.fixture(scope="module")
def path_of(tmp_path_factory: pytest.TempPathFactory) -> PathOf:
    """Files for every block, each written when it is first asked for."""
    folder = tmp_path_factory.mktemp("products")
    return cache(lambda name: write_tensors(folder / f"{name}.safetensors", FILES[name]()))


@pytest.fixture(scope="module")
def adapter_of(base: Base, path_of: PathOf) -> AdapterOf:
    """They, each read once."""
    return cache(lambda name: read_adapter(path_of(name), base.shapes))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("ai_toolkit_lokr_old", marks=pytest.mark.slow),
        pytest.param("simpletuner_lokr", marks=pytest.mark.slow),
        pytest.param("simpletuner_lokr_lowrank", marks=pytest.mark.slow),
    ],
)
def test_the_noise_equals_mfluxs_own_unbaked_loader(
    base: Base, stacker: Stacker, path_of: PathOf, adapter_of: AdapterOf, name: str
) -> None:
    before = noise(flux_of(base))
    with mflux_stack(base, [path_of(name)], [0.05]):
        theirs = noise(flux_of(base))
    stacker.switch([Member(adapter_of(name), 0.05)])
    ours = noise(flux_of(base))
    assert np.abs(theirs - before).max() / np.abs(before).max() > 1e-3
    assert np.abs(ours - theirs).max() / np.abs(theirs).max() < 1e-5


ROWS = 64
"""Of a matrix that is multiplied out: as many as a processor's cache holds."""


def through_hadamard(update: HadamardUpdate, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(..., in)` to `(..., out)` through the whole matrix, some rows of it at a time."""
    (up_1, down_1), (up_2, down_2) = (
        (up.astype(float), down.astype(float)) for up, down in (update.first, update.second)
    )
    parts = [slice(begin, begin + ROWS) for begin in range(0, len(up_1), ROWS)]
    given = [x @ ((up_1[rows] @ down_1) * (up_2[rows] @ down_2)).T for rows in parts]
    return update.multiplier * np.concatenate(given, axis=-1)


def rows_of(update: AnyUpdate, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Some rows of an update's whole matrix, multiplied out."""
    if isinstance(update, KroneckerUpdate):
        second = reduce(np.matmul, (factor.astype(float) for factor in update.second))
        own = np.concatenate([np.arange(*each) for each in update.ranges])[rows]
        left, right = update.first.astype(float)[own // len(second)], second[own % len(second)]
        whole = (left[:, :, None] * right[:, None, :]).reshape(len(rows), -1)
    elif isinstance(update, HadamardUpdate):
        left, right = (up[rows].astype(float) @ down.astype(float) for up, down in (update.first, update.second))
        whole = left * right
    else:
        assert isinstance(update, PairUpdate)
        whole = update.up[rows].astype(float) @ update.down.astype(float)
    return np.asarray(update.multiplier * whole)


@pytest.mark.parametrize("target", FUSED)
def test_a_stack_of_three_kinds_adds_their_exact_sum(
    base: Base, stacker: Stacker, adapter_of: AdapterOf, other: Adapter, target: str
) -> None:
    kronecker = adapter_of("kohya_lokr_bfl")
    members = [Member(kronecker, 0.7), Member(other, 0.5), Member(adapter_of("kohya_loha_bfl"), -0.3)]
    stacker.switch(members)
    wrapper = base.slots[target].current()
    assert isinstance(wrapper, StackedLinear)
    numbers, (height, width) = np.random.default_rng(5), base.shapes[target]
    x = numbers.standard_normal((2, width)).astype(np.float32)
    rows = np.array([0, *numbers.integers(0, height, 62), height - 1])
    added = as_float64((mx.array(x) @ wrapper.down.T) @ wrapper.up.T + wrapper.terms[0](mx.array(x)))[:, rows]
    exact = np.zeros_like(added)
    for adapter, scale, _ in members:
        (update,) = (update for update in adapter.updates if update.target == target)
        exact += scale * x.astype(float) @ rows_of(update, rows).T
    assert np.linalg.norm(added - exact) / np.linalg.norm(exact) < 1e-5


def test_taking_a_product_off_restores_the_base_bit_for_bit(
    base: Base, stacker: Stacker, adapter_of: AdapterOf
) -> None:
    before = noise(flux_of(base))
    stacker.switch([Member(adapter_of("kohya_lokr_bfl"), 0.1)])
    changed = noise(flux_of(base))
    stacker.switch([])
    assert not np.array_equal(before, changed)
    assert np.array_equal(before, noise(flux_of(base)))


def test_a_stack_without_products_has_no_terms(base: Base, stacker: Stacker, other: Adapter) -> None:
    stacker.switch([Member(other, 1.0)])
    wrappers = [slot.current() for slot in base.slots.values() if slot.current() is not slot.linear]
    assert wrappers
    assert not any(wrapper.terms for wrapper in wrappers if isinstance(wrapper, StackedLinear))


@pytest.mark.parametrize(
    ("name", "kind"), [("kohya_lokr_bfl", "lokr"), ("simpletuner_lokr_lowrank", "lokr"), ("kohya_loha_bfl", "loha")]
)
def test_a_file_is_engaged_with_every_key_and_target(base: Base, adapter_of: AdapterOf, name: str, kind: str) -> None:
    adapter = adapter_of(name)
    report = assess(base.slots, adapter, 0.1)
    assert (report.verdict, report.kind) == (Verdict.ENGAGED, kind)
    assert (report.matched_key_count, report.applied_target_count) == (adapter.total_key_count, TARGETS)


@pytest.mark.parametrize("second", [[(5, 2)], [(5, 1), (1, 2)]])
def test_a_term_keeps_its_rows_in_their_order(second: list[tuple[int, int]]) -> None:
    first = mx.random.normal((3, 4), key=mx.random.key(0))
    factors = [mx.random.normal(shape, key=mx.random.key(place)) for place, shape in enumerate(second)]
    whole = as_numpy(factors[0] @ factors[1] if len(factors) > 1 else factors[0])
    dense = np.kron(as_numpy(first), whole)
    x = mx.random.normal((2, 7, 8), key=mx.random.key(9))
    product = Kronecker(as_numpy(first), tuple(map(as_numpy, factors)), ((8, 15), (0, 3)), np.ones(1))
    got = as_numpy(Term(product)(x))
    assert np.allclose(got, as_numpy(x) @ np.concatenate([dense[8:], dense[:3]]).T, atol=1e-5)


@pytest.mark.parametrize(("ranks", "terms"), [((8, 8), 0), ((8, 9), 1), ((32, 32), 1)])
def test_a_hadamard_product_is_exact_as_one_pair_and_factor_by_factor(
    base: Base, stacker: Stacker, other: Adapter, ranks: tuple[int, int], terms: int
) -> None:
    target, numbers = "transformer_blocks.0.attn.to_k", np.random.default_rng(8)
    first, second = (
        (numbers.standard_normal((3072, rank), np.float32), numbers.standard_normal((rank, 3072), np.float32))
        for rank in ranks
    )
    update = HadamardUpdate(target, first, second, 0.01, 1.0, bias=numbers.standard_normal(3072, np.float32))
    stacker.switch([Member(replace(other, sha256=f"of ranks {ranks}", updates=(update,)), -0.6)])
    wrapper = base.slots[target].current()
    assert isinstance(wrapper, StackedLinear)
    assert len(wrapper.terms) == terms
    held = sum(array.nbytes for term in wrapper.terms for array in term.added())
    assert held == terms * sum(matrix.nbytes for matrix in (*first, *second))
    x = numbers.standard_normal((2, 3, 3072)).astype(np.float32)
    added = as_float64(wrapper(mx.array(x)) - base.slots[target].linear(mx.array(x)))
    assert update.bias is not None
    exact = -0.6 * (through_hadamard(update, x.astype(float)) + update.bias)
    assert np.linalg.norm(added - exact) / np.linalg.norm(exact) < 1e-5


def test_a_product_that_does_not_fit_leaves_the_base_alone(base: Base, stacker: Stacker, adapter_of: AdapterOf) -> None:
    adapter = adapter_of("kohya_lokr_bfl")
    wrong = KroneckerUpdate(adapter.updates[0].target, np.ones((2, 2), "f4"), (np.ones((2, 2), "f4"),), ((0, 4),), 1, 4)
    high = np.ones((2, 9), "f4"), np.ones((9, 2), "f4")
    for update in (wrong, HadamardUpdate(wrong.target, high, high, 1.0, 1.0)):
        with pytest.raises(ValueError, match="does not fit"):
            stacker.switch([Member(replace(adapter, updates=(update,)), 1.0)])
        assert not stacker.key
        assert base.slots[wrong.target].current() is base.slots[wrong.target].linear
