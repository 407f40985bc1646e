"""Strings of any length end where JSON says, whatever lies on the border between two looks at them."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilnmark.keymaps.files import header_strings
from kilnmark.keymaps.files.header_strings import Written, beginning, string_end, text_of

SIGNS = st.sampled_from(
    [*"aé\U0001f525", *(r"\"", r"\\", r"\n", r"\/", r"\u0041", r"\u00e9", r"\ud83d\udd25", r"\uD83D\uDD25", r"\\u0041")]
)
WRONG = {
    "an end that is none": rb'"a\"',
    "no end": b'"a',
    "a backslash at the end": b'"a\\',
    "an escape that nobody knows": rb'"\x"',
    "a cut escape": rb'"\u00"',
    "half a pair": rb'"\ud83d"',
    "half a pair before a sign": rb'"\ud83da"',
    "two first halves": rb'"\ud83d\ud83d"',
    "a second half": rb'"\udd25"',
    "a line break": b'"\n"',
    "a cut character": b'"\xf0\x9f\x94"',
    "a byte of no character": b'"\xff"',
    "no string": b"1",
}


@pytest.fixture(params=[13, 14, 15, 16, 17, 4096], autouse=True)
def _looks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few bytes at a time, so that everything lies on a border once; a pair of surrogates and one more at least."""
    monkeypatch.setattr(header_strings, "_FIRST", request.param)
    monkeypatch.setattr(header_strings, "_MOST", request.param)


@settings(max_examples=40, deadline=None)
@given(signs=st.lists(SIGNS, max_size=40), behind=st.binary(max_size=40))
def test_a_string_ends_where_the_json_module_ends_it(signs: list[str], behind: bytes) -> None:
    written = f'"{"".join(signs)}"'.encode()
    raw = b"{" + written + behind
    assert string_end(raw, 1) == 1 + len(written)
    assert text_of(raw, Written(1, 1 + len(written))) == json.loads(written)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_strict_string_is_refused_wherever_it_stands(name: str) -> None:
    for before in range(20):
        with pytest.raises(ValueError, match=r"."):
            string_end(WRONG[name].replace(b'"', b'"' + b"a" * before, 1), 0)


def test_a_string_that_is_too_long_is_not_looked_at_further() -> None:
    assert string_end(b'"abc"', 0, 5) == 5
    with pytest.raises(ValueError, match="does not end"):
        string_end(b'"abc"', 0, 4)


@settings(max_examples=40, deadline=None)
@given(signs=st.lists(SIGNS, min_size=1, max_size=40), size=st.integers(0, 60))
def test_a_beginning_is_a_part_of_the_whole(signs: list[str], size: int) -> None:
    raw = f'"{"".join(signs)}"'.encode()
    span = Written(0, len(raw))
    part, whole = beginning(raw, span, size), text_of(raw, span)
    assert whole.startswith(part)
    assert len(raw) - 2 > size or part == whole
