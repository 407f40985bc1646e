"""Packs: which documents speak for a genre, a world and a tier."""

from collections.abc import Collection
from typing import Any

import pytest

from kilnmark.protocol.content.composed import Pack
from kilnmark.protocol.content.packs import UnknownName, load_pack, pack_names
from kilnmark.protocol.content.places import PicturePlace
from kilnmark.protocol.content.problems import UnusableContent
from kilnmark.protocol.content.tiers import load_tiers
from kilnmark.protocol.picture.catalog import VARIANTS
from tests.protocol.content.made import Shelf

GENRE, WORLD, TIERS = "ink/visual_style.yaml", "ink/worlds/mire/visual_style.yaml", "ink/tiers.yaml"

STYLE = """\
positive_suffix: ink on paper
negative_prompt: photo
base_seed: 7
visual_tag_overrides: {old_town: wet cobbles, Ferry: {positive_suffix: tarred rope, style_note: no bridge}}
loras:
  - {name: wash, file: loras/wash.safetensors, scale: 0.8, applies_to: [portrait, scene], trigger: inkwash}
  - {name: line, file: loras/line.safetensors, scale: 0.5, applies_to: [scene], trigger: fineline}
"""

CHANGES = """\
positive_suffix: ink and moss
loras:
  exclude: [line]
  add:
    - {name: moss, file: moss.safetensors, scale: 1, applies_to: [scene, portrait], trigger: mossy}
"""

WHOLE = {GENRE: STYLE, WORLD: CHANGES, "ink/worlds/bare/history.yaml": "chapters: []"}


def problems(texts: dict[str, str], world: str | None = None) -> list[str]:
    """Of documents that cannot be used at all."""
    with pytest.raises(UnusableContent) as refused:
        load_pack(Shelf(texts), "ink", world)
    return [str(problem) for problem in refused.value.problems]


def refusal(pack: Pack, tier: str, place: str | None = None, given: Collection[str] = ()) -> list[str]:
    """What a picture is refused for; of one that is not, nothing."""
    try:
        pack.compose(tier, PicturePlace.called(place), given)
    except UnusableContent as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize(("genre", "world"), [("raw\udcff", None), ("ink", "raw\udcff")])
def test_a_folder_that_no_request_can_name_is_refused_with_its_mend(genre: str, world: str | None) -> None:
    files = Shelf({"raw\udcff/visual_style.yaml": STYLE, **WHOLE, "ink/worlds/raw\udcff/history.yaml": "chapters: []"})
    with pytest.raises(UnusableContent, match="not UTF-8; rename the folder"):
        load_pack(files, genre, world)


def test_a_world_changes_its_genre() -> None:
    style = load_pack(Shelf(WHOLE), "ink", "mire").compose("scene")
    assert (style.stack.names, style.stack.excluded, style.stack.triggers) == (
        ("wash", "moss"),
        ("line",),
        ("inkwash", "mossy"),
    )
    assert (style.fields.positive_suffix, style.fields.negative_prompt, style.fields.base_seed) == (
        "ink and moss",
        "photo",
        7,
    )
    assert style.prompt("a ferry, at night") == "inkwash, mossy, a ferry, at night, ink and moss"


@pytest.mark.parametrize(
    ("place", "tag", "prompt"),
    [
        (PicturePlace(region="Old-Town", name="The Ferry"), "old_town", "inkwash, a ferry, wet cobbles, ink on paper"),
        (PicturePlace(region="Shore", name="The ferry"), "Ferry", "inkwash, a ferry, tarred rope, ink on paper"),
        (PicturePlace.called("OLD TOWN"), "old_town", "inkwash, a ferry, wet cobbles, ink on paper"),
        (PicturePlace(region="Shore", name="Gate"), None, "inkwash, a ferry, ink on paper"),
        (PicturePlace(), None, "inkwash, a ferry, ink on paper"),
    ],
)
def test_a_place_adds_its_words_behind_the_prompt_and_before_the_suffix(
    place: PicturePlace, tag: str | None, prompt: str
) -> None:
    style = load_pack(Shelf(WHOLE), "ink").compose("portrait", place)
    assert (style.tag, style.prompt("a ferry")) == (tag, prompt)
    assert load_pack(Shelf(WHOLE), "ink").compose("portrait").at(place) == style


def test_a_world_directs_all_of_its_places_or_none() -> None:
    texts = WHOLE | {WORLD: "visual_tag_overrides: {mire: reeds}"}
    pack = load_pack(Shelf(texts), "ink", "mire")
    tags = [pack.compose("scene", PicturePlace.called(place)).tag for place in ("Old Town", "The Mire")]
    assert tags == [None, "mire"]


@pytest.mark.parametrize("world", [None, "bare"])
def test_a_world_without_a_style_is_as_its_genre(world: str | None) -> None:
    style = load_pack(Shelf(WHOLE), "ink", world).compose("portrait")
    assert (style.stack.names, style.pack.world) == (("wash",), world)


def test_a_file_is_looked_for_beside_the_document_that_names_it() -> None:
    style = load_pack(Shelf(WHOLE), "ink", "mire").compose("portrait")
    folders = [(adapter.entry.file, style.folder_of(adapter)) for adapter in style.stack.adapters]
    assert folders == [("loras/wash.safetensors", "ink"), ("moss.safetensors", "ink/worlds/mire")]


def test_a_problem_with_a_file_stands_where_the_file_is_named() -> None:
    style = load_pack(Shelf(WHOLE), "ink", "mire").compose("portrait")
    found = [str(style.file_problem(adapter, "is gone; find it")) for adapter in style.stack.adapters]
    assert found == [f"{GENRE}:6: loras[0].file: is gone; find it", f"{WORLD}:5: loras.add[0].file: is gone; find it"]


def test_the_flat_pairs_file_is_named_by_its_own_line() -> None:
    texts = {GENRE: "lora: a.safetensors\nlora_scale: 1", WORLD: "a: 1\nlora: b.safetensors"}
    style = load_pack(Shelf(texts), "ink", "mire").compose("portrait")
    [adapter] = style.stack.adapters
    assert style.folder_of(adapter) == "ink/worlds/mire"
    assert str(style.file_problem(adapter, "is gone")) == f"{WORLD}:2: lora: is gone"


def test_a_genres_tiers_are_over_those_of_every_genre() -> None:
    pack = load_pack(Shelf(WHOLE | {TIERS: "portrait: {steps: 30}"}), "ink", "mire")
    assert (pack.compose("portrait").tier.steps, pack.compose("scene").tier) == (30, load_tiers()["scene"])


@pytest.mark.parametrize(
    ("model", "tier", "variant"),
    [
        (None, "scene", "dev"),
        ("flux", "text_overlay", "schnell"),
        ("schnell", "scene", "schnell"),
        ("flux-schnell", "scene", "schnell"),
        ("flux-krea-dev", "scene", "krea-dev"),
    ],
)
def test_the_preferred_model_is_a_variant_and_flux_the_tiers(model: str | None, tier: str, variant: str) -> None:
    texts = {GENRE: f"preferred_model: {model or ''}\n"}
    assert load_pack(Shelf(texts), "ink").compose(tier).variant == variant


def test_a_base_of_the_daemons_own_can_be_preferred() -> None:
    texts = {GENRE: "preferred_model: house\n"}
    assert load_pack(Shelf(texts), "ink", variants=["standin", "house"]).compose("scene").variant == "house"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "a: 1\npreferred_model: sdxl\n",
            f"{GENRE}:2: preferred_model: 'sdxl' is no variant; use one of flux, {', '.join(VARIANTS)}",
        ),
        (
            "loras:\n  - {name: a, file: a, scale: 1, applies_to: [scene, portait]}\n",
            f"{GENRE}:2: loras[0].applies_to[1]: 'portait' is no tier; write 'portrait', or add it to ink/tiers.yaml",
        ),
    ],
)
def test_a_name_that_does_not_exist_is_refused_by_its_line(text: str, problem: str) -> None:
    pack = load_pack(Shelf({GENRE: text}), "ink")
    assert [str(each) for each in pack.problems] == [problem]
    assert refusal(pack, "portrait") == [problem]


def test_a_tier_that_is_like_no_other_is_warned_about() -> None:
    text = "loras:\n  - {name: a, file: a, scale: 1, applies_to: [scene, inventory]}\n"
    [warning] = load_pack(Shelf({GENRE: text}), "ink").warnings
    assert warning.startswith(f"{GENRE}:2: loras[0].applies_to[1]: 'inventory' is no tier of this genre; add it to")
    assert load_pack(Shelf({GENRE: text, TIERS: "inventory: {width: 64, height: 64}"}), "ink").warnings == ()


@pytest.mark.parametrize("tier", ["wide-banner", "Wide_Banner"])
def test_a_tier_that_there_is_may_be_spelt_in_any_way(tier: str) -> None:
    texts = {
        GENRE: f"loras:\n  - {{name: a, file: a, scale: 1, applies_to: [{tier}]}}\n",
        TIERS: f"{tier}: {{width: 64, height: 64}}",
    }
    pack = load_pack(Shelf(texts), "ink")
    assert (pack.problems, pack.warnings, pack.compose(tier).stack.names) == ((), (), ("a",))


def test_every_document_of_a_pack_tells_its_problems_at_once() -> None:
    found = problems({GENRE: "base_seed: x", WORLD: "[", TIERS: "scene: {steps: 0}"}, "mire")
    assert [problem.split(": ")[0] for problem in found] == [f"{GENRE}:1", f"{WORLD}:1", f"{TIERS}:1"]


ENTRY = "{name: ok, file: o.safetensors, scale: 1, applies_to: [scene]}"
BAD = f"""\
loras:
  - {ENTRY}
  - {{name: bad, file: b.safetensors, applies_to: [portrait]}}
"""


@pytest.mark.parametrize(
    ("text", "needs", "does_without"),
    [
        ("positive_suffix: [x]", [("scene",), ("portrait", "Gate")], []),
        ("negative_prompt: 3", [("scene",)], [("scene", None, ["negative_prompt"])]),
        ("base_seed: x", [("scene", None, ["negative_prompt"])], [("scene", None, ["base_seed"])]),
        ("preferred_model: 4", [("scene",)], [("scene", None, ["preferred_model"])]),
        ("preferred_model: sdxl", [("scene",)], [("scene", None, ["preferred_model"])]),
        ("visual_tag_overrides: [x]", [("scene", "Gate")], [("scene",)]),
        ("visual_tag_overrides: {gate: [x], mill: wet}", [("scene", "North Gate")], [("scene",), ("scene", "Mill")]),
        ("visual_tag_overrides: {gate: [x], north gate: y}", [("scene", "Gate")], [("scene", "North Gate")]),
        ("visual_tag_overrides: {a b: x, a-b: y, c: z}", [("scene", "A B")], [("scene", "C"), ("scene", "D")]),
        ("visual_tag_overrides: {'-': x, c: z}", [], [("scene",), ("scene", "C"), ("scene", "-")]),
        ("visual_tag_override: {c: z}", [("scene", "C")], [("scene",)]),
        ("loras: {}", [("scene",), ("portrait",)], []),
        (BAD, [("portrait",)], [("scene",), ("cartography",)]),
        (BAD.replace("applies_to: [portrait]", "aply: [portrait]"), [("portrait",), ("scene",)], []),
        (BAD.replace("[portrait]", "[]"), [("portrait",), ("scene",)], []),
        (BAD.replace("[portrait]", "[portrait, 7]"), [("portrait",), ("scene",)], []),
        (BAD.replace("[portrait]", "[portait]"), [("portrait",)], [("scene",)]),
        (BAD.replace("[portrait]", "[portrait], scle: 1"), [("portrait",)], [("scene",)]),
        (BAD.replace("name: bad,", ""), [("portrait",)], [("scene",)]),
        (f"loras: [{ENTRY.replace('[scene]', '[scene, portait]')}]", [("portrait",)], [("scene",)]),
        (f"loras: [{ENTRY}, {ENTRY}]", [("scene",), ("portrait",)], []),
        ("lora: a.safetensors\nlora_scale: much", [("scene",), ("portrait",)], []),
        ("lora: a.safetensors", [("scene",), ("portrait",)], []),
    ],
)
def test_what_cannot_be_used_costs_the_pictures_that_need_it(
    text: str, needs: list[tuple[Any, ...]], does_without: list[tuple[Any, ...]]
) -> None:
    pack = load_pack(Shelf({GENRE: text}), "ink")
    told = [str(problem) for problem in pack.problems]
    assert told
    assert all(problem.startswith(f"{GENRE}:") for problem in told)
    assert all(set(refusal(pack, *asked)) <= set(told) and refusal(pack, *asked) for asked in needs)
    assert [refusal(pack, *asked) for asked in does_without] == [[] for _ in does_without]


@pytest.mark.parametrize(
    ("text", "needs", "does_without"),
    [
        ("loras: {exclude: wash}", ["scene", "portrait"], ["cartography"]),
        ("loras: {exclude: [wash, wash]}", ["scene"], ["cartography"]),
        ("loras: {exclude: [ghost]}", ["scene", "portrait", "cartography"], []),
        (f"loras: {{add: [{ENTRY}, {ENTRY.replace('ok', 'b').replace('scale: 1, ', '')}]}}", ["scene"], ["portrait"]),
        (f"loras: {{add: [{ENTRY.replace('ok', 'wash')}]}}", ["scene", "portrait"], []),
        ("loras: {remove: [wash]}", ["scene", "cartography"], []),
        ("loras: [x]", ["scene", "cartography"], []),
    ],
)
def test_what_a_world_breaks_costs_its_own_pictures_only(text: str, needs: list[str], does_without: list[str]) -> None:
    shelf = Shelf({GENRE: STYLE, WORLD: text})
    world, genre = load_pack(shelf, "ink", "mire"), load_pack(shelf, "ink")
    assert world.problems
    assert genre.problems == ()
    assert all(refusal(world, tier) for tier in needs)
    assert not any(refusal(world, tier) for tier in does_without)


@pytest.mark.parametrize(
    ("genre", "world"),
    [
        ("base_seed: x\npositive_suffix: y", "base_seed: 3"),
        ("negative_prompt: [x]", "negative_prompt:"),
        ("visual_tag_overrides: {gate: 3}", "visual_tag_overrides: {mill: wet}"),
        (BAD, "loras: {exclude: [bad]}"),
        (BAD.replace("applies_to: [portrait]", "scale: 1, applies_to: [potrait]"), "loras: {exclude: [bad]}"),
    ],
)
def test_a_world_that_does_without_the_genres_broken_part_is_painted(genre: str, world: str) -> None:
    shelf = Shelf({GENRE: genre, WORLD: world})
    pack = load_pack(shelf, "ink", "mire")
    assert refusal(load_pack(shelf, "ink"), "portrait", "Gate")
    assert refusal(pack, "portrait", "Gate") == []
    assert [problem.file for problem in pack.problems] == [GENRE]


def test_a_wrong_tier_costs_its_own_pictures() -> None:
    pack = load_pack(Shelf({GENRE: STYLE, TIERS: "scene: {steps: 0}\nportrait: {steps: 9}"}), "ink")
    assert [problem.split(" is ")[0] for problem in refusal(pack, "scene")] == [f"{TIERS}:1: scene.steps:"]
    assert pack.compose("portrait").tier.steps == 9


def test_one_refusal_tells_all_that_the_picture_needs_and_nothing_else() -> None:
    texts = {
        GENRE: "base_seed: x\nvisual_tag_overrides: {gate: 3, mill: 4}\n" + BAD,
        TIERS: "portrait: {steps: 0}\nscene: {steps: 0}",
    }
    pack = load_pack(Shelf(texts), "ink")
    found = [problem.split(": ")[0] + " " + problem.split(": ")[1] for problem in refusal(pack, "portrait", "Gate")]
    assert sorted(found) == [
        f"{TIERS}:1 portrait.steps",
        f"{GENRE}:1 base_seed",
        f"{GENRE}:2 visual_tag_overrides.gate",
        f"{GENRE}:5 loras[1].scale",
    ]
    assert len(pack.problems) == 6


def test_another_place_of_a_composed_style_is_asked_for_by_itself() -> None:
    style = load_pack(Shelf({GENRE: "visual_tag_overrides: {gate: 3, mill: wet}"}), "ink").compose("scene")
    assert style.at(PicturePlace.called("Old Mill")).prompt("a mill") == "a mill, wet"
    with pytest.raises(UnusableContent, match=r"visual_tag_overrides.gate: must be text"):
        style.at(PicturePlace.called("Gate"))


def test_a_genre_without_a_style_is_refused() -> None:
    [problem] = problems({"ink/history.yaml": "a: 1"})
    assert problem == f"{GENRE}: is not there; write one, if only `loras: []`"


def test_a_style_under_a_name_that_is_not_read_is_refused() -> None:
    assert problems({GENRE: STYLE, "ink/worlds/mire/visual_style.yml": ""}, "mire") == [
        "ink/worlds/mire/visual_style.yml: is not read; rename it to visual_style.yaml"
    ]


@pytest.mark.parametrize(
    ("genre", "world", "kind", "words"),
    [
        ("inks", None, "genre", "'inks' is no genre here; did you mean 'ink'?"),
        ("../ink", None, "genre", "is no genre here"),
        ("", None, "genre", "is no genre here"),
        ("ink", "mires", "world", "'mires' is no world here; did you mean 'mire'?"),
        ("ink", "..", "world", "is no world here; there is bare, mire"),
        ("ink", "mire/", "world", "is no world here"),
    ],
)
def test_an_unknown_name_is_refused_with_those_that_there_are(
    genre: str, world: str | None, kind: str, words: str
) -> None:
    with pytest.raises(UnknownName) as refused:
        load_pack(Shelf(WHOLE), genre, world)
    assert refused.value.kind == kind
    assert words in str(refused.value)


def test_an_unknown_tier_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UnknownName, match="'portrat' is no tier here; did you mean 'portrait'") as refused:
        load_pack(Shelf(WHOLE), "ink").compose("portrat")
    assert refused.value.kind == "tier"


def test_genres_and_worlds_are_listed_and_other_folders_are_not() -> None:
    texts = WHOLE | {"loras/a.safetensors": "", "oil/worlds/sea/history.yaml": "", "lead/visual_style.yml": ""}
    assert pack_names(Shelf(texts)) == [
        ("ink", None),
        ("ink", "bare"),
        ("ink", "mire"),
        ("lead", None),
        ("oil", None),
        ("oil", "sea"),
    ]
