"""T5 in `fast`: as near to mflux's in float32 as the type allows, with its adapters too."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kilnmark.engine.families.base import Base
from kilnmark.engine.families.flux1.encoding import _apart, fast_t5
from kilnmark.engine.stack.stack import Member, Stacker
from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit
from tests.engine.arrays import PRECISION, allowed, as_float64
from tests.engine.flux import flux_of

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.flux.model.flux_text_encoder.t5_encoder.t5_dense_relu_dense import T5DenseReluDense
from mflux.models.flux.model.flux_text_encoder.t5_encoder.t5_encoder import T5Encoder
from mflux.models.flux.model.flux_text_encoder.t5_encoder.t5_self_attention import T5SelfAttention

ALLOWED = allowed(1e-5, bfloat16=6e-2)
"""T5 does not scale its attention, so that rounding a query to bf16 can move what is attended to by some percent."""
(OF_T5,) = (exhibit for exhibit in EXHIBITS if exhibit.name == "te2-only")


@pytest.fixture(params=["relu", "gelu"])
def encoder(base: Base, request: pytest.FixtureRequest) -> Iterator[T5Encoder]:
    """The standin's first three blocks, with its activation and with T5's own."""
    whole = flux_of(base).t5_text_encoder
    blocks = whole.t5_blocks
    whole.t5_blocks = blocks[:3]
    dense = [block.ff.DenseReluDense for block in whole.t5_blocks]
    quick = type(dense[0])
    for each in dense:
        each.__class__ = quick if request.param == "relu" else T5DenseReluDense
    yield whole
    for each in dense:
        each.__class__ = quick
    whole.t5_blocks = blocks


@pytest.fixture
def tokens(base: Base) -> mx.array:
    ids: mx.array = flux_of(base).tokenizers["t5"].tokenize("a kiln in the rain").input_ids
    return ids


def distance(one: mx.array, other: mx.array) -> float:
    difference = as_float64(one) - as_float64(other)
    return float(np.linalg.norm(difference) / np.linalg.norm(as_float64(other)))


def test_distances_are_of_the_kinds_that_mflux_has() -> None:
    places = mx.arange(512)
    theirs = T5SelfAttention._relative_position_bucket(places[None] - places[:, None])
    assert np.array_equal(np.array(_apart(512)), np.array(theirs))


def test_it_says_what_mflux_computes_in_float32(encoder: T5Encoder, tokens: mx.array) -> None:
    ours = fast_t5(encoder, tokens, PRECISION)
    assert ours.dtype == PRECISION
    assert distance(ours, encoder(tokens)) < ALLOWED


def test_an_adapter_changes_it_as_it_changes_mflux(
    base: Base, stacker: Stacker, encoder: T5Encoder, tokens: mx.array, tmp_path: Path
) -> None:
    bare = fast_t5(encoder, tokens, PRECISION)
    path = write_exhibit(tmp_path / "t5.safetensors", OF_T5)
    stacker.switch([Member(read_adapter(path, base.shapes), 1.0)])
    ours = fast_t5(encoder, tokens, PRECISION)
    assert distance(ours, bare) > 1e-3
    assert distance(ours, encoder(tokens)) < ALLOWED
