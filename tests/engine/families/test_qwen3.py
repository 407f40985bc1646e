"""Adapters on Qwen3, which two families read prompts with: proven, equal to dense weights, taken off again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from mflux.models.common.config.model_config import ModelConfig
from numpy.typing import NDArray

from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.flux2.model import Flux2Model
from kilnmark.engine.families.qwen3 import QWEN3
from kilnmark.engine.families.z_image.model import ZImageModel
from kilnmark.engine.run.saver import Painting
from kilnmark.engine.stack.member import Member, member_of
from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.names.blocks import Blocks
from kilnmark.keymaps.names.shapes import encoder_of
from kilnmark.keymaps.names.sorting import UNREAD
from kilnmark.keymaps.zoo.exhibits.qwen3 import QWEN3 as HEALTHY
from kilnmark.keymaps.zoo.write import make_adapter, write_tensors
from kilnmark.keymaps.zoo.zoo import Exhibit, write_exhibit
from kilnmark.protocol.picture.catalog import family_of
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.work import Failed
from tests.engine.arrays import PRECISION, as_float64, as_numpy
from tests.engine.families.flux2 import small as flux2
from tests.engine.families.standins import PROMPT, Followed, picture, render, standin
from tests.engine.families.z_image import small as z_image

WIDTH, WIDE = 64, 128
SIZES = {
    "self_attn.q_proj": (64, WIDTH),
    "self_attn.k_proj": (32, WIDTH),
    "self_attn.v_proj": (32, WIDTH),
    "self_attn.o_proj": (WIDTH, 64),
    "mlp.gate_proj": (WIDE, WIDTH),
    "mlp.up_proj": (WIDE, WIDTH),
    "mlp.down_proj": (WIDTH, WIDE),
}
"""Rows and columns of the layers of both small models' Qwen3."""


@dataclass(frozen=True)
class Held:
    """A small base, its layers of Qwen3 that are read and all of them, and mflux's own object with those weights."""

    base: Base
    read: int
    layers: int
    mflux: Any

    @property
    def unread(self) -> range:
        return range(self.read, self.layers)


@pytest.fixture(scope="module", params=["flux2", "z-image"])
def held(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Held:
    path = tmp_path_factory.mktemp("qwen3") / "saved"
    if request.param == "flux2":
        klein = flux2.small_klein()
        return Held(load_base(str(flux2.write_as_mflux(klein, path)), None), 27, flux2.LAYERS, klein)
    image = z_image.small_z_image(ModelConfig.z_image_turbo())
    return Held(load_base(str(z_image.write_as_mflux(image, path)), None), 2, 3, image)


SHORT = pytest.mark.parametrize("held", [pytest.param("flux2", marks=pytest.mark.slow), "z-image"], indirect=True)
"""Every run tries it on the shorter Qwen3 alone: FLUX.2's fills prompts up to 512 tokens, in half a second each."""


@pytest.fixture
def base(held: Held) -> Iterator[Base]:
    yield held.base
    held.base.stacker.switch([])


def pairs(layers: range, strength: float = 2e-2) -> dict[str, NDArray[np.float32]]:
    """A pair of rank 2 for every module of these layers, as PEFT names them."""
    numbers = np.random.default_rng(4)
    found: dict[str, NDArray[np.float32]] = {}
    for layer in layers:
        for name, (rows, columns) in SIZES.items():
            module = f"text_encoder.model.layers.{layer}.{name}"
            found[f"{module}.lora_A.weight"] = numbers.normal(0, columns**-0.5, (2, columns)).astype("f4")
            found[f"{module}.lora_B.weight"] = numbers.normal(0, strength * columns**0.5, (rows, 2)).astype("f4")
    return found


def whole(held: Held, folder: Path) -> Path:
    """A file with every layer that there is, as trainers write it."""
    return write_tensors(folder / "qwen3.safetensors", pairs(range(held.layers)))


def report_of(outcome: Painting | Failed) -> AdapterReport:
    reports = outcome.trail.loras if isinstance(outcome, Painting) else outcome.loras
    return reports[-1]


def encoded(base: Base) -> NDArray[np.float32]:
    return as_numpy(base.encode(PROMPT)[0])


def test_its_layers_that_are_read_can_be_changed_and_no_others(held: Held) -> None:
    found = {path for path in held.base.slots if encoder_of(path)}
    assert found == {f"{QWEN3}.layers.{layer}.{name}" for layer in range(held.read) for name in SIZES}


def test_an_adapter_on_it_alone_engages_with_proof_and_is_taken_off_again(
    held: Held, base: Base, tmp_path: Path
) -> None:
    before, bare = base.predict(), encoded(base)
    report = report_of(render(base, whole(held, tmp_path)))
    assert report.verdict is Verdict.ENGAGED, report.reason
    assert report.applied_target_count == report.target_count == 7 * held.read
    assert report.matched_key_count == 2 * report.target_count
    assert report.ignored_keys == {UNREAD: 14 * len(held.unread)}
    assert "of text encoder layers that this model does not read" in report.reason
    assert report.delta_ratio is not None
    assert report.delta_ratio > 1e-2
    assert report.probe_divergence is not None
    assert report.probe_divergence > 1e-4
    assert bool(mx.array_equal(base.predict(), before))
    assert np.array_equal(encoded(base), bare)


@SHORT
def test_the_picture_follows_it(held: Held, base: Base, tmp_path: Path) -> None:
    adapter = read_adapter(whole(held, tmp_path), base.shapes)
    plain, styled, again = (painted(base, members) for members in ([], [Member(adapter, 1.0)], []))
    assert not np.array_equal(plain, styled)
    assert np.array_equal(plain, again)


def painted(base: Base, members: list[Member]) -> NDArray[np.uint8]:
    base.stacker.switch(members)
    return np.asarray(base.generate(picture(base, steps=1), Followed()))


@SHORT
def test_a_prompt_is_kept_for_the_adapters_it_was_encoded_with(held: Held, base: Base, tmp_path: Path) -> None:
    adapter = read_adapter(whole(held, tmp_path), base.shapes)
    bare = base.encode(PROMPT)
    base.stacker.switch([Member(adapter, 1.0)])
    styled = base.encode(PROMPT)
    base.stacker.switch([Member(adapter, 0.5)])
    weaker = base.encode(PROMPT)
    base.stacker.switch([Member(adapter, 1.0)])
    assert base.encode(PROMPT) is styled
    base.stacker.switch([])
    assert base.encode(PROMPT) is bare
    assert not any(
        np.array_equal(as_numpy(one[0]), as_numpy(other[0]))
        for one, other in ((bare, styled), (bare, weaker), (styled, weaker))
    )


@SHORT
def test_its_blocks_can_have_scales_of_their_own(held: Held, base: Base, tmp_path: Path) -> None:
    adapter = read_adapter(whole(held, tmp_path), base.shapes)
    blocks = Blocks.of(base.shapes, family_of(base.variant))
    assert f"qwen3 (qwen3.0-{held.read - 1})" in blocks.words
    found = []
    for asked in ({}, {"qwen3.0": 0.0}, {"qwen3": 0.0}):
        base.stacker.switch([member_of(adapter, 1.0, asked, blocks)])
        found.append(encoded(base))
    base.stacker.switch([])
    every, others, none = (np.linalg.norm(each - encoded(base)) / np.linalg.norm(encoded(base)) for each in found)
    assert not np.array_equal(found[0], found[1])
    assert none < (1e-6 if PRECISION is mx.float32 else 0.02) < min(every, others)


@SHORT
def test_an_adapter_of_the_transformer_alone_leaves_prompts_encoded(base: Base, tmp_path: Path) -> None:
    path = make_adapter(tmp_path / "a.safetensors", shapes=base.shapes)
    bare = base.encode(PROMPT)
    base.stacker.switch([Member(read_adapter(path, base.shapes), 1.0)])
    assert base.encode(PROMPT) is bare


def test_it_encodes_as_mflux_does_with_the_sums_as_weights(held: Held, base: Base, tmp_path: Path) -> None:
    tensors, scale = pairs(range(held.layers)), 0.7
    base.stacker.switch([Member(read_adapter(whole(held, tmp_path), base.shapes), scale)])
    mine = as_float64(base.encode(PROMPT)[0])
    before = [dict(layer.parameters()) for layer in held.mflux.text_encoder.layers]
    try:
        add(held.mflux.text_encoder.layers, tensors, scale)
        theirs = as_float64(dense(held).encode(PROMPT, None)[0])
    finally:
        for layer, own in zip(held.mflux.text_encoder.layers, before, strict=True):
            layer.update(own)
    limit = 1e-5 if PRECISION is mx.float32 else 0.05
    assert np.linalg.norm(mine - theirs) / np.linalg.norm(theirs) < limit


def add(layers: list[Any], tensors: Mapping[str, NDArray[np.float32]], scale: float) -> None:
    for place, layer in enumerate(layers):
        for name in SIZES:
            part, linear = name.split(".")
            down, up = (tensors[f"text_encoder.model.layers.{place}.{name}.lora_{letter}.weight"] for letter in "AB")
            weight = as_float64(layer[part][linear].weight) + scale * up.astype(float) @ down.astype(float)
            layer[part][linear].weight = mx.array(weight.astype("f4")).astype(PRECISION)


def dense(held: Held) -> Flux2Model | ZImageModel:
    """Mflux's object with whatever its weights are, as a model."""
    if isinstance(held.base.model, Flux2Model):
        return Flux2Model(held.mflux, "", guided=False)
    return ZImageModel(held.mflux, "", guided=False)


def test_one_of_layers_that_are_not_read_is_told_to_change_nothing(held: Held, base: Base, tmp_path: Path) -> None:
    path = write_tensors(tmp_path / "idle.safetensors", pairs(held.unread))
    report = report_of(render(base, path))
    assert (report.verdict, report.applied_target_count) == (Verdict.NOOP, 0)
    assert f"all 14 keys were knowingly left out ({UNREAD})" in report.reason


def test_a_layer_that_it_does_not_have_is_unknown(base: Base, tmp_path: Path) -> None:
    path = write_tensors(tmp_path / "deep.safetensors", {**pairs(range(1)), **pairs(range(36, 37))})
    adapter: Adapter = read_adapter(path, base.shapes)
    assert len(adapter.unmatched_keys) == 14
    assert not adapter.ignored_keys


def test_a_dead_one_is_caught_beside_a_healthy_one(held: Held, base: Base, tmp_path: Path) -> None:
    dead = write_tensors(tmp_path / "dead.safetensors", pairs(range(held.layers), strength=0.0))
    alive = make_adapter(tmp_path / "alive.safetensors", shapes=base.shapes)
    outcome = render(base, alive, dead)
    assert isinstance(outcome, Failed)
    assert [report.verdict for report in outcome.loras] == [Verdict.ENGAGED, Verdict.NOOP]


def test_one_dead_layer_of_it_is_told(base: Base, tmp_path: Path) -> None:
    tensors = pairs(range(2))
    lost = f"{QWEN3}.layers.1.mlp.up_proj"
    tensors["text_encoder.model.layers.1.mlp.up_proj.lora_B.weight"][:] = 0
    report = report_of(render(base, write_tensors(tmp_path / "a.safetensors", tensors)))
    assert report.verdict is Verdict.PARTIAL
    assert lost in report.reason


def test_one_of_a_prompt_encoder_that_was_not_trained_is_a_leftover_beside_the_transformer(
    held: Held, base: Base, tmp_path: Path
) -> None:
    dead = pairs(range(held.read), strength=0.0)
    layer = "transformer.layers.0.attention.to_q" if held.read == 2 else "transformer.transformer_blocks.0.attn.to_q"
    rows, columns = base.shapes[layer.removeprefix("transformer.")]
    rng = np.random.default_rng(1)
    pair = {
        f"{layer}.lora_A.weight": rng.normal(0, columns**-0.5, (2, columns)).astype("f4"),
        f"{layer}.lora_B.weight": rng.normal(0, 0.1, (rows, 2)).astype("f4"),
    }
    report = report_of(render(base, write_tensors(tmp_path / "a.safetensors", {**pair, **dead})))
    assert (report.verdict, report.applied_target_count) == (Verdict.ENGAGED, 1)
    assert report.ignored_keys == {"zeros of a text encoder": 14 * held.read}


def test_norms_of_it_are_told_to_be_unknown(base: Base, tmp_path: Path) -> None:
    norm = {"text_encoder.model.layers.0.input_layernorm.diff": np.full(WIDTH, 0.1, np.float32)}
    report = report_of(render(base, write_tensors(tmp_path / "a.safetensors", {**pairs(range(2)), **norm})))
    assert report.verdict is Verdict.PARTIAL
    assert "1 of 29 keys are unknown, first 'text_encoder.model.layers.0.input_layernorm.diff'" in report.reason


@pytest.mark.slow
def test_it_engages_on_packed_layers_too(held: Held, tmp_path: Path) -> None:
    path = tmp_path / "saved"
    write = flux2.write_as_mflux if isinstance(held.base.model, Flux2Model) else z_image.write_as_mflux
    packed = load_base(str(write(held.mflux, path)), 8)
    before = packed.predict()
    report = report_of(render(packed, whole(held, tmp_path)))
    assert (report.verdict, report.applied_target_count) == (Verdict.ENGAGED, 7 * held.read)
    assert bool(mx.array_equal(packed.predict(), before))


@pytest.mark.slow
@pytest.mark.parametrize("exhibit", HEALTHY, ids=lambda exhibit: exhibit.name)
def test_every_convention_engages_at_true_shapes_and_is_taken_off_again(exhibit: Exhibit, tmp_path: Path) -> None:
    base = standin(f"standin:{exhibit.variant}")
    bare = base.predict()
    report = report_of(render(base, write_exhibit(tmp_path / "full.safetensors", exhibit)))
    assert report.verdict is Verdict.ENGAGED, report.reason
    assert report.ignored_keys.keys() == {UNREAD}
    assert report.matched_key_count + report.ignored_keys[UNREAD] == report.total_key_count
    assert report.applied_target_count == report.target_count >= 189
    assert bool(mx.array_equal(base.predict(), bare))
