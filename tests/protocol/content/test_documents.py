"""The two kinds of document: what they keep, and every refusal by file, line, entry and mend."""

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kilnmark.protocol.content.documents import LoraEntry, StyleFields, name_of, tiers_of
from kilnmark.protocol.content.parsed import Broken, asked
from kilnmark.protocol.content.problems import PROBLEM_LIMIT, Problem, UnusableContent
from kilnmark.protocol.content.style import compose_lora_stack
from tests.protocol.content.made import genre, world

GENRE, WORLD = "g/visual_style.yaml", "g/worlds/w/visual_style.yaml"
ADD = "{name: new, file: n.safetensors, scale: 1, applies_to: [scene]}"

SCALES = "loras: [{name: a, file: a, scale: 1, applies_to: [x], scales: "

INK = """\
loras:
  - {name: ink, file: ink.safetensors, scale: 0.8, applies_to: [portrait, scene], trigger: inkwash}
  - {name: fog, file: fog.safetensors, scale: 0.5, applies_to: [scene]}
"""


def told(parse: Callable[[str], StyleFields], text: str) -> tuple[Problem, ...]:
    """All that is wrong with a document, whether or not some of it can be used."""
    try:
        return parse(text).problems
    except UnusableContent as error:
        return error.problems


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
        (f"{SCALES}{{double: 1, double.3: 2}}}}]", "1: loras[0].scales.double.3", "claim the same blocks at 2 and 1"),
        (f"{SCALES}{{dou ble: 1}}}}]", "1: loras[0].scales.dou ble", "is no pattern of blocks"),
        (f"{SCALES}{{double: x}}}}]", "1: loras[0].scales.double", "must be a number"),
        ("a: 1\nlorass: []", "2: lorass", "is no field; write `loras`, or call it something less like that"),
        ("base-seed: 1", "1: base-seed", "write `base_seed`"),
        ("base_seed: -1", "1: base_seed", "greater than or equal to 0"),
        ('visual_tag_overrides: {" ": a}', "1: visual_tag_overrides. ", "names no place; write a region"),
        ("visual_tag_overrides: {a: b, _-: c}", "1: visual_tag_overrides._-", "names no place"),
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
    [problem] = told(genre, text)
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
    [problem] = told(world, text)
    assert str(problem).startswith(f"{WORLD}:{where}: ")
    assert words in problem.message


def test_every_problem_of_a_document_is_told_at_once() -> None:
    problems = told(genre, "base_seed: x\nloras:\n  - {name: a, scale: 1, applies_to: []}\n")
    assert [problem.entry for problem in problems] == [
        "base_seed",
        "loras[0].file",
        "loras[0].applies_to",
    ]


def test_what_is_broken_is_alone_in_that() -> None:
    style = genre("positive_suffix: ink\nbase_seed: x\nvisual_tag_overrides: {a: wet, b: 3}\nnegative_prompt: [y]")
    assert style.positive_suffix == "ink"
    assert all(isinstance(value, Broken) for value in (style.base_seed, style.negative_prompt))
    overrides = asked(style.visual_tag_overrides) or {}
    assert (overrides["a"], isinstance(overrides["b"], Broken)) == ("wet", True)
    assert [problem.line for problem in style.problems] == [2, 3, 4]
    with pytest.raises(UnusableContent, match="base_seed: must be a whole number"):
        asked(style.base_seed)


def test_a_broken_entry_leaves_the_others_their_places() -> None:
    style = genre(f"{INK}  - {{name: bad, scale: 1, applies_to: [scene]}}\n  - {{name: last, file: l, scale: 1}}\n")
    entries = asked(style.loras) or ()
    assert [isinstance(entry, Broken) for entry in entries] == [False, False, True, True]
    assert [name_of(entry) for entry in entries] == ["ink", "fog", "bad", "last"]
    assert [tiers_of(entry) for entry in entries] == [("portrait", "scene"), ("scene",), ("scene",), None]


def test_what_is_broken_as_a_whole_keeps_the_problems_of_its_parts() -> None:
    style = genre("loras:\n  - {name: a, file: a, scale: 1}\n  - {name: a, file: a, scale: 1, applies_to: [scene]}\n")
    with pytest.raises(UnusableContent) as refused:
        compose_lora_stack(style, None, "scene")
    entries = [problem.entry for problem in refused.value.problems]
    assert entries == ["loras[0].applies_to", "loras[1].name"] == [problem.entry for problem in style.problems]


def test_a_misspelt_field_breaks_the_one_that_is_meant() -> None:
    style = genre("positive_sufix: ink\nbase-seed: 3\nnegative_prompt: photo")
    broken = [name for name in StyleFields.model_fields if isinstance(getattr(style, name), Broken)]
    assert (broken, style.negative_prompt, len(style.problems)) == (["positive_suffix", "base_seed"], "photo", 2)


def test_two_tags_of_one_meaning_are_broken_and_no_others() -> None:
    style = genre("visual_tag_overrides:\n  old town: a\n  Old_Town: b\n  gate: c\n")
    overrides = asked(style.visual_tag_overrides) or {}
    assert [tag for tag, words in overrides.items() if isinstance(words, Broken)] == ["old town", "Old_Town"]
    assert [problem.message for problem in style.problems] == [
        "means the same place as 'Old_Town'; keep one",
        "means the same place as 'old town'; keep one",
    ]


def test_a_word_that_only_rhymes_with_a_field_is_no_misspelling() -> None:
    assert genre("flora: moss\npalette: [ochre]\nlore: old\nmodel_notes: x").loras is None


def test_one_refusal_tells_no_more_problems_than_people_read() -> None:
    text = "loras:\n" + "  - {}\n" * PROBLEM_LIMIT
    with pytest.raises(UnusableContent) as refused:
        asked(compose_lora_stack(genre(text), None, "scene"))
    assert len(refused.value.problems) == PROBLEM_LIMIT


def test_words_of_any_length_are_refused_in_few() -> None:
    with pytest.raises(UnusableContent) as refused:
        genre(f"base_seed: {'9' * 4000}\nloras: [{{name: {'n' * 9000}, {'k' * 9000}: 1}}]\nlora: !{'t' * 9000} x")
    assert len(str(refused.value)) < 2000
    broken = told(genre, f"base_seed: {'9' * 4000}\nloras: [{{name: {'n' * 9000}, {'k' * 9000}: 1}}]")
    assert len(str(broken)) < 2000


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
        assert all(problem.line == 1 and problem.message for problem in told(parse, text))


def test_fields_for_people_to_read_are_left_alone() -> None:
    style = genre("title: Ink\nnotes: [a, b]\nloras:\n  - {name: a, file: a, scale: 1, applies_to: [x], by: me}\n")
    assert [asked(entry).name for entry in asked(style.loras) or ()] == ["a"]


def test_a_tag_stands_for_text_or_for_the_suffix_of_a_mapping() -> None:
    style = genre("visual_tag_overrides:\n  a: wet\n  b: {positive_suffix: dry, style_note: [x], palette: {y: 1}}\n")
    assert style.visual_tag_overrides == {"a": "wet", "b": "dry"}


def test_entries_keep_what_they_say() -> None:
    style = genre("loras:\n  - {name: a, file: b/c.safetensors, scale: -1, applies_to: [x, y], trigger: t u}\n")
    assert style.loras == (
        LoraEntry(name="a", file="b/c.safetensors", scale=-1.0, applies_to=("x", "y"), trigger="t u"),
    )
