"""FLUX.3-klein as a base, on its standin: mflux's own classes and pictures, every convention, no trace left."""

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder
from mflux.models.flux2.model.flux2_vae.vae import Flux2VAE
from mflux.models.flux3.model.flux3_transformer.flux3_transformer import Flux3Transformer
from mflux.models.flux3.variants.txt2img.flux3_klein import Flux3Klein

from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.flux3.loading import KIT
from kilnmark.engine.families.flux3.model import Flux3Model
from kilnmark.engine.families.flux3.parts import klein_of
from kilnmark.engine.run.saver import Painting
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.exhibits.flux3 import FLUX3
from kilnmark.keymaps.zoo.write import make_adapter, write_tensors
from kilnmark.keymaps.zoo.zoo import Exhibit, write_exhibit
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.work import Failed
from tests.engine.arrays import as_numpy
from tests.engine.families.flux2.test_numbers import counted
from tests.engine.families.flux3.small import SMALL
from tests.engine.families.small import write_as_mflux
from tests.engine.families.standins import PROMPT, Followed, picture, render, short_standin, standin

NAME = "standin:flux3-klein"
SHAPES = load_shapes("flux3-klein")


@pytest.fixture
def base() -> Base:
    return standin(NAME)


@pytest.fixture
def short() -> Base:
    return short_standin(NAME)


@pytest.fixture(scope="module")
def bare() -> mx.array:
    return standin(NAME).predict()


def klein(base: Base) -> Flux3Klein:
    assert isinstance(base.model, Flux3Model)
    return base.model.made


def test_it_is_made_of_mflux_classes_with_the_273_targets_of_klein(base: Base) -> None:
    made = klein(base)
    assert (type(made), type(made.transformer)) == (Flux3Klein, Flux3Transformer)
    assert type(made.text_encoder) is Qwen3TextEncoder
    assert base.info.target_count == 273
    assert base.shapes == dict(SHAPES)


def test_what_was_not_distilled_embeds_no_target_time() -> None:
    own, theirs = load_shapes("flux3-klein-base"), dict(SHAPES)
    assert {path for path in theirs if path not in own} == {
        f"target_timestep_embedder.linear_{number}" for number in (1, 2)
    }
    assert all(theirs[path] == shape for path, shape in own.items())


def test_it_is_small_and_says_how_large(base: Base) -> None:
    assert base.info.memory_bytes < 300e6
    assert base.variant.numbers.nbytes(None, 4) == pytest.approx(base.info.memory_bytes, rel=0.01)


@pytest.mark.parametrize("name", ["flux3-klein", "flux3-klein-base"])
def test_the_table_counts_what_is_held_of_what_mflux_builds(name: str) -> None:
    config: ModelConfig = KIT.configs[name]()
    encoder = Qwen3TextEncoder(**config.text_encoder_overrides)
    made = klein_of(config, Flux3Transformer(**config.transformer_overrides), encoder, Flux2VAE(), {})
    matrices, total = counted(Flux3Model(made, "", guided=False).held)
    assert (VARIANTS[name].numbers.matrices, VARIANTS[name].numbers.others) == (matrices, total - matrices)


def test_it_refuses_what_it_cannot_do() -> None:
    with pytest.raises(BaseUnavailable, match="leave quantize out"):
        load_base(NAME, 4)
    with pytest.raises(BaseUnavailable, match=r"FLUX\.3-klein has no numerics 'fast', only exact"):
        load_base(NAME, None, numerics="fast")


def test_its_variants_are_told_by_their_weights(tmp_path: Path) -> None:
    path = write_as_mflux(SMALL.made(True), tmp_path)
    said = "lacks the embedder of the time that a step goes to, so it is no flux3-klein; name it flux3-klein-base"
    with pytest.raises(BaseUnavailable, match=said):
        load_base("flux3-klein", None, str(path))


def test_it_is_followed_step_by_step_and_stopped_at_one(short: Base) -> None:
    seen = Followed()
    assert np.asarray(short.generate(picture(short, steps=1), seen)).std() > 10
    assert seen.told == [0, (1, 4, 128)]
    with pytest.raises(InterruptedError):
        short.generate(picture(short), Followed(stop_at=0))


@pytest.mark.slow
def test_its_pictures_are_those_that_mflux_paints(base: Base) -> None:
    mine = np.asarray(base.generate(picture(base, steps=3), Followed()))
    theirs = klein(base).generate_image(seed=1, prompt=PROMPT, num_inference_steps=3, height=32, width=32)
    assert np.array_equal(mine, np.asarray(theirs.image))


@pytest.mark.slow
def test_the_prompt_matters(base: Base) -> None:
    (red,), (blue,) = base.encode("red"), base.encode("blu")
    assert red.shape == blue.shape
    assert not np.array_equal(as_numpy(red), as_numpy(blue))


@pytest.mark.slow
@pytest.mark.parametrize("exhibit", FLUX3, ids=lambda exhibit: exhibit.name)
def test_every_convention_engages_with_all_its_keys_and_is_taken_off_again(
    base: Base, bare: mx.array, tmp_path: Path, exhibit: Exhibit
) -> None:
    outcome = render(base, write_exhibit(tmp_path / "full.safetensors", exhibit))
    assert isinstance(outcome, Painting)
    (report,) = outcome.trail.loras
    assert report.verdict is Verdict.ENGAGED, report.reason
    assert report.matched_key_count == report.total_key_count
    assert report.applied_target_count == report.target_count >= 168
    assert bool(mx.array_equal(base.predict(), bare))


def test_a_dead_one_is_caught_before_anything_is_painted(base: Base, tmp_path: Path) -> None:
    dead = make_adapter(tmp_path / "dead.safetensors", shapes=SHAPES, rank=1, blocks=1, dead=True)
    alive = make_adapter(tmp_path / "alive.safetensors", shapes=SHAPES, rank=1, blocks=1)
    outcome = render(base, alive, dead)
    assert isinstance(outcome, Failed)
    assert [report.verdict for report in outcome.loras] == [Verdict.ENGAGED, Verdict.NOOP]


def test_one_of_reference_pictures_alone_changes_no_picture_and_is_caught(short: Base, tmp_path: Path) -> None:
    rng, layer = np.random.default_rng(1), "transformer.mode_blocks.image_cond.0.attn.to_q"
    tensors = {
        f"{layer}.lora_A.weight": rng.normal(0, 3072**-0.5, (2, 3072)).astype("f4"),
        f"{layer}.lora_B.weight": rng.normal(0, 0.5, (3072, 2)).astype("f4"),
    }
    outcome = render(short, write_tensors(tmp_path / "reference.safetensors", tensors))
    reports = outcome.trail.loras if isinstance(outcome, Painting) else outcome.loras
    assert [report.verdict for report in reports] == [Verdict.NOOP]


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
