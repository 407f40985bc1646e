"""What an entry chooses for its own picture: seeds, a tier, adapters, a place, words not to paint."""

from pathlib import Path
from typing import Any

import pytest

from kilnmark.client.batch.picks.document import picks_of
from kilnmark.client.batch.plan.adapters import Hashes
from kilnmark.client.batch.plan.plan import Item, Plan, Wishes, make_plan
from kilnmark.client.batch.plan.seeds import seed_of
from kilnmark.client.batch.plan.subjects import Kind
from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.client.batch.run.pinned import pin_items
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.content.entries import ENTRY_MODELS, SEEDS_LIMIT
from tests.client.batch.packs import SmallPacks, make_packs
from tests.manifests import manifest

HISTORY = "ash/worlds/mire/history.yaml"


@pytest.fixture
def packs(tmp_path: Path) -> SmallPacks:
    packs = make_packs(tmp_path / "packs", base_seed=7)
    packs.write(
        "tiers.yaml",
        "landscape: {width: 64, height: 64, steps: 1, variant: standin}\n"
        "wide: {width: 96, height: 64, steps: 1, variant: standin}\n",
    )
    make_adapter(packs.root / "ash/worlds/mire/bel.safetensors", rank=1, blocks=1, seed=3)
    return packs


def planned(packs: SmallPacks, entry: str, **wishes: Any) -> Plan:
    packs.write("worlds/mire/history.yaml", f"chapters:\n- points_of_interest:\n  - {{name: A, {entry}}}\n")
    wished = Wishes(kind="poi", packs=packs.root, world="mire", **wishes)
    return make_plan(wished, TokenCounter(env={"HF_HOME": "/nowhere"}))


def items(packs: SmallPacks, entry: str, **wishes: Any) -> list[Item]:
    plan = planned(packs, f"description: x, {entry}", **wishes)
    assert plan.problems == []
    return plan.items


@pytest.mark.parametrize(
    ("pick", "told"),
    [("", True), ("tier: wide, ", False), ("pinned: {by: Ada, at: 2026-01-31T12:00:00Z}, ", False)],
)
def test_seeds_pinned_by_hand_for_another_tier_than_it_names_are_told(
    packs: SmallPacks, pick: str, *, told: bool
) -> None:
    text = f"picks:\n- {{genre: ash, world: mire, kind: poi, name: A, {pick}seed: 12}}\n"
    plan = planned(packs, "description: x, tier: wide", picks=picks_of(text.encode(), "picks.yaml"))
    messages = [each.message for each in plan.warnings]
    said = "is not 'landscape', for which picks.yaml pins seeds of it; write `tier: wide` there, too"
    assert messages == ([said] if told else [])


def test_its_seed_takes_the_place_of_that_of_its_name(packs: SmallPacks) -> None:
    (item,) = items(packs, "seed: 12", takes=3)
    assert (item.spec.seed, item.output) == (12, "ash/mire/poi/a.png")


def test_a_list_of_seeds_is_a_picture_with_each(packs: SmallPacks) -> None:
    found = items(packs, "seed: [12, 0]")
    assert [(each.take, each.spec.seed, each.output) for each in found] == [
        (1, 12, "ash/mire/poi/a.png"),
        (2, 0, "ash/mire/poi/a.s2.png"),
    ]


@pytest.mark.parametrize(
    ("entry", "at", "words"),
    [
        ("seed: -1", "seed", "must be a whole number from 0 to 9007199254740991, but is -1"),
        ("seed: true", "seed", "but is true"),
        ("seed: 9007199254740992", "seed", "but is 9007199254740992"),
        ("seed: [3, 3]", "seed[1]", "3 stands twice"),
        ("seed: [3, x]", "seed[1]", 'but is "x"'),
        ("seed: []", "seed", f"names 0 seeds; name one to {SEEDS_LIMIT}"),
        ("tier: wied", "tier", "'wied' is no tier here; did you mean 'wide'?"),
        ("loras: [{file: bel.safetensors}]", "loras[0].scale", "is missing; add `scale: ...`"),
        ("loras: [{file: bel.safetensors, scale: 1, scael: 2}]", "loras[0].scael", "write `scale`"),
        ("loras: [{file: bel.safetensors, scale: 1, applies_to: [wide]}]", "loras[0].applies_to", "is no field here"),
        ("loras: [{file: gone.safetensors, scale: 1}]", "loras[0].file", "no such file"),
        ("loras: [{file: ../../../x.safetensors, scale: 1}]", "loras[0].file", "x.safetensors"),
        ("loras: [{name: ink, file: bel.safetensors, scale: 1}]", "loras[0].name", "already, in the style's stack"),
        (
            "loras: [{file: bel.safetensors, scale: 1}, {file: bel.safetensors, scale: 1}]",
            "loras[1].file",
            "this entry",
        ),
        ("loras: [{file: bel.safetensors, scale: 1, scales: {txt: 1}}]", "loras[0].scales", "has no blocks 'txt'"),
        ("loras: {file: bel.safetensors}", "loras", "must be a list"),
        ("negative_prompt: [fog]", "negative_prompt", "must be text"),
        ("place: {a: b}", "place", "must be text"),
    ],
)
def test_what_it_cannot_have_is_told_at_its_line_and_costs_it_alone(
    packs: SmallPacks, entry: str, at: str, words: str
) -> None:
    plan = planned(packs, f"description: x, {entry}}}\n  - {{name: B, description: y")
    assert [item.subject.name for item in plan.items] == ["B"]
    (problem,) = plan.problems
    assert (problem.file, problem.line) == (HISTORY, 3)
    assert problem.entry == f"chapters[0].points_of_interest[0].{at}"
    assert words in problem.message


def test_its_tier_has_its_own_numbers_seed_and_file(packs: SmallPacks) -> None:
    (item,) = items(packs, "tier: wide")
    assert (item.tier, item.spec.width, item.spec.height, item.output) == ("wide", 96, 64, "ash/mire/poi/a@wide.png")
    assert item.spec.seed == seed_of("ash", "mire", "A", "wide", base_seed=7)
    assert item.adapters == ()


def test_the_batchs_own_word_for_a_tier_is_for_all(packs: SmallPacks) -> None:
    assert [item.tier for item in items(packs, "tier: wide", tier="landscape")] == ["landscape"]


def test_its_adapters_go_behind_those_of_its_style(packs: SmallPacks) -> None:
    (item,) = items(packs, "loras: [{file: bel.safetensors, scale: 0.5, scales: {double: 0.2}, trigger: belface}]")
    assert [(each.name, each.scale, each.scales) for each in item.adapters] == [
        ("ink", 0.8, ()),
        ("bel", 0.5, (("double", 0.2),)),
    ]
    assert item.spec.prompt == "inkwash, belface, A: x, on rough paper"
    (pinned,) = pin_items([item], ("standin",), "standin", Hashes().of, compare_base=False)
    assert [each.sha256 for each in pinned.spec.adapters] == [Hashes().of(each.path) for each in item.adapters]


def test_an_adapter_knows_where_it_is_named(packs: SmallPacks) -> None:
    (item,) = items(packs, "loras: [{file: bel.safetensors, scale: 0.5}]")
    told = [str(each.file_problem("x")) for each in item.adapters if each.file_problem]
    assert told == ["ash/visual_style.yaml:4: loras[0].file: x", f"{HISTORY}:3: {FILE_OF_THE_FIRST}: x"]


FILE_OF_THE_FIRST = "chapters[0].points_of_interest[0].loras[0].file"


def test_of_its_adapters_only_promoted_ones_are_painted_with_where_they_must_be(packs: SmallPacks) -> None:
    style = packs.root / "ash/visual_style.yaml"
    style.write_text("require_promoted: true\n" + style.read_text())
    (packs.root / "ash/loras.yaml").write_text(manifest(Hashes().of(str(packs.ink))))
    entry = "description: x, loras: [{file: bel.safetensors, scale: 1}]"
    plan = planned(packs, entry)
    assert plan.items == []
    assert [(each.entry, each.file) for each in plan.problems] == [(FILE_OF_THE_FIRST, HISTORY)]
    assert "is not promoted" in plan.problems[0].message
    (packs.root / "ash/loras.yaml").write_text(
        manifest(*map(Hashes().of, (str(packs.ink), str(packs.root / "ash/worlds/mire/bel.safetensors"))))
    )
    (item,) = planned(packs, entry).items
    assert [each.pinned == Hashes().of(each.path) for each in item.adapters] == [True, True]


def test_its_place_directs_it_whatever_its_name_and_region(packs: SmallPacks) -> None:
    packs.write("worlds/mire/visual_style.yaml", "visual_tag_overrides: {high_fen: reeds, kiln: brick}\n")
    (item,) = items(packs, "region: High Fen, place: the old kiln")
    assert (item.style.tag, item.spec.prompt) == ("kiln", "inkwash, A: x, brick, on rough paper")


def test_a_place_that_its_style_has_no_words_for_is_told(packs: SmallPacks) -> None:
    packs.write("worlds/mire/visual_style.yaml", "visual_tag_overrides: {high_fen: reeds}\n")
    plan = planned(packs, "description: x, place: high_fenn")
    assert [(each.line, each.message) for each in plan.warnings] == [
        (3, "the style has no words for 'high_fenn'; is 'high_fen' meant?")
    ]
    assert len(plan.items) == 1


def test_what_it_does_not_want_to_see_goes_before_the_styles(packs: SmallPacks) -> None:
    style = packs.root / "ash/visual_style.yaml"
    style.write_text("negative_prompt: crowds\n" + style.read_text())
    (item,) = items(packs, "negative_prompt: fog")
    assert item.spec.negative_prompt == "fog"
    (item,) = items(packs, "seed: 3")
    assert item.spec.negative_prompt == "crowds"


def test_words_that_no_base_takes_are_told_where_they_stand_and_once(packs: SmallPacks) -> None:
    style = packs.root / "ash/visual_style.yaml"
    style.write_text("negative_prompt: crowds\n" + style.read_text())
    own = "negative_prompt: fog, description: x"
    plan = planned(packs, f"{own}}}\n  - {{name: B, description: y}}\n  - {{name: C, description: y")
    assert [(each.file, each.line) for each in plan.warnings] == [(HISTORY, 3), ("ash/visual_style.yaml", 1)]
    assert all("has no negative prompt" in each.message for each in plan.warnings)


@pytest.mark.parametrize(
    ("field", "meant"),
    [("seeds", "seed"), ("lora", "loras"), ("adapters", "loras"), ("negative", "negative_prompt"), ("teir", "tier")],
)
def test_a_field_that_is_nearly_one_is_told(packs: SmallPacks, field: str, meant: str) -> None:
    plan = planned(packs, f"description: x, {field}: 1")
    assert [(each.line, each.message) for each in plan.warnings] == [(3, f"is no field; is `{meant}` meant?")]


def test_a_prompt_of_a_portrait_which_has_none_is_told(packs: SmallPacks) -> None:
    packs.write(
        "portrait_manifest.yaml",
        "characters:\n- {name: A, role: r, visual_prompt: p}\n- {name: B, role: r, prompt: p}\n",
    )
    plan = make_plan(Wishes(kind="portrait", packs=packs.root), TokenCounter(env={"HF_HOME": "/nowhere"}))
    assert [(each.line, each.message) for each in plan.warnings] == [
        (2, "is no field; is `appearance` meant?"),
        (3, "is no field; is `appearance` meant?"),
    ]


@pytest.mark.parametrize("field", ["lore", "summary", "faction", "notes", "text", "id", "level", "image_url", "status"])
def test_a_field_of_another_program_is_left_alone(packs: SmallPacks, field: str) -> None:
    plan = planned(packs, f"description: x, {field}: 1")
    assert (plan.warnings, plan.problems, len(plan.items)) == ([], [], 1)


def test_empty_fields_are_fields_that_are_not_there(packs: SmallPacks) -> None:
    empty = ", ".join(f"{name}: " for name in ENTRY_MODELS["poi"].model_fields if name not in ("name", "description"))
    (item,) = items(packs, empty)
    assert item.spec.seed == seed_of("ash", "mire", "A", "landscape", base_seed=7)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("portrait", "characters:\n- {name: A, role: r, seed: 5, place: High Fen}\n"),
        ("creature", "creatures:\n- {name: A, appearance: r, seed: 5, place: High Fen}\n"),
    ],
)
def test_people_and_creatures_choose_alike(packs: SmallPacks, kind: Kind, text: str) -> None:
    packs.write("visual_style.yaml", "visual_tag_overrides: {high_fen: reeds}\n")
    packs.write("portrait_manifest.yaml" if kind == "portrait" else "creatures.yaml", text)
    (item,) = make_plan(Wishes(kind=kind, packs=packs.root), TokenCounter(env={"HF_HOME": "/nowhere"})).items
    assert (item.spec.seed, item.style.tag) == (5, "high_fen")


def test_two_entries_of_one_name_that_choose_otherwise_cannot_be_told_apart(packs: SmallPacks) -> None:
    plan = planned(packs, "description: x, seed: 1}\n  - {name: A, description: x, seed: 2")
    assert [problem.line for problem in plan.problems] == [4]


def test_syntax_of_other_programs_is_told_where_it_is_written_and_of_a_style_once(packs: SmallPacks) -> None:
    style = packs.root / "ash/visual_style.yaml"
    style.write_text(style.read_text().replace("on rough paper", "(rough paper:1.3)"))
    plan = planned(
        packs, "description: x}\n  - {name: B, visual_prompt: 'a fox, <lora:x:1>'}\n  - {name: C, description: y"
    )
    assert [(each.file, each.line, each.message.split(" of ")[0]) for each in plan.warnings] == [
        ("ash/visual_style.yaml", 2, "the prompt has weights"),
        (HISTORY, 4, "the prompt has adapters"),
    ]
    assert len(plan.items) == 3


def test_the_example_of_the_page_is_planned_as_it_says(packs: SmallPacks) -> None:
    _, _, section = Path("docs/batches.md").read_text().partition("## What an entry chooses\n")
    example = section.partition("```yaml\n")[2].partition("```")[0]
    packs.write("visual_style.yaml", "visual_tag_overrides: {high_fen: reeds}\n")
    packs.write("portrait_manifest.yaml", example)
    make_adapter(packs.root / "ash/loras/bel.safetensors", rank=1, blocks=1, seed=4)
    plan = make_plan(Wishes(kind="portrait", packs=packs.root), TokenCounter(env={"HF_HOME": "/nowhere"}))
    assert plan.problems == []
    assert [(each.spec.seed, each.tier, each.style.tag, each.adapters[0].scale) for each in plan.items] == [
        (12, "portrait_square", "high_fen", 0.7),
        (99, "portrait_square", "high_fen", 0.7),
    ]
    assert plan.items[0].spec.prompt.startswith("belface, Portrait of Bel, a ferryman. grey beard")
    assert plan.items[0].spec.negative_prompt == "hats"
