"""What a genre and a world come to, with the line that says it."""

from kilnmark.client.packs.inherited import PackShown, Whence, shown_pack
from tests.protocol.content.made import Shelf

GENRE = """\
positive_suffix: ink on paper
base_seed: 12
preferred_model: dev
loras:
  - {name: wash, file: loras/wash.safetensors, scale: 0.5, applies_to: [portrait, scene], trigger: inkwash}
  - {name: line, file: loras/line.safetensors, scale: 0.7, scales: {double: 0.2}, applies_to: [portrait]}
"""
WORLD = """\
positive_suffix: moss
base_seed:
loras:
  exclude: [line]
  add:
    - {name: moss, file: moss.safetensors, scale: 1, applies_to: [scene]}
"""
TIERS = "scene: {steps: 20}\nbanner: {width: 1536, height: 512}\nbad: {width: 3}\n"


def shown(world: str | None, **changed: str) -> PackShown:
    texts = {
        "ink/visual_style.yaml": GENRE,
        "ink/tiers.yaml": TIERS,
        "ink/worlds/mire/visual_style.yaml": WORLD,
        **{path.replace("__", "/") + ".yaml": text for path, text in changed.items()},
    }
    return shown_pack(Shelf(texts), "ink", world)


def at(shown: PackShown, name: str) -> tuple[object, str, str]:
    [field] = [field for field in shown.fields if field.name == name]
    return field.value, str(field.whence), str(field.instead_of or "")


def test_each_field_is_told_with_who_says_it_and_who_is_not_heard() -> None:
    mire = shown("mire")
    assert at(mire, "positive_suffix") == ("moss", "ink/worlds/mire/visual_style.yaml:1", "ink/visual_style.yaml:1")
    assert at(mire, "base_seed") == (None, "ink/worlds/mire/visual_style.yaml:2", "ink/visual_style.yaml:2")
    assert at(mire, "preferred_model") == ("dev", "ink/visual_style.yaml:3", "")
    assert at(mire, "negative_prompt") == (None, "-", "")
    assert at(shown(None), "positive_suffix") == ("ink on paper", "ink/visual_style.yaml:1", "")


def test_each_adapter_is_told_with_its_tiers_or_who_leaves_it_out() -> None:
    told = {each.name: (each.tiers, str(each.whence), str(each.excluded or "")) for each in shown("mire").adapters}
    world = "ink/worlds/mire/visual_style.yaml"
    assert told == {
        "wash": (["scene", "portrait"], "ink/visual_style.yaml:5", ""),
        "line": ([], "ink/visual_style.yaml:6", f"{world}:4"),
        "moss": (["scene"], f"{world}:6", ""),
    }
    assert [each.tiers for each in shown(None).adapters] == [["scene", "portrait"], ["portrait"]]
    assert [each.scale for each in shown(None).adapters] == ["0.5", "0.7, double 0.2"]


def test_each_tier_is_told_with_its_stack_and_where_its_numbers_are_from() -> None:
    told = {tier.name: tier for tier in shown("mire").tiers}
    assert (told["scene"].steps, told["scene"].adapters) == (20, ["wash", "moss"])
    assert (str(told["scene"].whence), str(told["portrait"].whence)) == ("ink/tiers.yaml:1", "every genre")
    assert (told["banner"].size, str(told["banner"].whence)) == ("1536x512", "ink/tiers.yaml:2")
    assert (told["bad"].size, told["bad"].adapters) == ("", [])
    assert told["bad"].problem.startswith("ink/tiers.yaml:3: bad.width: ")


def test_what_is_broken_is_told_in_its_place_and_among_the_problems() -> None:
    found = shown(None, ink__visual_style="positive_suffix: [a]\nvisual_tag_overrides: {gate: 3}\nloras: []\n")
    suffix, tags = (
        next(field for field in found.fields if field.name == name)
        for name in ("positive_suffix", "visual_tag_overrides")
    )
    assert (suffix.value, "must be text" in suffix.problem) == (None, True)
    assert tags.value["gate"].startswith("(cannot be used: ")
    assert len(found.problems) == 4
    assert {tier.problem != "" for tier in found.tiers} == {True}


def test_a_place_is_short_where_there_is_no_room() -> None:
    assert Whence(file="ink/worlds/mire/visual_style.yaml", line=4, level="world").short == "world visual_style.yaml:4"
    assert Whence(level="every genre").short == "every genre"
