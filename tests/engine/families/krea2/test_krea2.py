"""Krea 2 as a base, on its standin: mflux's own classes and pictures, every convention, no trace left."""

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.krea2.model.krea2_text_encoder.text_encoder import Krea2TextEncoder
from mflux.models.krea2.model.krea2_transformer.transformer import Krea2Transformer
from mflux.models.krea2.variants.txt2img.krea2 import Krea2
from mflux.models.krea2.weights.krea2_weight_definition import Krea2WeightDefinition
from mflux.models.qwen.model.qwen_vae.qwen_vae import QwenVAE
from mlx.utils import tree_flatten

from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.krea2.model import Krea2Model
from kilnmark.engine.families.krea2.parts import krea_of, vae_of_widths
from kilnmark.engine.run.saver import Painting
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.exhibits.krea2 import KREA2
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.keymaps.zoo.zoo import Exhibit, write_exhibit
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.work import Failed
from tests.engine.arrays import as_numpy
from tests.engine.families.flux2.test_numbers import counted
from tests.engine.families.krea2.small import small_krea, write_as_diffusers
from tests.engine.families.standins import PROMPT, Followed, picture, placed_at, render, short_standin, standin

NAME = "standin:krea-2"
SHAPES = load_shapes("krea-2")


@pytest.fixture
def base() -> Base:
    return standin(NAME)


@pytest.fixture
def short() -> Base:
    return short_standin(NAME)


@pytest.fixture(scope="module")
def bare() -> mx.array:
    return standin(NAME).predict()


def krea(base: Base) -> Krea2:
    assert isinstance(base.model, Krea2Model)
    return base.model.made


def test_it_is_made_of_mflux_classes_with_the_264_targets_of_krea(base: Base) -> None:
    made = krea(base)
    assert (type(made), type(made.transformer)) == (Krea2, Krea2Transformer)
    assert type(made.text_encoder) is Krea2TextEncoder
    assert base.info.target_count == 264
    assert base.shapes == dict(SHAPES)


def test_it_is_small_and_says_how_large(base: Base) -> None:
    assert base.info.memory_bytes < 300e6
    assert base.variant.numbers.nbytes(None, 4) == pytest.approx(base.info.memory_bytes, rel=0.01)


@pytest.mark.parametrize("name", ["krea-2", "krea-2-raw"])
def test_the_table_counts_what_is_held_of_what_mflux_builds(name: str) -> None:
    made = krea_of(ModelConfig.krea2(), Krea2Transformer(), Krea2TextEncoder(), QwenVAE(), {})
    predicate = Krea2WeightDefinition.quantization_predicate
    packed = sum(each.weight.size for path, each in made.transformer.named_modules() if predicate(path, each))
    _, total = counted(Krea2Model(made, "", guided=False).held)
    assert (VARIANTS[name].numbers.matrices, VARIANTS[name].numbers.others) == (packed, total - packed)


def test_a_vae_of_the_published_widths_is_mflux_own() -> None:
    mine, theirs = ({path: array.shape for path, array in held(vae)} for vae in (_published(), QwenVAE()))
    assert mine == theirs


def _published() -> QwenVAE:
    return vae_of_widths((384, 384, 192, 96), (96, 192, 384, 384))


def held(vae: QwenVAE) -> list[tuple[str, mx.array]]:
    found: dict[str, mx.array] = {}
    tree_flatten(vae.parameters(), destination=found)
    return list(found.items())


def test_it_refuses_what_it_cannot_do() -> None:
    with pytest.raises(BaseUnavailable, match="leave quantize out"):
        load_base(NAME, 4)
    with pytest.raises(BaseUnavailable, match="Krea 2 has no numerics 'fast', only exact"):
        load_base(NAME, None, numerics="fast")


def test_it_is_followed_step_by_step_and_stopped_at_one(short: Base) -> None:
    seen = Followed()
    assert np.asarray(short.generate(picture(short, steps=1), seen)).std() > 10
    assert seen.told == [0, (1, 16, 4, 4)]
    with pytest.raises(InterruptedError):
        short.generate(picture(short), Followed(stop_at=0))


@pytest.mark.slow
def test_its_pictures_are_those_that_mflux_paints_with_its_compiled_step(base: Base) -> None:
    mine = np.asarray(base.generate(picture(base, steps=4), Followed()))
    theirs = krea(base).generate_image(seed=1, prompt=PROMPT, num_inference_steps=4, height=32, width=32)
    assert np.array_equal(mine, np.asarray(theirs.image))


def test_the_prompt_matters(base: Base) -> None:
    (red,), (blue,) = base.encode("red"), base.encode("blu")
    assert red.shape == blue.shape
    assert not np.array_equal(as_numpy(red), as_numpy(blue))


@pytest.mark.slow
@pytest.mark.parametrize("exhibit", KREA2, ids=lambda exhibit: exhibit.name)
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


def test_a_directory_with_two_transformers_is_refused(tmp_path: Path) -> None:
    path = write_as_diffusers(small_krea(), tmp_path)
    (path / "0.safetensors").write_bytes((path / "text_encoder" / "model.safetensors").read_bytes())
    with pytest.raises(BaseUnavailable, match=r"a transformer in its folder and 0\.safetensors beside it; take one"):
        load_base(str(path), None)


@pytest.mark.parametrize("name", ["turbo.safetensors", pytest.param("raw.safetensors", marks=pytest.mark.slow)])
def test_one_file_beside_the_folders_is_its_transformer(tmp_path: Path, name: str) -> None:
    small = small_krea()
    path = write_as_diffusers(small, tmp_path)
    theirs = base_of(path)
    renamed(small, path, name)
    assert base_of(path).shapes == theirs.shapes
    assert bool(mx.array_equal(base_of(path).predict(), theirs.predict()))


def base_of(path: Path) -> Base:
    return load_base(str(path), None)


def renamed(small: Krea2, path: Path, name: str) -> None:
    """Its transformer under the names that it was published in, beside the folders, and no longer in its folder."""
    held: dict[str, mx.array] = {}
    tree_flatten(small.transformer.parameters(), destination=held)
    steps = {"tmlp.linear_in": "tmlp.0", "tmlp.linear_out": "tmlp.2", "tproj.linear": "tproj.1"}
    steps |= {"txtmlp.norm": "txtmlp.0", "txtmlp.linear_in": "txtmlp.1", "txtmlp.linear_out": "txtmlp.3"}
    published = {}
    for mine, array in held.items():
        module, _, tensor = mine.rpartition(".")
        published[f"{steps.get(module, module)}.{tensor}"] = array
    mx.save_safetensors(str(path / name), published, {"format": "pt"})
    (path / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    (path / "transformer").rmdir()


def test_its_latents_stand_where_the_picture_has_them(base: Base) -> None:
    assert placed_at(base) == (0, 2)
