"""The two kinds of document: what they keep, and every refusal by file, line, entry and mend."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kilnmark.protocol.content.documents import LoraEntry
from kilnmark.protocol.content.problems import PROBLEM_LIMIT, Problem, UnusableContent
from tests.protocol.content.made import genre, world

GENRE, WORLD = "g/visual_style.yaml", "g/worlds/w/visual_style.yaml"
ADD = "{name: new, file: n.safetensors, scale: 1, applies_to: [scene]}"

INK = """\
loras:
  - {name: ink, file: ink.safetensors, scale: 0.8, applies_to: [portrait, scene], trigger: inkwash}
  - {name: fog, file: fog.safetensors, scale: 0.5, applies_to: [scene]}
"""


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("loras:\n  - {file: a, scale: 1, applies_to: [scene]}", "2: loras[0].name", "is missing; add `name: ...`"),
        ("loras:\n  - {name: a, scale: 1, applies_to: [scene]}", "2: loras[0].file", "is missing; add"),
        ("loras:\n  - name: a\n    file: a\n    applies_to: [x]", "2: loras[0].scale", "is missing; add"),
        ("loras:\n  - {name: a, file: a, scale: 1}", "2: loras[0].applies_to", "is missing; add"),
        ("loras:\n  - name: a\n    file: a\n    scale: 1\n    applies_to: []", "5: loras[0].applies_to", "is empty;"),
        (f"{INK}  - {{name: ink, file: b, scale: 1, applies_to: [x]}}", "4: loras[2].name", "is a name already"),
        ("positive_suffix: x\nlora: a\nlora_scale: 1\nloras: []", "2: lora", "two ways to say the stack; keep `loras`"),
        ("lora_scale: 1\nloras: []", "1: lora_scale", "two ways to say the stack"),
        ("a: 1\nloras:\n  exclude: [x]", "2: loras", "must be a list here"),
        ("loras: [{name: 7, file: a, scale: 1, applies_to: [x]}]", "1: loras[0].name", "but is 7; put it in quotes"),
        ("loras: [{name: a, file: a, scale: big, applies_to: [x]}]", "1: loras[0].scale", 'must be a number, but is "'),
        ("loras: [{name: a, file: a, scale: 1, applies_to: x}]", "1: loras[0].applies_to", 'write ["x"], or one'),
        ("loras: [{name: a, file: a, scale: 1, aplies_to: [x]}]", "1: loras[0].aplies_to", "write `applies_to`, or"),
        ("loras: [{name: a, file: a, scale: .inf, applies_to: [x]}]", "1: loras[0].scale", "must be a finite number"),
        ("loras: [{name: a, file: a, scale: 101, applies_to: [x]}]", "1: loras[0].scale", "is 101; input should be"),
        ("a: 1\nlorass: []", "2: lorass", "is no field; write `loras`, or call it something less like that"),
        ("base-seed: 1", "1: base-seed", "write `base_seed`"),
        ("base_seed: -1", "1: base_seed", "greater than or equal to 0"),
        ('visual_tag_overrides: {" ": a}', "1: visual_tag_overrides. .[key]", "is blank"),
        ("visual_tag_overrides: {a: ''}", "1: visual_tag_overrides.a", "is blank"),
        ("visual_tag_overrides: [a]", "1: visual_tag_overrides", "must be a mapping"),
        ("visual_tag_overrides:\n  a: {style_note: x}", "2: visual_tag_overrides.a.positive_suffix", "is missing; add"),
        ("visual_tag_overrides: {a: {positive_sufix: x}}", "1: visual_tag_overrides.a.positive_sufix", "write `positi"),
        (
            "visual_tag_overrides: {a: {positive_suffix: 3}}",
            "1: visual_tag_overrides.a.positive_suffix",
            "must be text",
        ),
        ("visual_tag_overrides: {a: 3}", "1: visual_tag_overrides.a", "must be text, but is 3"),
        ("a: 1\na: 2", "2: a", "stands twice"),
    ],
)
def test_a_genres_document_is_refused_by_line_entry_and_mend(text: str, where: str, words: str) -> None:
    with pytest.raises(UnusableContent) as refused:
        genre(text)
    [problem] = refused.value.problems
    assert str(problem).startswith(f"{GENRE}:{where}: ")
    assert words in problem.message


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        (f"a: 1\nloras:\n  - {ADD}", "2: loras", "is a list, which would replace the genre's stack; put the entries"),
        ("loras:\n  add: []\n  remove: [ink]", "3: loras.remove", "is no field here; remove it"),
        (f"loras:\n  add:\n    - {ADD}\n    - {ADD}", "4: loras.add[1].name", "is a name already, of entry 0"),
        ("loras:\n  exclude: [a, a]", "2: loras.exclude[1]", "stands twice"),
        ("lora: a\nloras: {}", "1: lora", "two ways to say the stack"),
        (
            "loras:\n  add:\n    - {name: a, file: b, scale: 1, applies_to: []}",
            "3: loras.add[0].applies_to",
            "is empty",
        ),
        ("loras: {exclude: ink}", "1: loras.exclude", 'write ["ink"], or one `- item` a line'),
    ],
)
def test_a_worlds_document_is_refused_by_line_entry_and_mend(text: str, where: str, words: str) -> None:
    with pytest.raises(UnusableContent) as refused:
        world(text)
    [problem] = refused.value.problems
    assert str(problem).startswith(f"{WORLD}:{where}: ")
    assert words in problem.message


def test_every_problem_of_a_document_is_told_at_once() -> None:
    with pytest.raises(UnusableContent) as refused:
        genre("base_seed: x\nloras:\n  - {name: a, scale: 1, applies_to: []}\n")
    assert [problem.entry for problem in refused.value.problems] == [
        "base_seed",
        "loras[0].file",
        "loras[0].applies_to",
    ]


def test_a_word_that_only_rhymes_with_a_field_is_no_misspelling() -> None:
    assert genre("flora: moss\npalette: [ochre]\nlore: old\nmodel_notes: x").loras is None


def test_one_refusal_tells_no_more_problems_than_people_read() -> None:
    text = "loras:\n" + "  - {}\n" * PROBLEM_LIMIT
    with pytest.raises(UnusableContent) as refused:
        genre(text)
    assert len(refused.value.problems) == PROBLEM_LIMIT


def test_words_of_any_length_are_refused_in_few() -> None:
    with pytest.raises(UnusableContent) as refused:
        genre(f"base_seed: {'9' * 4000}\nloras: [{{name: {'n' * 9000}, {'k' * 9000}: 1}}]\nlora: !{'t' * 9000} x")
    assert len(str(refused.value)) < 2000


FIELDS = ["loras", "lora", "lora_scale", "base_seed", "visual_tag_overrides", "preferred_model", "add", "exclude"]
ENTRY_FIELDS = ["name", "file", "scale", "applies_to", "trigger"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS + ENTRY_FIELDS), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=1, max_size=4))
def test_no_document_is_anything_but_read_or_refused_by_its_file(value: dict[str, object]) -> None:
    text = json.dumps(value).replace("NaN", ".nan").replace("Infinity", ".inf")
    for parse in (genre, world):
        problems: tuple[Problem, ...] = ()
        try:
            parse(text)
        except UnusableContent as error:
            problems = error.problems
        assert all(problem.line == 1 and problem.message for problem in problems)


def test_fields_for_people_to_read_are_left_alone() -> None:
    style = genre("title: Ink\nnotes: [a, b]\nloras:\n  - {name: a, file: a, scale: 1, applies_to: [x], by: me}\n")
    assert [entry.name for entry in style.loras or ()] == ["a"]


def test_a_tag_stands_for_text_or_for_the_suffix_of_a_mapping() -> None:
    style = genre("visual_tag_overrides:\n  a: wet\n  b: {positive_suffix: dry, style_note: [x], palette: {y: 1}}\n")
    assert style.visual_tag_overrides == {"a": "wet", "b": "dry"}


def test_entries_keep_what_they_say() -> None:
    style = genre("loras:\n  - {name: a, file: b/c.safetensors, scale: -1, applies_to: [x, y], trigger: t u}\n")
    assert style.loras == (
        LoraEntry(name="a", file="b/c.safetensors", scale=-1.0, applies_to=("x", "y"), trigger="t u"),
    )
