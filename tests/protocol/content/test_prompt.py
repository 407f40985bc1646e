"""The words of a prompt, put together."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilnmark.protocol.content.composed import final_prompt

WORDS = st.text(max_size=20)


@pytest.mark.parametrize(
    ("prompt", "triggers", "suffix", "final"),
    [
        ("a tower", (), None, "a tower"),
        ("a tower", ("inkwash",), None, "inkwash, a tower"),
        ("a tower", ("inkwash", "oil"), "muted colours", "inkwash, oil, a tower, muted colours"),
        ("A tower.", (), "muted colours", "A tower. muted colours"),
        ("a tower, ", (), ", muted colours,", "a tower, muted colours"),
        ("a tower", ("", " "), "  ", "a tower"),
    ],
)
def test_triggers_stand_before_the_prompt_and_the_suffix_behind(
    prompt: str, triggers: tuple[str, ...], suffix: str | None, final: str
) -> None:
    assert final_prompt(prompt, triggers, suffix) == final


def test_more_words_stand_behind_the_prompt_in_their_order() -> None:
    assert final_prompt("a tower.", ("oil",), "a fen", None, " ", "muted") == "oil, a tower. a fen, muted"


@settings(deadline=None)
@given(WORDS, st.lists(WORDS, max_size=2), st.lists(WORDS | st.none(), max_size=3))
def test_the_prompts_own_words_are_never_changed(prompt: str, triggers: list[str], behind: list[str | None]) -> None:
    assert prompt.strip().strip(",").strip() in final_prompt(prompt, triggers, *behind)
