"""YAML that people write: every value knows its line, and nothing in a file can do harm."""

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kilnmark.protocol.content.marked_yaml import DEPTH_LIMIT, SIZE_LIMIT, VALUE_LIMIT, read_marked
from tests.protocol.content.made import document

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(WORDS, VALUES, max_size=5))
def test_what_a_yaml_writer_wrote_is_read_back(value: dict[str, Any]) -> None:
    # Quoted, since YAML 1.1 leaves words plain that are numbers in 1.2.
    written = yaml.safe_dump(value, allow_unicode=True, default_style='"')
    read = read_marked(written.encode(), "f")
    assert (read.value, read.problems) == (value, ())


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text("[]{}&*:-?!|>'\"#%@`, \n\tab1<~", max_size=80).map(str.encode))
def test_no_bytes_are_ever_an_exception(data: bytes) -> None:
    read = read_marked(data, "f")
    assert isinstance(read.value, dict)
    assert read.value or read.problems or b"{" in data


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("2024-01-01", "2024-01-01"),
        ("1:30", "1:30"),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("1e-3", 0.001),
        (".5", 0.5),
        (".inf", float("inf")),
        ("-.inf", float("-inf")),
        ("True", True),
        ("~", None),
        ("", None),
        ("'5'", "5"),
        ('"~"', "~"),
        ("!!str 5", "5"),
        ("1_000", "1_000"),
    ],
)
def test_a_word_means_what_editors_say_it_means(written: str, value: object) -> None:
    read = document(f"a: {written}")
    assert (read.value, read.problems) == ({"a": value}, ())


def test_not_a_number_is_one() -> None:
    assert str(document("a: .nan").value["a"]) == "nan"


def test_keys_are_the_text_that_was_written() -> None:
    assert document("1: a\nno: b\n~: c\n1.50: d").value == {"1": "a", "no": "b", "~": "c", "1.50": "d"}


def test_every_place_knows_its_line() -> None:
    read = document("a: 1\nb:\n  - x: 1\n    y: 2\n  - {x: 3,\n     y: 4}\n")
    paths = [("a",), ("b",), ("b", 0), ("b", 0, "y"), ("b", 1, "y"), ("b", 1, "z"), ("c",)]
    assert [read.line(path) for path in paths] == [1, 2, 3, 4, 6, 5, 1]


def test_an_alias_has_the_line_of_its_use_and_below_it_those_of_what_it_repeats() -> None:
    read = document("a: &a\n  x: 1\nb: *a\n")
    assert read.value["b"] == {"x": 1}
    assert [read.line(("b",)), read.line(("b", "x"))] == [3, 2]


def test_merged_keys_give_way_to_written_ones_and_earlier_to_later() -> None:
    read = document("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 9}\nd: {<<: *b}")
    assert read.value["c"] == {"x": 9, "y": 1, "z": 2}
    assert (read.value["d"], read.problems) == ({"y": 2, "z": 2}, ())


def test_a_key_may_be_an_alias_of_text_and_of_nothing_else() -> None:
    read = document("a: &a word\nb: &b [1]\n*a : 1\n*b : 2\n? {c: d}\n: 3\n")
    assert read.value == {"a": "word", "b": [1], "word": 1}
    assert [problem.line for problem in read.problems] == [4, 5]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_byte_order_mark_and_either_newline_are_read(newline: str) -> None:
    read = read_marked(f"\ufeffa: 1{newline}b: 2{newline}".encode(), "f")
    assert (read.value, read.line(("b",))) == ({"a": 1, "b": 2}, 2)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "f.yaml:4: b.c: stands twice, first on line 3; keep one"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: a second document begins here and is not read; give it a file of its own"),
        ("a: 1\n? [1, 2]\n: 3\n", "f.yaml:2: a key is a list; a key must be text"),
        ("a: 1\nb: &b [*b]\n", "f.yaml:2: b[0]: *b stands inside what it repeats; write it out"),
        ("a: 1\nb: !secret x\n", "f.yaml:2: b: the tag '!secret' means nothing here; remove it"),
        ("a: 1\nb: {<<: 3}\n", "f.yaml:2: b.<<: merges what is no mapping; give it an alias of one, `<<: *name`"),
    ],
)
def test_a_problem_inside_leaves_the_rest_usable(text: str, problem: str) -> None:
    read = document(text, "f.yaml")
    assert [str(found) for found in read.problems] == [problem]
    assert read.value["a"] == 1


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "f.yaml:1: is empty; write `field: value` lines"),
        (b"# nothing\n", "f.yaml:1: is empty; write `field: value` lines"),
        (b"\n- a\n", "f.yaml:2: holds a list where a mapping is expected; write `field: value` lines"),
        (b"words", "f.yaml:1: holds a text where a mapping is expected; write `field: value` lines"),
        (b"a:\n\tb: 1\n", "f.yaml:2: is indented with a tab; YAML wants spaces"),
        (b"a: 1\nb: \xff\n", "f.yaml:2: byte 0xff is not UTF-8; save the file as UTF-8"),
        (b"a: *b\n", "f.yaml:1: *b repeats what is nowhere marked so with &; write it out"),
        (b"[" * 100_000, f"f.yaml:1: is nested more than {DEPTH_LIMIT} deep; flatten it"),
        (b" " * (SIZE_LIMIT + 1), f"f.yaml: has {SIZE_LIMIT + 1} bytes, more than the {SIZE_LIMIT} allowed; split it"),
    ],
)
def test_what_cannot_be_read_at_all_is_empty_and_says_why(data: bytes, problem: str) -> None:
    read = read_marked(data, "f.yaml")
    assert [str(found) for found in read.problems] == [problem]
    assert read.value == {}


def test_a_syntax_error_names_where_it_was_met_and_where_it_began() -> None:
    [problem] = document("a: 1\nb: 'open\nc: 2\nd: 3\n").problems
    assert problem.line == 4
    assert "quoted scalar that begins on line 2" in problem.message


def test_a_control_character_is_found_on_its_line() -> None:
    [problem] = document("a: 1\nb: \x00\n").problems
    assert (problem.line, "#x0000" in problem.message) == (2, True)


def test_aliases_of_aliases_cannot_grow_without_bound() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    [problem] = document("\n".join(lines)).problems
    assert f"more than {VALUE_LIMIT} values" in problem.message
