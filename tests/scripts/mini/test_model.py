"""The small model: mflux's classes and files, and a forward pass for training that gives what theirs gives."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from mflux.models.common.weights.loading.weight_loader import WeightLoader
from mflux.models.flux2.weights.flux2_weight_definition import Flux2KleinWeightDefinition

from scripts.mini.draw.captions import vocabulary
from scripts.mini.model.arrays import named
from scripts.mini.model.directory import load_tokenizer, read_directory, write_directory
from scripts.mini.model.forward import Text, predict
from scripts.mini.model.parts import build, count, transformer
from scripts.mini.model.sizes import EncoderSize, Sizes, TransformerSize, VaeSize
from scripts.mini.model.tokens import write_tokenizer

SMALL = Sizes(
    TransformerSize(num_single_layers=1, num_attention_heads=2, joint_attention_dim=24),
    EncoderSize(hidden_size=8, num_attention_heads=1, intermediate_size=8, head_dim=8),
    VaeSize(block_out_channels=(8, 8, 8, 8)),
)
SIDE, WORDS, BATCH = 4, 5, 2
SIGMA = mx.array([0.3, 0.9])


@cache
def awake() -> Any:
    """A small transformer whose blocks give something, which they do not before training."""
    mx.random.seed(3)
    model: Any = transformer(SMALL.transformer)
    model.update(
        {
            "double_stream_modulation_img": _random(model.double_stream_modulation_img),
            "double_stream_modulation_txt": _random(model.double_stream_modulation_txt),
            "single_stream_modulation": _random(model.single_stream_modulation),
            "norm_out": _random(model.norm_out),
            "proj_out": {"weight": mx.random.normal(model.proj_out.weight.shape)},
        }
    )
    return model


def _random(module: Any) -> dict[str, Any]:
    return {"linear": {"weight": 0.3 * mx.random.normal(module.linear.weight.shape)}}


def inputs(words: int = WORDS) -> tuple[mx.array, mx.array]:
    mx.random.seed(4)
    latents = mx.random.normal((BATCH, SIDE * SIDE, 128))
    return latents, mx.random.normal((BATCH, words, SMALL.transformer.joint_attention_dim))


def by_mflux(latents: mx.array, states: mx.array) -> mx.array:
    places = mx.array([[0, row, column, 0] for row in range(SIDE) for column in range(SIDE)])
    numbers = mx.array([[0, 0, 0, number] for number in range(states.shape[1])])
    told: mx.array = awake()(latents, states, 1000 * SIGMA, places, numbers)
    return told


def test_the_forward_pass_for_training_is_mfluxs() -> None:
    latents, states = inputs()
    told = predict(awake(), latents, Text(states, mx.ones((BATCH, WORDS))), SIGMA, SIDE)
    assert (mx.abs(told).mean() > 0.1).item()
    assert mx.allclose(told, by_mflux(latents, states), atol=1e-5).item()


def test_one_token_that_counts_for_many_is_as_many_that_are_alike() -> None:
    latents, states = inputs()
    many = mx.concatenate([states, mx.repeat(states[:, -1:], 59, axis=1)], axis=1)
    weights = mx.concatenate([mx.ones((BATCH, WORDS - 1)), mx.full((BATCH, 1), 60.0)], axis=1)
    assert mx.allclose(
        predict(awake(), latents, Text(states, weights), SIGMA, SIDE), by_mflux(latents, many), atol=1e-5
    )
    plain = predict(awake(), latents, Text(states, mx.ones((BATCH, WORDS))), SIGMA, SIDE)
    assert not mx.allclose(plain, by_mflux(latents, many), atol=1e-2).item()


def test_a_token_that_counts_for_none_is_not_there() -> None:
    latents, states = inputs()
    weights = mx.concatenate([mx.ones((BATCH, WORDS - 1)), mx.zeros((BATCH, 1))], axis=1)
    told = predict(awake(), latents, Text(states, weights), SIGMA, SIDE)
    assert mx.allclose(told, by_mflux(latents, states[:, :-1]), atol=1e-5).item()


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("words")
    assert write_tokenizer(folder / "tokenizer") <= EncoderSize().vocab_size
    return load_tokenizer(folder)


def pieces(tokenizer: Any, text: str) -> list[str]:
    told = tokenizer.tokenize(text, max_length=24)
    count = int(told.attention_mask.sum().item())
    found: list[str] = tokenizer.tokenizer.convert_ids_to_tokens(told.input_ids[0].tolist()[:count])
    return found


def test_every_word_of_the_grammar_is_one_token(tokenizer: Any) -> None:
    words = [word for word in vocabulary() if word != ","]
    assert [word for word in words if pieces(tokenizer, word) != [f"\u0120{word}"]] == []


def test_capitals_and_commas_change_nothing_and_unknown_words_are_spelled(tokenizer: Any) -> None:
    assert pieces(tokenizer, "A Fox, at NIGHT") == ["\u0120a", "\u0120fox", "\u0120,", "\u0120at", "\u0120night"]
    assert pieces(tokenizer, "a zebra")[1:] == ["\u0120", *"zebra"]


def test_the_model_is_as_small_as_it_is_said_to_be() -> None:
    made = build(Sizes())
    numbers = sum(count(part) for part in (made.transformer, made.encoder, made.vae))
    assert 3_000_000 < numbers < 4_200_000


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mini")
    assert write_directory(folder, build(SMALL, seed=5), SMALL) < 700_000
    return folder


def test_mfluxs_loader_reads_the_directory(directory: Path) -> None:
    loaded = WeightLoader.load(weight_definition=Flux2KleinWeightDefinition, model_path=str(directory))
    assert loaded.meta_data.quantization_level is None
    made = build(SMALL)
    for name, part in (("transformer", made.transformer), ("text_encoder", made.encoder), ("vae", made.vae)):
        found = {path: value.shape for path, value in named(loaded.components[name]).items()}
        wanted = {path: value.shape for path, value in named(part.parameters()).items() if "inv_freq" not in path}
        assert found == wanted


def test_what_is_written_is_read_again_to_half_a_precision(directory: Path) -> None:
    made, sizes = read_directory(directory)
    assert sizes == SMALL
    before = named(build(SMALL, seed=5).vae.parameters())
    for path, value in named(made.vae.parameters()).items():
        assert mx.allclose(value, before[path], rtol=1e-3, atol=1e-4), path


def test_sizes_that_are_wrong_are_refused(directory: Path, tmp_path: Path) -> None:
    wrong = replace(SMALL, encoder=replace(SMALL.encoder, hidden_size=16))
    write_directory(tmp_path, build(SMALL), SMALL)
    (tmp_path / "text_encoder" / "config.json").write_text(json.dumps(wrong.documents()["text_encoder"]))
    with pytest.raises(ValueError, match="text_encoder"):
        read_directory(tmp_path)
