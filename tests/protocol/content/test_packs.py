"""Packs: which documents speak for a genre, a world and a tier."""

import pytest

from kilnmark.protocol.content.packs import UnknownName, load_pack, pack_names
from kilnmark.protocol.content.places import PicturePlace
from kilnmark.protocol.content.problems import UnusableContent
from kilnmark.protocol.content.tiers import load_tiers
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
    with pytest.raises(UnusableContent) as refused:
        load_pack(Shelf(texts), "ink", world)
    return [str(problem) for problem in refused.value.problems]


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
            f"{GENRE}:2: preferred_model: 'sdxl' is no variant; use one of flux, standin, dev, krea-dev, schnell",
        ),
        (
            "loras:\n  - {name: a, file: a, scale: 1, applies_to: [scene, portait]}\n",
            f"{GENRE}:2: loras[0].applies_to[1]: 'portait' is no tier; write 'portrait', or add it to ink/tiers.yaml",
        ),
    ],
)
def test_a_name_that_does_not_exist_is_refused_by_its_line(text: str, problem: str) -> None:
    assert problems({GENRE: text}) == [problem]


def test_a_tier_that_is_like_no_other_is_warned_about() -> None:
    text = "loras:\n  - {name: a, file: a, scale: 1, applies_to: [scene, inventory]}\n"
    [warning] = load_pack(Shelf({GENRE: text}), "ink").warnings
    assert warning.startswith(f"{GENRE}:2: loras[0].applies_to[1]: 'inventory' is no tier of this genre; add it to")
    assert load_pack(Shelf({GENRE: text, TIERS: "inventory: {width: 64, height: 64}"}), "ink").warnings == ()


def test_every_document_of_a_pack_tells_its_problems_at_once() -> None:
    found = problems({GENRE: "base_seed: x", WORLD: "[", TIERS: "scene: {steps: 0}"}, "mire")
    assert [problem.split(": ")[0] for problem in found] == [f"{GENRE}:1", f"{WORLD}:1", f"{TIERS}:1"]


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
