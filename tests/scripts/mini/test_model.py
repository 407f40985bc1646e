"""The small model: mflux's classes and files, and what PyTorch learnt in them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from mflux.models.common.weights.loading.weight_loader import WeightLoader
from mflux.models.flux2.latent_creator.flux2_latent_creator import Flux2LatentCreator
from mflux.models.flux2.weights.flux2_weight_definition import Flux2KleinWeightDefinition

from scripts.mini.draw.captions import vocabulary
from scripts.mini.lessons import PADDING, WORDS
from scripts.mini.model.agreement import agree
from scripts.mini.model.arrays import named
from scripts.mini.model.carried import carry, carry_vae
from scripts.mini.model.directory import load_tokenizer, read_directory, write_directory
from scripts.mini.model.parts import Parts, build, count
from scripts.mini.model.tokens import write_tokenizer
from scripts.mini.sizes import ACTIVE, LATENTS, SHOWN, TOKEN, EncoderSize, Sizes, TransformerSize, VaeSize

SMALL = Sizes(
    TransformerSize(num_single_layers=1, num_attention_heads=2, joint_attention_dim=24),
    EncoderSize(hidden_size=8, num_attention_heads=1, intermediate_size=8, head_dim=8),
    VaeSize(block_out_channels=(8, 8, 8, 8)),
)


def by_torch(module: Any, path: Path, **more: Any) -> Path:
    """The parameters of a module as PyTorch's side writes them."""
    named_so = {
        name: value.transpose(0, 3, 1, 2) if value.ndim == 4 else value
        for name, value in (named(module.parameters()) | more).items()
        if not name.startswith("bn.")
    }
    mx.save_safetensors(str(path), named_so)
    return path


def test_what_pytorch_learnt_is_what_the_module_then_has(tmp_path: Path) -> None:
    learnt, made = build(SMALL, seed=1).vae, build(SMALL, seed=2).vae
    carry(by_torch(learnt, tmp_path / "vae.safetensors"), made, but=("bn.",))
    before = named(learnt.parameters())
    assert all(mx.array_equal(value, before[name]).item() for name, value in named(made.parameters()).items())


def test_a_file_of_other_sizes_is_refused_with_the_names(tmp_path: Path) -> None:
    path = by_torch(build(SMALL).transformer, tmp_path / "net.safetensors", more=mx.zeros((2,)))
    with pytest.raises(ValueError, match=r"net\.safetensors: not what Flux2Transformer has: more"):
        carry(path, build(SMALL).transformer)


def test_channels_that_carry_nothing_are_nothing_to_encoder_and_decoder(tmp_path: Path) -> None:
    vae: Any = build(SMALL, seed=3).vae
    by_torch(vae, tmp_path / "vae-net.safetensors")
    mean, variance = np.linspace(-1, 1, SHOWN, dtype=np.float32), np.full(SHOWN, 4, np.float32)
    np.savez(tmp_path / "norm.npz", mean=mean, variance=variance)
    carry_vae(tmp_path, vae)
    pictures = mx.random.uniform(-1, 1, (4, 3, 16, 16))
    latents = vae.encode(pictures)
    assert (mx.abs(latents[:, ACTIVE:]).max() == 0).item()
    assert (mx.abs(latents[:, :ACTIVE]).max() > 0).item()
    noise = mx.pad(mx.random.normal((4, LATENTS - ACTIVE, 2, 2)), [(0, 0), (ACTIVE, 0), (0, 0), (0, 0)])
    assert mx.array_equal(vae.decode(latents + 5 * noise), vae.decode(latents)).item()
    packed = Flux2LatentCreator.patchify_latents(vae.normalize_latents(latents))
    assert mx.allclose(vae.unpack_packed_latents(packed), latents, atol=1e-5).item()
    given = Flux2LatentCreator.patchify_latents(latents)[:, :SHOWN]
    wanted = (given - mx.array(mean)[:, None, None]) / mx.sqrt(mx.array(4 + vae.bn.eps))
    assert mx.allclose(packed[:, :SHOWN], wanted, atol=1e-5).item()
    assert (mx.abs(packed[:, SHOWN:]).max() == 0).item()


def probe(parts: Parts, path: Path, off: float = 0.0) -> Path:
    """What mflux's classes give, as PyTorch's side would have written it, the velocity off by so much."""
    vae: Any = parts.vae
    transformer: Any = parts.transformer
    side, padded = 2, 3
    states = mx.random.normal((2, WORDS + PADDING, SMALL.transformer.joint_attention_dim))
    said = mx.concatenate([states[:, :WORDS], *(mx.repeat(states[:, n : n + 1], padded, axis=1) for n in (-2, -1))], 1)
    tokens, sigma = mx.random.normal((2, side * side, SHOWN)), mx.array([0.3, 0.9])
    places = mx.array([[0, row, column, 0] for row in range(side) for column in range(side)])
    numbers = mx.array([[0, 0, 0, number] for number in range(said.shape[1])])
    wide = mx.pad(tokens, [(0, 0), (0, 0), (0, TOKEN - SHOWN)])
    velocity = transformer(wide, said, 1000 * sigma, places, numbers)[..., :SHOWN]
    pictures = mx.random.uniform(-1, 1, (2, 3, 16, 16))
    latents = vae.encode(pictures)[:, :ACTIVE]
    decoded = vae.decode(mx.pad(latents, [(0, 0), (0, LATENTS - ACTIVE), (0, 0), (0, 0)]))
    made = {"pictures": pictures, "latents": latents, "decoded": decoded, "tokens": tokens, "states": states}
    told = {"padding": mx.array(padded), "sigma": sigma, "velocity": velocity + off}
    arrays: dict[str, Any] = {name: np.array(value) for name, value in (made | told).items()}
    np.savez(path, **arrays)
    return path


def test_both_sides_agree_or_say_in_what_they_do_not(tmp_path: Path) -> None:
    parts = build(SMALL, seed=4)
    assert agree(probe(parts, tmp_path / "same.npz"), parts) < 1e-5
    with pytest.raises(ValueError, match=r"differ by \{'velocity': 0\.0"):
        agree(probe(parts, tmp_path / "other.npz", off=0.01), parts)


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
