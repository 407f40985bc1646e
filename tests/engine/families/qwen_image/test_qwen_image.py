"""Qwen-Image-2.1 as a base, on its standin: mflux's own classes and pictures, every convention, no trace left."""

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.qwen21.model.qwen21_text_encoder.qwen21_text_encoder import Qwen21TextEncoder
from mflux.models.qwen21.model.qwen21_transformer.qwen21_transformer import Qwen21Transformer
from mflux.models.qwen21.model.qwen21_vae.qwen21_vae import Qwen21VAE
from mflux.models.qwen21.variants.txt2img.qwen_image_21 import QwenImage21
from mflux.models.qwen21.weights.qwen21_weight_definition import Qwen21WeightDefinition

from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.qwen_image.model import QwenImageModel
from kilnmark.engine.families.qwen_image.parts import qwen_of
from kilnmark.engine.run.saver import Painting
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.exhibits.qwen_image import QWEN_IMAGE
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.keymaps.zoo.zoo import Exhibit, write_exhibit
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.work import Failed
from tests.engine.arrays import as_numpy
from tests.engine.families.flux2.test_numbers import counted
from tests.engine.families.qwen_image.small import LAYERS, small_qwen
from tests.engine.families.small import write_as_mflux
from tests.engine.families.standins import (
    PROMPT,
    Followed,
    picture,
    placed_at,
    read_tensors,
    render,
    standin,
    uncompiled,
)

NAME = "standin:qwen-image-2.1"
SHAPES = load_shapes("qwen-image-2.1")


@pytest.fixture
def base() -> Base:
    return standin(NAME)


@pytest.fixture(scope="module")
def bare() -> mx.array:
    return standin(NAME).predict()


def qwen(base: Base) -> QwenImage21:
    assert isinstance(base.model, QwenImageModel)
    return base.model.made


def test_it_is_made_of_mflux_classes_with_the_232_targets_of_qwen_image(base: Base) -> None:
    made = qwen(base)
    assert (type(made), type(made.transformer)) == (QwenImage21, Qwen21Transformer)
    assert type(made.text_encoder) is Qwen21TextEncoder
    assert base.info.target_count == 232
    assert base.shapes == dict(SHAPES)


def test_it_is_small_and_says_how_large(base: Base) -> None:
    assert base.info.memory_bytes < 300e6
    assert base.variant.numbers.nbytes(None, 4) == pytest.approx(base.info.memory_bytes, rel=0.01)


def test_the_table_counts_what_is_held_of_what_mflux_builds() -> None:
    made = qwen_of(ModelConfig.qwen_image_21(), Qwen21Transformer(), Qwen21TextEncoder(), Qwen21VAE(), {})
    predicate = Qwen21WeightDefinition.quantization_predicate
    packed = sum(each.weight.size for path, each in made.transformer.named_modules() if predicate(path, each))
    _, total = counted(QwenImageModel(made, "", guided=True).held)
    numbers = VARIANTS["qwen-image-2.1"].numbers
    assert (numbers.matrices, numbers.others) == (packed, total - packed)


def test_it_refuses_what_it_cannot_do() -> None:
    with pytest.raises(BaseUnavailable, match="leave quantize out"):
        load_base(NAME, 4)
    with pytest.raises(BaseUnavailable, match=r"Qwen-Image-2\.1 has no numerics 'fast', only exact"):
        load_base(NAME, None, numerics="fast")


@pytest.mark.slow
def test_it_is_followed_step_by_step_and_stopped_at_one(base: Base) -> None:
    seen = Followed()
    assert np.asarray(base.generate(picture(base, steps=1), seen)).std() > 10
    assert seen.told == [0, (1, 4, 64)]
    with pytest.raises(InterruptedError):
        base.generate(picture(base), Followed(stop_at=0))


@pytest.mark.slow
def test_its_pictures_are_those_that_mflux_paints(base: Base) -> None:
    mine = np.asarray(base.generate(picture(base, steps=2), Followed()))
    with uncompiled():
        theirs = qwen(base).generate_image(seed=1, prompt=PROMPT, num_inference_steps=2, height=32, width=32)
    assert np.array_equal(mine, np.asarray(theirs.image))


@pytest.mark.slow
def test_the_prompt_matters(base: Base) -> None:
    (red,), (blue,) = base.encode("red"), base.encode("blu")
    assert red.shape == blue.shape
    assert not np.array_equal(as_numpy(red), as_numpy(blue))


@pytest.mark.slow
@pytest.mark.parametrize("exhibit", QWEN_IMAGE, ids=lambda exhibit: exhibit.name)
def test_every_convention_engages_with_all_its_keys_and_is_taken_off_again(
    base: Base, bare: mx.array, tmp_path: Path, exhibit: Exhibit
) -> None:
    outcome = render(base, write_exhibit(tmp_path / "full.safetensors", exhibit))
    assert isinstance(outcome, Painting)
    (report,) = outcome.trail.loras
    assert report.verdict is Verdict.ENGAGED, report.reason
    assert report.matched_key_count == report.total_key_count
    assert report.applied_target_count == report.target_count >= 224
    assert bool(mx.array_equal(base.predict(), bare))


def test_a_dead_one_is_caught_before_anything_is_painted(base: Base, tmp_path: Path) -> None:
    dead = make_adapter(tmp_path / "dead.safetensors", shapes=SHAPES, rank=1, blocks=1, dead=True)
    alive = make_adapter(tmp_path / "alive.safetensors", shapes=SHAPES, rank=1, blocks=1)
    outcome = render(base, alive, dead)
    assert isinstance(outcome, Failed)
    assert [report.verdict for report in outcome.loras] == [Verdict.ENGAGED, Verdict.NOOP]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return load_base(str(write_as_mflux(small_qwen(), tmp_path_factory.mktemp("small"))), None)


def test_nothing_that_a_stack_made_of_a_prompt_is_kept_for_the_next(small: Base, tmp_path: Path) -> None:
    file = make_adapter(tmp_path / "a.safetensors", shapes=small.shapes, rank=2, strength=5e-2)
    found = []
    for members in ([], [Member(read_adapter(file, small.shapes), 1)], []):
        small.stacker.switch(members)
        found.append((as_numpy(small.predict()), np.asarray(small.generate(picture(small), Followed()))))
    bare, styled, again = found
    assert [np.array_equal(one, other) for one, other in zip(bare, styled, strict=True)] == [False, False]
    assert [np.array_equal(one, other) for one, other in zip(bare, again, strict=True)] == [True, True]
    transformer = qwen(small).transformer
    assert (transformer._text_caches, transformer._step_fn, transformer._image_step_fn) == ({}, None, None)


def test_one_step_is_a_whole_picture(small: Base) -> None:
    seen = Followed()
    assert np.asarray(small.generate(picture(small, steps=1), seen)).std() > 1
    assert seen.told == [0, (1, 4, 64)]


def test_what_mflux_keeps_of_a_prompt_is_what_is_painted_with() -> None:
    """Of `Qwen21Transformer`, two methods that are not public: what they take, and that together they are its call."""
    transformer, text = small_qwen().transformer, mx.random.normal((1, 5, 64), key=mx.random.key(2))
    latents, time = mx.random.normal((1, 6, 64), key=mx.random.key(3)), mx.array([0.5])
    cosines, sines = transformer.pos_embed(5, 2, 3)
    kept = transformer._build_text_cache(text, cosines, sines, (5, 2, 3))["text_kvs"]
    assert [[each.shape for each in pair] for pair in kept] == [[(1, 2, 5, 32)] * 2] * LAYERS
    mine = transformer._image_forward(latents, time, kept, cosines[5:], sines[5:])
    config = type("Config", (), {"height": 32, "width": 48, "scheduler": type("S", (), {"sigmas": time})})
    with uncompiled():
        theirs = transformer(0, config, latents, text)
    assert bool(mx.array_equal(mine, theirs))


def test_one_that_mflux_saved_with_what_it_edits_by_is_the_same_base(tmp_path: Path) -> None:
    path = write_as_mflux(small_qwen(), tmp_path)
    plain = load_base(str(path), None).predict()
    file = path / "text_encoder" / "0.safetensors"
    tensors = {f"language_model.{name}": array for name, array in read_tensors(file).items()}
    seen = {"visual.merger.norm.weight": mx.zeros((8,)), "lm_head.weight": mx.zeros((8, 8))}
    mx.save_safetensors(str(file), tensors | seen, {"mflux_version": "0.24.0", "quantization_level": "None"})
    assert bool(mx.array_equal(load_base(str(path), None).predict(), plain))


@pytest.mark.slow
def test_a_flip_leaves_the_same_noise(base: Base, bare: mx.array, tmp_path: Path) -> None:
    files = [make_adapter(tmp_path / f"{n}.safetensors", shapes=SHAPES, seed=n, blocks=2) for n in (1, 2)]
    stacks = [[Member(read_adapter(file, base.shapes), 1)] for file in files]
    found = []
    for members in (*stacks, stacks[0]):
        base.stacker.switch(members)
        found.append(base.predict())
    base.stacker.switch([])
    assert [bool(mx.array_equal(found[0], each)) for each in found] == [True, False, True]
    assert bool(mx.array_equal(base.predict(), bare))


def test_its_latents_stand_where_the_picture_has_them(base: Base) -> None:
    assert placed_at(base) == (0, 2)
