"""The painter paints as mflux does, and the judge counts what the classifier says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from mflux.callbacks.callback_registry import CallbackRegistry
from mflux.models.common.compute_precision import ComputePrecision
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux2.variants.txt2img.flux2_klein import Flux2Klein
from mlx import nn

from scripts.mini.draw.words import Motif, is_held_out
from scripts.mini.judge import held_out, judged, sheet
from scripts.mini.model.classifier import Classifier
from scripts.mini.model.directory import load_tokenizer
from scripts.mini.model.parts import Parts, build
from scripts.mini.model.tokens import write_tokenizer
from scripts.mini.painter import Painter
from scripts.mini.sizes import EncoderSize, Sizes, TransformerSize, VaeSize

SMALL = Sizes(
    TransformerSize(num_single_layers=1, num_attention_heads=1, joint_attention_dim=24),
    EncoderSize(hidden_size=8, num_attention_heads=1, intermediate_size=8, head_dim=8),
    VaeSize(block_out_channels=(8, 8, 8, 8), layers_per_block=0, eps=1e-6),
)


@pytest.fixture(autouse=True)
def uncompiled() -> Iterator[None]:
    """Mflux compiles its steps for every picture, which takes seconds on a CPU and changes nothing here."""
    mx.disable_compile()
    yield
    mx.enable_compile()


PROMPT = "a fox by a tower at night"


@pytest.fixture(scope="module")
def painter(tmp_path_factory: pytest.TempPathFactory) -> Painter:
    """One whose transformer gives something, which it does not before training."""
    folder = tmp_path_factory.mktemp("painter")
    write_tokenizer(folder / "tokenizer")
    made = build(SMALL, seed=1)
    transformer: Any = made.transformer
    transformer.proj_out.weight = 0.05 * mx.random.normal(transformer.proj_out.weight.shape)
    transformer.single_stream_modulation.linear.weight = 0.3 * mx.random.normal((96, 32))
    return Painter(made, load_tokenizer(folder))


def by_mflux(parts: Parts, tokenizer: Any, guidance: float) -> np.ndarray[Any, Any]:
    """The same prompt and seed through mflux's own pipeline, around the same parts."""
    model: Any = Flux2Klein.__new__(Flux2Klein)
    nn.Module.__init__(model)
    model.transformer, model.text_encoder, model.vae = parts.transformer, parts.encoder, parts.vae
    model.tokenizers, model.callbacks = {"qwen3": tokenizer}, CallbackRegistry()
    model.model_config, model.tiling_config, model.compute_precision = (
        ModelConfig.flux2_klein_4b(),
        None,
        ComputePrecision(None),
    )
    model.bits = model.lora_paths = model.lora_scales = None
    made = model.generate_image(seed=7, prompt=PROMPT, num_inference_steps=4, height=32, width=32, guidance=guidance)
    return np.asarray(made.image, np.float64)


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_it_paints_what_mflux_paints(painter: Painter, guidance: float) -> None:
    ours = Painter(painter.parts, painter.tokenizer, guidance=guidance).pictures([PROMPT], [7], 32)
    assert ours.shape == (1, 32, 32, 3)
    assert ours.std() > 5
    assert np.abs(ours[0] - by_mflux(painter.parts, painter.tokenizer, guidance)).max() <= 1


def test_a_picture_depends_on_its_own_prompt_and_seed_alone(painter: Painter) -> None:
    alone = painter.pictures([PROMPT], [7], 32)
    among = painter.pictures(["a castle", PROMPT, "a cave"], [7, 7, 8], 32)
    assert np.abs(alone[0].astype(int) - among[1]).max() <= 1
    assert not np.array_equal(among[0], among[1])


def test_only_combinations_that_were_never_drawn_are_judged() -> None:
    assert all(is_held_out(motif) for motif in held_out(50))
    assert held_out(50) == held_out(50)


def test_a_picture_counts_as_right_where_the_classifier_says_what_was_asked() -> None:
    class Certain(Classifier):
        def __call__(self, pictures: mx.array) -> list[mx.array]:
            return [mx.broadcast_to(mx.arange(size) == 0, (len(pictures), size)) for size in (10, 5, 4, 6, 3)]

    motifs = [Motif("tower", "clear", "dawn"), Motif("tower", "rain", "dawn"), Motif("cave", "fog", "night", "fox")]
    found = judged(Certain(), motifs, np.zeros((3, 128, 128, 3), np.uint8))
    assert found.by_attribute["place"] == pytest.approx(2 / 3)
    assert found.held_out == pytest.approx((2 / 3 + 1 / 3 + 2 / 3 + 2 / 3) / 4)
    assert found.whole == pytest.approx(1 / 3)


def test_a_sheet_has_every_picture_in_its_place(tmp_path: Path) -> None:
    pictures = np.stack([np.full((8, 8, 3), shade, np.uint8) for shade in (10, 20, 30)])
    page = sheet(pictures, columns=2)
    assert page.size == (28, 28)
    assert [page.getpixel(at) for at in ((6, 6), (18, 6), (6, 18))] == [(10,) * 3, (20,) * 3, (30,) * 3]
    assert page.getpixel((20, 20)) == (255, 255, 255)
