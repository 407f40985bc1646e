"""Expressions of strangers against Python's own `re`, and against the clock that a hostile one would run on."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilnmark.keymaps.said.expressions import LENGTH_LIMIT, Expression, StepsLeft

ATOMS = st.sampled_from(
    ["a", "b", r"\.", ".", "[ab]", "[^a]", r"[\d_-]", r"\w", r"\W", "1", "[a-c1]", "(a|b)", "(?:ab)", "{x", "-", "_"]
)
TIMES = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}", "{1,}", "{,2}", "*?", "+?", "{0}"])
EXPRESSIONS = st.recursive(
    st.lists(st.tuples(ATOMS, TIMES).map("".join), min_size=1, max_size=4).map("".join),
    lambda inner: st.one_of(
        st.tuples(inner, TIMES).map(lambda both: f"({both[0]}){both[1]}"),
        st.tuples(inner, inner).map("|".join),
        st.tuples(st.sampled_from(["^", ""]), inner, st.sampled_from(["$", ""])).map("".join),
    ),
    max_leaves=4,
)
NAMES = st.text("ab.c1_-{x", max_size=8)


@settings(max_examples=80, deadline=None)
@given(EXPRESSIONS, st.lists(NAMES, min_size=1, max_size=4))
def test_it_matches_what_python_matches(text: str, names: list[str]) -> None:
    known = re.compile(rf"(.*\.)?({text})$")
    expression = Expression(text, StepsLeft())
    assert [expression.matches(name) for name in names] == [known.match(name) is not None for name in names]


@pytest.mark.parametrize("text", ["(a+)+$", "(a|a)*b", "(.*)*x", "(a?){30}a{30}", "(((a+)+)+)+b", "(a*)*(a*)*(a*)*b"])
def test_what_makes_python_take_for_ever_takes_no_time(text: str) -> None:
    began = time.process_time()
    Expression(text, StepsLeft()).matches("a" * 60)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("(a)\\1", r"holds \\1"),
        ("(?=a)b", "looks around"),
        ("(?i)a", "sets flags"),
        ("(a", "does not close"),
        ("a)", "does not open"),
        ("*a", "repeats nothing"),
        ("a**", "repeats a repetition"),
        ("a++", "repeats a repetition"),
        ("a{2}{3}", "repeats a repetition"),
        ("a{3,2}", "at least more often"),
        ("a{99999}", "too often"),
        ("(a{99}){99}", "states"),
        ("(){9999}", "states"),
        ("[z-a]", "ends before it begins"),
        ("[a", "ends too early"),
        ("a\\", "ends too early"),
        (r"\bword", "which is not taken"),
        ("(" * 60 + ")" * 60, "nests"),
        ("a" * (LENGTH_LIMIT + 1), "longer than"),
    ],
)
def test_what_cannot_be_said_is_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Expression(text, StepsLeft())


def test_all_expressions_of_a_file_share_their_steps() -> None:
    steps = StepsLeft(9000)
    every = [Expression("(.*a.*)*", steps) for _ in range(20)]
    with pytest.raises(ValueError, match="takes too long"):
        assert not [each for each in every if not each.matches("abab" * 20)]
