"""Adapters of the text encoders: the same stack, and embeddings that are never another stack's."""

import mlx.core as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.engine.families.base import Base
from kilnmark.engine.stack.layers import StackedLinear
from kilnmark.engine.stack.stack import Member, Stacker
from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.names.shapes import encoder_of
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit
from kilnmark.protocol.picture.report import Verdict
from tests.engine.arrays import as_float64, as_numpy
from tests.engine.flux import flux_of
from tests.engine.forward import noise
from tests.engine.judged import assess
from tests.pairs import pairs_of

BY_NAME = {exhibit.name: exhibit for exhibit in EXHIBITS}


@pytest.fixture(scope="module")
def clip(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    path = tmp_path_factory.mktemp("encoders") / "clip.safetensors"
    return read_adapter(write_exhibit(path, BY_NAME["te-only"]), base.shapes)


@pytest.fixture(scope="module")
def both(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    path = tmp_path_factory.mktemp("encoders") / "both.safetensors"
    return read_adapter(write_exhibit(path, BY_NAME["te2-only"]), base.shapes)


def encoded(base: Base, prompt: str = "dusk") -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    t5, pooled = base.encode(prompt)
    return as_numpy(t5), as_numpy(pooled)


def test_an_adapter_of_one_encoder_changes_what_that_encoder_says(base: Base, stacker: Stacker, clip: Adapter) -> None:
    t5, pooled = encoded(base)
    stacker.switch([Member(clip, 1.0)])
    styled_t5, styled_pooled = encoded(base)
    assert np.array_equal(t5, styled_t5)
    assert not np.array_equal(pooled, styled_pooled)


def test_embeddings_are_those_of_the_stack_that_is_on(base: Base, stacker: Stacker, both: Adapter) -> None:
    bare = encoded(base)
    stacker.switch([Member(both, 1.0)])
    styled = encoded(base)
    stacker.switch([Member(both, 0.5)])
    weaker = encoded(base)
    stacker.switch([])
    again = encoded(base)
    assert all(np.array_equal(one, other) for one, other in zip(bare, again, strict=True))
    for each in (styled, weaker):
        assert not any(np.array_equal(one, other) for one, other in zip(bare, each, strict=True))
    assert not any(np.array_equal(one, other) for one, other in zip(styled, weaker, strict=True))


def test_a_stack_that_leaves_the_encoders_alone_finds_the_prompt_encoded(
    base: Base, stacker: Stacker, healthy: Adapter
) -> None:
    t5, _ = base.encode("dawn")
    stacker.switch([Member(healthy, 1.0)])
    assert not stacker.encoder_key
    assert base.encode("dawn")[0] is t5


def test_the_picture_follows_the_encoders(base: Base, stacker: Stacker, clip: Adapter) -> None:
    before = noise(flux_of(base))
    stacker.switch([Member(clip, 1.0)])
    assert not np.array_equal(before, noise(flux_of(base)))
    stacker.switch([])
    assert np.array_equal(before, noise(flux_of(base)))


@pytest.mark.parametrize(("encoder", "count"), [("clip_text_encoder", 72), ("t5_text_encoder", 168)])
def test_every_layer_of_an_encoder_adds_the_exact_update(
    base: Base, stacker: Stacker, both: Adapter, encoder: str, count: int
) -> None:
    stacker.switch([Member(both, 0.8)])
    updates = [update for update in pairs_of(both) if encoder_of(update.target) == encoder]
    assert len(updates) == count
    for update in updates:
        wrapper = base.slots[update.target].current()
        assert isinstance(wrapper, StackedLinear)
        x = np.random.default_rng(5).standard_normal((2, base.shapes[update.target][1])).astype(np.float32)
        added = as_float64((mx.array(x) @ wrapper.down.T) @ wrapper.up.T)
        exact = 0.8 * update.multiplier * (x.astype(float) @ update.down.T.astype(float)) @ update.up.T
        assert np.linalg.norm(added - exact) / np.linalg.norm(exact) < 1e-5, update.target


def test_an_adapter_of_encoders_alone_is_engaged_with_its_own_layers(base: Base, clip: Adapter) -> None:
    report = assess(base.slots, clip)
    assert report.verdict is Verdict.ENGAGED
    assert (report.matched_key_count, report.total_key_count, report.applied_target_count) == (216, 216, 72)
    assert report.delta_ratio is not None
    assert report.delta_ratio > 1e-3
