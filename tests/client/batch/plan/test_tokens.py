"""Counting: exactly what the models' own tokenizers say where they are there, and an honest guess where not."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from kilnmark.client.batch.errors import NoTokenizers
from kilnmark.client.batch.plan.tokens import PromptLength, TokenCounter, Tokens, excess
from kilnmark.protocol.picture.catalog import UnknownVariant

if TYPE_CHECKING:
    from transformers import CLIPTokenizer, T5Tokenizer

PROMPTS = [
    "",
    "a kiln",
    "A Kiln's  glow,\n  1024 tiles!",
    "don't they've it'd",
    "naïve café — 龙门 🏺",
    "x" * 300,
    " ".join(["word"] * 700),
]


def clip() -> "CLIPTokenizer":
    """Over single bytes, with two merges."""
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 256))]
    letters += [chr(256 + i) for i in range(256 - len(letters))]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "ki", "ln</w>", "kiln</w>"]
    vocabulary = {word: i for i, word in enumerate([*words, "<|startoftext|>", "<|endoftext|>"])}
    merges: Any = [("k", "i"), ("l", "n</w>"), ("ki", "ln</w>")]  # declared as text, read as pairs
    return CLIPTokenizer(vocab=vocabulary, merges=merges)


def t5() -> "T5Tokenizer":
    from transformers import T5Tokenizer

    pieces = ["<pad>", "</s>", "<unk>", "\u2581", "\u2581a", "\u2581kiln", *(chr(code) for code in range(33, 127))]
    return T5Tokenizer(vocab=[(piece, -float(i)) for i, piece in enumerate(pieces)], extra_ids=0)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with tokenizers as transformers saves them: one file each."""
    folder = tmp_path_factory.mktemp("base")
    clip().save_pretrained(folder / "tokenizer")
    t5().save_pretrained(folder / "tokenizer_2")
    return folder


@pytest.fixture(scope="module")
def published(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with CLIP's in parts, as FLUX.1 is published."""
    folder = tmp_path_factory.mktemp("published")
    model = json.loads((base / "tokenizer" / "tokenizer.json").read_text())["model"]
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "vocab.json").write_text(json.dumps(model["vocab"]))
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    (folder / "tokenizer" / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    (folder / "tokenizer_2").mkdir()
    (folder / "tokenizer_2" / "tokenizer.json").write_bytes((base / "tokenizer_2" / "tokenizer.json").read_bytes())
    return folder


@pytest.mark.parametrize("layout", ["base", "published"])
@pytest.mark.parametrize("prompt", PROMPTS, ids=range(len(PROMPTS)))
def test_counts_are_those_of_the_models_own_tokenizers(
    prompt: str, layout: str, request: pytest.FixtureRequest
) -> None:
    tokens = TokenCounter(request.getfixturevalue(layout)).count(prompt, "dev")
    assert (tokens.t5, tokens.clip) == (len(t5()(prompt).input_ids), len(clip()(prompt).input_ids))
    assert not tokens.estimated


def fetched(home: Path, base: Path, name: str) -> None:
    snapshots = home / "hub" / f"models--black-forest-labs--{name}" / "snapshots"
    snapshots.mkdir(parents=True)
    (snapshots / "0123").symlink_to(base)


def test_a_chat_that_stands_around_a_prompt_is_counted_and_another_models_tokenizer_is_not_taken(
    base: Path, tmp_path: Path
) -> None:
    words = '{"a": 0, "kiln": 1, "<|im_start|>": 2}'
    model = f'{{"type": "WordLevel", "vocab": {words}, "unk_token": "a"}}'
    (tmp_path / "tokenizer").mkdir()
    split = '{"type": "Whitespace"}'
    (tmp_path / "tokenizer" / "tokenizer.json").write_text(f'{{"model": {model}, "pre_tokenizer": {split}}}')
    counter = TokenCounter(tmp_path)
    for variant, around in (("flux2-klein-4b", 12), ("z-image", 8)):
        tokens = counter.count("a kiln", variant)
        assert (tokens.estimated, tokens.lengths) == (False, (PromptLength("Qwen3", 2 + around, 512),))
    assert TokenCounter(base).count("a kiln", "flux2-klein-4b").estimated
    shutil.copytree(base / "tokenizer", tmp_path / "half" / "tokenizer")
    with pytest.raises(NoTokenizers, match=r"tokenizer_2/tokenizer\.json"):
        TokenCounter(tmp_path / "half")


def test_those_of_a_model_that_was_fetched_before_are_found(tmp_path: Path, published: Path) -> None:
    fetched(tmp_path, published, "FLUX.1-schnell")
    tokens = TokenCounter(env={"HF_HOME": str(tmp_path)}).count("a kiln", "dev")
    assert not tokens.estimated
    assert tokens.t5 == 3


def test_a_broken_one_that_nobody_named_leaves_a_guess(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    for part in ("tokenizer", "tokenizer_2"):
        (broken / part).mkdir(parents=True)
        (broken / part / "tokenizer.json").write_text("{")
    fetched(tmp_path, broken, "FLUX.1-dev")
    assert TokenCounter(env={"HF_HOME": str(tmp_path)}).count("a kiln", "dev").estimated


def test_without_them_it_is_a_guess_and_says_so(tmp_path: Path) -> None:
    tokens = TokenCounter(env={"HF_HOME": str(tmp_path)}).count("a kiln at night, and a potter beside it", "dev")
    assert tokens.estimated
    assert [length.encoder for length in tokens.lengths] == ["T5", "CLIP"]
    assert all(9 <= length.tokens <= 20 for length in tokens.lengths)


@pytest.mark.parametrize("broken", ["nothing", "garbage", "only_clip"])
def test_a_base_that_was_named_must_have_them(tmp_path: Path, published: Path, broken: str) -> None:
    if broken == "garbage":
        (tmp_path / "tokenizer_2").mkdir()
        (tmp_path / "tokenizer_2" / "tokenizer.json").write_text("{")
    if broken == "only_clip":
        (tmp_path / "tokenizer").symlink_to(published / "tokenizer")
    with pytest.raises(NoTokenizers, match="tokenizer"):
        TokenCounter(tmp_path)


@pytest.mark.parametrize(("variant", "limit"), [("dev", 512), ("schnell", 256), ("standin", 512), ("krea-dev", 512)])
def test_a_variant_has_its_limit(variant: str, limit: int, tmp_path: Path) -> None:
    tokens = TokenCounter(env={"HF_HOME": str(tmp_path)}).count("a kiln", variant)
    assert (tokens.t5_limit, tokens.clip_limit) == (limit, 77)


def lengths(t5: int, clip: int, *, estimated: bool = False) -> Tokens:
    return Tokens(t5=t5, clip=clip, t5_limit=256, clip_limit=77, estimated=estimated)


def test_a_prompt_that_fits_is_not_talked_about() -> None:
    assert excess(lengths(256, 77)) is None


def test_one_that_is_too_long_is_warned_about_with_its_figures() -> None:
    assert "300 tokens long and T5 reads 256" in str(excess(lengths(300, 280)))
    assert "78 tokens long and CLIP reads 77" in str(excess(lengths(90, 78)))
    assert "an estimated 78" in str(excess(lengths(90, 78, estimated=True)))


def test_nothing_is_counted_for_what_is_no_variant() -> None:
    with pytest.raises(UnknownVariant, match="/models/mine"):
        TokenCounter(env={}).count("a kiln", "/models/mine")


def test_other_encoders_are_told_by_name_and_the_figures_of_t5_and_clip_stand_where_they_stood() -> None:
    other = Tokens.of([PromptLength("Qwen3", 600, 512)], estimated=False)
    written = b'{"estimated":false,"encoders":[{"encoder":"Qwen3","tokens":600,"limit":512}]}'
    assert msgspec.json.encode(other) == written
    assert "600 tokens long and Qwen3 reads 512: its end will not be painted" in str(excess(other))
    own = Tokens.of([PromptLength("CLIP", 7, 77), PromptLength("T5", 6, 512)], estimated=True)
    assert msgspec.json.encode(own) == b'{"t5":6,"clip":7,"t5_limit":512,"clip_limit":77,"estimated":true}'
    assert own.lengths == (PromptLength("T5", 6, 512), PromptLength("CLIP", 7, 77))


def test_a_model_whose_encoders_are_not_known_is_not_talked_about() -> None:
    assert excess(Tokens.of([], estimated=False)) is None
