"""The tokenizers of the standins beside transformers' own with the same words."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from kilnmark.engine.families.flux1.letters import clip_letters, t5_letters
from kilnmark.engine.families.qwen3 import byte_tokenizer

Make = Callable[[], Any]

SIGNS = "aAzZ 019.,'_-|\n\t\u00a0\u00e9\u0130\u4e16\u2163\u0301\u2581\U0001f642"
MARKS = (
    "<|startoftext|>",
    "<|endoftext|>",
    "<|im_start|>",
    "</s>",
    "<pad>",
    "<unk>",
    "'s",
    "'LL",
    "\r\n",
    "</w>",
    "  ",
)


def texts(count: int) -> list[str]:
    """Of letters of every kind, and of what the tokenizers have marks for."""
    chance = random.Random(5)
    pieces = [*SIGNS * 2, *MARKS]
    drawn = ("".join(chance.choices(pieces, k=chance.randint(1, 150))) for _ in range(count))
    return ["a kiln in the rain", " ", *drawn]


def tokens(tokenizer: Any, text: str, limit: int, padding: str) -> list[list[int]]:
    made = tokenizer([text], padding=padding, max_length=limit, truncation=True)
    return [*made["input_ids"], *made["attention_mask"]]


def clip() -> Any:
    from transformers import CLIPTokenizer

    return CLIPTokenizer(vocab=clip_letters().get_vocab(), merges=[])


def t5() -> Any:
    from transformers import T5Tokenizer

    words = sorted(t5_letters().get_vocab().items(), key=lambda word: word[1])
    return T5Tokenizer(vocab=[(word, -1.0) for word, _ in words], extra_ids=0)


def qwen() -> Any:
    from transformers import Qwen2Tokenizer

    turns = ["<|im_start|>", "<|im_end|>"]
    return Qwen2Tokenizer(vocab=byte_tokenizer().get_vocab(), merges=[], additional_special_tokens=turns)


@pytest.mark.parametrize(
    ("ours", "theirs", "limit", "padding"),
    [
        (clip_letters, clip, 77, "max_length"),
        (t5_letters, t5, 512, "longest"),
        (byte_tokenizer, qwen, 128, "max_length"),
    ],
)
def test_they_make_the_same_of_every_text(ours: Make, theirs: Make, limit: int, padding: str) -> None:
    mine, other = ours(), theirs()
    unlike = [text for text in texts(300) if tokens(mine, text, limit, padding) != tokens(other, text, limit, padding)]
    assert (unlike, len(mine)) == ([], len(other))


def test_the_end_of_clip_has_the_highest_number_and_shows_where_a_prompt_ends() -> None:
    tokenizer = clip_letters()
    made, _ = tokens(tokenizer, "kiln", 77, "longest")
    assert (made[0], made[-1]) == (len(tokenizer) - 2, len(tokenizer) - 1)
