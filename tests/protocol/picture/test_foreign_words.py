"""Prompts with another program's syntax are told; prose with brackets is left alone."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.protocol.picture.foreign_words import _HABITS, foreign_words


@pytest.mark.parametrize(
    ("prompt", "kind", "example"),
    [
        ("a street, (neon:1.4), rain", "weights", "(neon:1.4)"),
        ("(rain, fog:0.8) over a street", "weights", "(rain, fog:0.8)"),
        ("a street (wet asphalt:1)", "weights", "(wet asphalt:1)"),
        ("[fox:wolf:0.5] in snow", "weights", "[fox:wolf:0.5]"),
        ("a [fox|wolf] in snow", "weights", "[fox|wolf]"),
        ("((masterpiece)), a street", "weights", "((masterpiece))"),
        ("street, [fog], river", "weights", "[fog]"),
        ("neon::1.5 street", "weights", "n::1.5"),
        ("a street <lora:ink_v2:0.8>", "adapters", "<lora:ink_v2:0.8>"),
        ("a street <LoRA:ink>", "adapters", "<LoRA:ink>"),
        ("embedding:easynegative, blurry", "embeddings", "embedding:easynegative"),
        ("a street BREAK a harbour", "parts", "BREAK"),
        ("a street,\nBREAK\na harbour", "parts", "BREAK"),
        ("a fox AND a wolf", "parts", "AND"),
        ("a {red|blue} door", "wildcards", "{red|blue}"),
        ("a __colour__ door", "wildcards", "__colour__"),
        ("a door --ar 16:9", "options", "--ar"),
        (r"saber \(series\)", "escapes", r"\("),
    ],
)
def test_each_kind_is_told_with_what_it_is_and_what_is_done_instead(prompt: str, kind: str, example: str) -> None:
    (said,) = foreign_words(prompt)
    assert said.startswith(f"the prompt has {kind} of another program ({example}")
    assert said.endswith(_HABITS[kind].mend)


@pytest.mark.parametrize(
    "prompt",
    [
        "A ferry (the old one) leaves at dawn.",
        "a tower (built in 1924), seen from the harbour",
        "the harbour clock shows (10:30), fog",
        "a stone with a verse (John 3:16) on it",
        "a map (scale 1:2) on a table, ratio 16:9",
        "notes on the wall (note: 2 of them are torn)",
        "a knight [the last of them] stands at a gate",
        "he wrote [sic] on the wall in red",
        'a neon sign that says "BREAK AND ENTER"',
        "a neon sign, the word BREAK in red letters",
        "SALT AND PEPPER on a shelf",
        "A street AND A HARBOUR".upper(),
        "a <small> door, 3 < 4, x -> y",
        "a post -- weathered -- by the road",
        "a tag that reads AND",
        "snake_case and __ two underscores __",
        "{three} braces, a set {a, b}",
        "word embedding: a drawing of arrows",
        "temperature: 20, wind: 3",
        "a smile :) and (a frown:( )",
        "\u65e5\u672c\u6a4b\uff08\u591c\uff09\u3001\u96e8",
        "\u201cAND\u201d in gold letters",
    ],
)
def test_prose_is_not_accused(prompt: str) -> None:
    assert list(foreign_words(prompt)) == []


WORDS = st.lists(
    st.sampled_from(["fog", "rain,", "a", "stone", "and", "river.", "to", "the"]), min_size=1, max_size=9
).map(" ".join)


@given(WORDS, WORDS, st.sampled_from(["()", "[]", '""', "<>", "{}"]))
def test_words_with_a_pair_of_brackets_among_them_are_not_accused(before: str, inside: str, pair: str) -> None:
    plain = before.replace(",", "")
    assert list(foreign_words(f"{plain} {pair[0]}{inside}{pair[1]} {plain}")) == []


@pytest.mark.parametrize("piece", ["__a/", "(a:1.", "((", "[a|", "<lora:", '"', "\u201c", ", [", "says AB "])
def test_no_prompt_takes_more_than_its_length_is_worth(piece: str) -> None:
    """One that is ten times as long as may be sent: read over and over, it would take minutes."""
    prompt = (piece * 200_000)[:200_000]
    began = time.process_time()
    list(foreign_words(prompt))
    assert time.process_time() - began < 10


def test_examples_are_few_and_short() -> None:
    prompt = ", ".join(f"({'x' * 60}{'y' * i}:1.1)" for i in range(5))
    (said,) = foreign_words(prompt, "negative prompt")
    assert said.startswith("the negative prompt has")
    assert "and 2 more" in said
    assert len(said) < 330
