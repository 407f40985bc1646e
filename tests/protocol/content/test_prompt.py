"""The words of a prompt, put together."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilnmark.protocol.content.prompt import final_prompt, with_tag_overrides


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


@pytest.mark.parametrize(
    ("prompt", "changed"),
    [
        ("a tavern at night", "a smoky inn at night"),
        ("A TAVERN", "A smoky inn"),
        ("taverns and tavern-keepers", "taverns and smoky inn-keepers"),
        ("an old  keep", "a ruin"),
        ("a keep", "a castle"),
        ("nothing of it", "nothing of it"),
    ],
)
def test_a_tag_is_replaced_where_it_stands_whole(prompt: str, changed: str) -> None:
    overrides = {"Tavern": "smoky inn", "keep": "castle", "an old keep": "a ruin"}
    assert with_tag_overrides(prompt, overrides) == changed


def test_what_was_put_in_is_not_looked_at_again() -> None:
    assert with_tag_overrides("a b", {"a": "b", "b": "a"}) == "b a"


def test_a_tag_is_no_pattern() -> None:
    assert with_tag_overrides("c++ (a) axb", {"c++": "rust", "(a)": "[\\1]", "a.b": "no"}) == "rust [\\1] axb"


@settings(deadline=None)
@given(st.text(), st.lists(st.text(min_size=1).filter(str.strip), max_size=3))
def test_a_tag_that_stands_for_itself_changes_nothing_but_case_and_space(prompt: str, tags: list[str]) -> None:
    changed = with_tag_overrides(prompt, {tag: tag for tag in tags})
    assert "".join(changed.split()).casefold() == "".join(prompt.split()).casefold()


@pytest.mark.parametrize("overrides", [None, {}])
def test_without_overrides_the_prompt_is_what_it_was(overrides: dict[str, str] | None) -> None:
    assert with_tag_overrides("a  b", overrides) == "a  b"
