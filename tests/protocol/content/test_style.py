"""The stack that a tier gets of a genre and a world: order, exclusion, no leak between tiers, and every refusal."""

import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kilnmark.protocol.content.documents import GenreStyle, LoraEntry, StyleFields, WorldLoras, WorldStyle
from kilnmark.protocol.content.parsed import asked
from kilnmark.protocol.content.problems import UnusableContent
from kilnmark.protocol.content.style import compose_lora_stack, overlay
from tests.protocol.content.made import genre, world

few = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""An example builds dozens of models, which takes its time on a busy machine."""

TIERS = ("portrait", "scene", "landscape")

INK = """\
loras:
  - {name: ink, file: ink.safetensors, scale: 0.8, applies_to: [portrait, scene], trigger: inkwash}
  - {name: fog, file: fog.safetensors, scale: 0.5, applies_to: [scene]}
"""


@st.composite
def levels(draw: st.DrawFn) -> tuple[GenreStyle, WorldStyle]:
    """A genre and a world that go together."""
    names = draw(st.lists(st.text("abcdef", min_size=1, max_size=3), unique=True, max_size=6))
    cut = draw(st.integers(0, len(names)))
    exclude = draw(st.lists(st.sampled_from(names[:cut]), unique=True)) if cut else []
    again = draw(st.lists(st.sampled_from(exclude), unique=True)) if exclude else []
    added = draw(st.permutations([*names[cut:], *again]))
    return (
        GenreStyle(loras=tuple(draw(entry(name)) for name in names[:cut])),
        WorldStyle(loras=WorldLoras(exclude=tuple(exclude), add=tuple(draw(entry(name)) for name in added))),
    )


def entry(name: str) -> st.SearchStrategy[LoraEntry]:
    return st.builds(
        LoraEntry,
        name=st.just(name),
        file=st.just(f"{name}.safetensors"),
        scale=st.floats(-2, 2),
        applies_to=st.lists(st.sampled_from(TIERS), min_size=1, unique=True).map(tuple),
        trigger=st.none() | st.sampled_from(["oil", "ink wash", " oil ", ""]),
    )


def entries_of(styles: tuple[GenreStyle, WorldStyle]) -> tuple[Sequence[LoraEntry], Sequence[LoraEntry], set[str]]:
    genre_style, world_style = styles
    changes = asked(world_style.loras)
    assert changes is not None
    inherited, added = (list(map(asked, entries)) for entries in (asked(genre_style.loras) or (), changes.add))
    return inherited, added, set(asked(changes.exclude))


@few
@given(levels(), st.sampled_from(TIERS))
def test_the_stack_is_the_genres_less_the_excluded_then_the_added_in_order(
    styles: tuple[GenreStyle, WorldStyle], tier: str
) -> None:
    inherited, added, excluded = entries_of(styles)
    wanted = [*(item for item in inherited if item.name not in excluded), *added]
    stack = compose_lora_stack(*styles, tier)
    assert [adapter.entry for adapter in stack.adapters] == [item for item in wanted if tier in item.applies_to]


@few
@given(levels())
def test_no_adapter_leaks_into_a_tier_that_it_does_not_name(styles: tuple[GenreStyle, WorldStyle]) -> None:
    for tier in TIERS:
        assert all(tier in adapter.entry.applies_to for adapter in compose_lora_stack(*styles, tier).adapters)
    assert compose_lora_stack(*styles, "elsewhere").adapters == ()


@few
@given(levels(), st.sampled_from(TIERS))
def test_what_is_excluded_is_told_in_the_genres_order_and_never_kept_from_it(
    styles: tuple[GenreStyle, WorldStyle], tier: str
) -> None:
    inherited, _, excluded = entries_of(styles)
    stack = compose_lora_stack(*styles, tier)
    assert stack.excluded == tuple(item.name for item in inherited if item.name in excluded)
    assert not [adapter for adapter in stack.adapters if adapter.level == "genre" and adapter.entry.name in excluded]


@few
@given(levels(), st.sampled_from(TIERS))
def test_triggers_are_those_of_the_kept_each_once_in_stack_order(
    styles: tuple[GenreStyle, WorldStyle], tier: str
) -> None:
    stack = compose_lora_stack(*styles, tier)
    words = [(adapter.entry.trigger or "").strip() for adapter in stack.adapters]
    assert stack.triggers == tuple(dict.fromkeys(word for word in words if word))


@few
@given(levels(), st.sampled_from(TIERS))
def test_the_same_documents_give_the_same_stack_and_stay_as_they_were(
    styles: tuple[GenreStyle, WorldStyle], tier: str
) -> None:
    before = [style.model_dump_json() for style in styles]
    assert compose_lora_stack(*styles, tier) == compose_lora_stack(*styles, tier)
    assert [style.model_dump_json() for style in styles] == before


@few
@given(levels(), st.data())
def test_an_inherited_name_cannot_be_added_again(styles: tuple[GenreStyle, WorldStyle], data: st.DataObject) -> None:
    inherited, _, excluded = entries_of(styles)
    names = [item.name for item in inherited if item.name not in excluded]
    if not names:
        return
    again = data.draw(entry(data.draw(st.sampled_from(names))))
    worlds = WorldStyle(loras=WorldLoras(add=(again,)))
    with pytest.raises(UnusableContent, match="is inherited from the genre"):
        compose_lora_stack(styles[0], worlds, TIERS[0])


@few
@given(levels(), st.text("xyz", min_size=1, max_size=3))
def test_a_name_that_the_genre_does_not_have_cannot_be_excluded(
    styles: tuple[GenreStyle, WorldStyle], name: str
) -> None:
    with pytest.raises(UnusableContent, match="is no adapter of the genre"):
        compose_lora_stack(styles[0], WorldStyle(loras=WorldLoras(exclude=(name,))), TIERS[0])


def test_composing_does_nothing_that_the_system_could_notice() -> None:
    genre_style, world_style = genre(INK), world("loras: {exclude: [fog]}")
    noticed: list[str] = []
    listening = [True]
    sys.addaudithook(lambda event, _: noticed.append(event) if listening[0] else None)
    try:
        open_and_shut("/dev/null")
        seen = list(noticed)
        noticed.clear()
        compose_lora_stack(genre_style, world_style, "scene")
        overlay(genre_style, world_style)
        after = [event for event in noticed if not event.startswith("object.")]
    finally:
        listening[0] = False
    assert ("open" in seen, after) == (True, [])


def open_and_shut(path: str) -> None:
    with open(path, "rb"):  # noqa: PTH123 - what the hook must be seen to notice
        pass


def test_a_world_without_a_style_gets_the_genres_stack() -> None:
    assert compose_lora_stack(genre(INK), None, "scene").names == ("ink", "fog")


def test_an_excluded_name_may_be_added_anew() -> None:
    changed = world(
        "loras:\n  exclude: [ink]\n  add: [{name: ink, file: b.safetensors, scale: 1, applies_to: [portrait]}]"
    )
    stack = compose_lora_stack(genre(INK), changed, "portrait")
    assert [(adapter.entry.file, adapter.level) for adapter in stack.adapters] == [("b.safetensors", "world")]
    assert stack.excluded == ("ink",)


# The flat pair.


def test_the_flat_pair_is_a_stack_of_one_for_every_tier() -> None:
    style = genre("lora: old/ink-v2.safetensors\nlora_scale: 0.7")
    for tier in TIERS:
        [adapter] = compose_lora_stack(style, None, tier).adapters
        assert (adapter.entry.name, adapter.entry.scale, adapter.level) == ("ink-v2", 0.7, "genre")


def test_a_world_overlays_the_flat_pair_field_by_field() -> None:
    style = genre("lora: a.safetensors\nlora_scale: 0.7")
    [scaled] = compose_lora_stack(style, world("lora_scale: 0.2"), "scene").adapters
    [replaced] = compose_lora_stack(style, world("lora: b.safetensors"), "scene").adapters
    assert (scaled.entry.name, scaled.entry.scale, scaled.level) == ("a", 0.2, "genre")
    assert (replaced.entry.name, replaced.entry.scale, replaced.level) == ("b", 0.7, "world")


def test_a_world_can_exclude_the_flat_pair_and_add_to_it() -> None:
    style = genre("lora: a.safetensors\nlora_scale: 0.7")
    add = "add: [{name: b, file: b.safetensors, scale: 1, applies_to: [scene]}]"
    assert compose_lora_stack(style, world(f"loras: {{{add}}}"), "scene").names == ("a", "b")
    assert compose_lora_stack(style, world(f"loras: {{exclude: [a], {add}}}"), "scene").names == ("b",)


# Overlay.

FIELDS: dict[str, Any] = {
    "positive_suffix": "oil on canvas",
    "negative_prompt": "text",
    "preferred_model": "schnell",
    "base_seed": 5,
    "visual_tag_overrides": {"tavern": "inn"},
}


@few
@given(st.sets(st.sampled_from(sorted(FIELDS))), st.sets(st.sampled_from(sorted(FIELDS))))
def test_a_world_overlays_the_fields_that_it_names_and_no_other(below: set[str], above: set[str]) -> None:
    changed = FIELDS | {"positive_suffix": "ink", "base_seed": 9, "visual_tag_overrides": {}}
    result = overlay(
        GenreStyle(**{name: FIELDS[name] for name in below}), WorldStyle(**{name: changed[name] for name in above})
    )
    for name, value in FIELDS.items():
        expected = changed[name] if name in above else value if name in below else None
        assert getattr(result, name) == expected


def test_an_empty_field_takes_the_genres_away() -> None:
    assert overlay(genre("base_seed: 5\nnegative_prompt: x"), world("base_seed:")) == StyleFields(negative_prompt="x")


def test_a_worlds_loras_never_replace_the_genres() -> None:
    assert compose_lora_stack(genre(INK), world("loras:"), "scene").names == ("ink", "fog")
    assert compose_lora_stack(genre(INK), world("loras: {}"), "scene").names == ("ink", "fog")


# Refusals: file, line, entry and mend.

GENRE, WORLD = "g/visual_style.yaml", "g/worlds/w/visual_style.yaml"
ADD = "{name: new, file: n.safetensors, scale: 1, applies_to: [scene]}"


@pytest.mark.parametrize(
    ("below", "above", "where", "words"),
    [
        (INK, "a: 1\nloras:\n  exclude: [smoke]", f"{WORLD}:3: loras.exclude[0]", "the genre has 'ink', 'fog'"),
        ("a: 1", "loras: {exclude: [smoke]}", f"{WORLD}:1: loras.exclude[0]", "the genre has none"),
        (INK, f"loras:\n  add:\n  - {ADD.replace('new', 'ink')}", f"{WORLD}:3: loras.add[0].name", "is inherited"),
        (INK, "a: 1\nlora: b\nlora_scale: 1", f"{WORLD}:2: lora", "two ways to say the stack"),
        ("a: 1\nlora: b", "a: 1", f"{GENRE}:2: lora", "comes without `lora_scale`; add `lora_scale: ...`"),
        ("a: 1", "lora_scale: 1", f"{WORLD}:1: lora_scale", "comes without `lora`"),
    ],
)
def test_two_documents_that_do_not_go_together_are_refused(below: str, above: str, where: str, words: str) -> None:
    with pytest.raises(UnusableContent) as refused:
        compose_lora_stack(genre(below), world(above), "scene")
    [problem] = refused.value.problems
    assert str(problem).startswith(f"{where}: ")
    assert words in problem.message


def test_styles_made_without_a_document_are_refused_by_their_kind() -> None:
    with pytest.raises(UnusableContent, match=r"^<WorldStyle>: loras"):
        compose_lora_stack(GenreStyle(), WorldStyle(loras=WorldLoras(exclude=("x",))), "scene")
