"""Plans: everything decided, without a daemon, whatever the packs are like."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from kilnmark.client.batch.plan.plan import Plan, Wishes, make_plan
from kilnmark.client.batch.plan.seeds import seed_of
from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.client.cli.commands.batch import batch
from kilnmark.keymaps.files.contents import content_hash
from kilnmark.protocol.exits import ExitCode
from tests.client.batch.packs import SmallPacks, make_packs
from tests.manifests import manifest
from tests.packs.tree import PacksTree, make_packs_tree

COUNTER = TokenCounter(env={"HF_HOME": "/nowhere"})

MOSS = "ash/worlds/fen/visual_style.yaml"


@pytest.fixture
def packs(tmp_path: Path) -> SmallPacks:
    return make_packs(tmp_path / "packs", base_seed=7)


def plan(packs: SmallPacks, **wishes: Any) -> Plan:
    return make_plan(Wishes(kind="poi", packs=packs.root, **wishes), COUNTER)


def test_an_item_has_everything_decided(packs: SmallPacks) -> None:
    item = plan(packs, world="mire", limit=1).items[0]
    assert item.spec.prompt == "inkwash, a stair of glass, on rough paper"
    spec = item.spec
    assert (spec.width, spec.height, spec.steps, spec.variant, item.tier) == (64, 64, 1, "standin", "landscape")
    assert spec.seed == seed_of("ash", "mire", "Glass Stair", "landscape", base_seed=7)
    assert [(each.name, each.scale, each.path) for each in item.adapters] == [("ink", 0.8, str(packs.ink))]
    assert item.output == "ash/mire/poi/glass-stair.png"


DIRECTED = """\
visual_tag_overrides:
  high_fen: reeds to the sky
  kiln:
    positive_suffix: warm brick
    style_note: at night
"""


def test_region_and_name_decide_what_a_place_adds(packs: SmallPacks) -> None:
    packs.write("worlds/mire/visual_style.yaml", DIRECTED)
    items = plan(packs, world="mire").items
    assert [(item.style.tag, item.spec.prompt) for item in items] == [
        ("high_fen", "inkwash, a stair of glass, reeds to the sky, on rough paper"),
        ("kiln", "inkwash, Old Kiln: A kiln that never cools. warm brick, on rough paper"),
    ]


@pytest.mark.parametrize(("style", "count"), [(DIRECTED, 0), ("a: 1\n", 1)])
def test_a_region_that_is_no_text_costs_where_places_are_directed(packs: SmallPacks, style: str, count: int) -> None:
    packs.write("worlds/mire/visual_style.yaml", style)
    entry = "{name: A, region: [x], description: y}"
    packs.write("worlds/mire/history.yaml", f"chapters:\n- points_of_interest:\n  - {entry}\n")
    made = plan(packs, world="mire")
    assert (len(made.items), len(made.problems)) == (count, 1 - count)
    assert all(str(problem).startswith("ash/worlds/mire/history.yaml:3: ") for problem in made.problems)


def test_a_bad_tag_costs_the_pictures_of_its_place(packs: SmallPacks) -> None:
    packs.write("worlds/mire/visual_style.yaml", DIRECTED.replace("positive_suffix", "positive_words"))
    made = plan(packs, world="mire", limit=2)
    assert [(item.subject.name, item.style.tag) for item in made.items] == [("Glass Stair", "high_fen")]
    assert [(problem.line, problem.entry) for problem in made.problems] == [
        (3, "visual_tag_overrides.kiln.positive_suffix")
    ]


def test_problems_that_cost_no_picture_are_told_too(packs: SmallPacks) -> None:
    packs.write("worlds/mire/visual_style.yaml", "visual_tag_overrides: {tower: 3}\n")
    made = plan(packs, world="mire")
    assert (len(made.items), len(made.problems)) == (2, 1)
    assert dry_run(packs.root, "--world", "mire").exit_code == ExitCode.FAILED


def test_each_world_has_its_own_stack(packs: SmallPacks) -> None:
    stacks = {item.subject.world: [each.name for each in item.adapters] for item in plan(packs).items}
    assert stacks == {"fen": ["moss"], "mire": ["ink"]}


def test_another_tier_another_seed_and_another_place(packs: SmallPacks) -> None:
    one, other = plan(packs, limit=1).items[0], plan(packs, limit=1, tier="scene").items[0]
    assert (other.tier, other.adapters, other.output) == ("scene", (), "ash/fen/poi/reed-gate@scene.png")
    assert one.spec.seed != other.spec.seed


def test_steps_and_takes_are_as_wished(packs: SmallPacks) -> None:
    items = plan(packs, limit=1, steps=3, takes=2).items
    assert [(item.take, item.spec.steps) for item in items] == [(1, 3), (2, 3)]
    assert len({item.spec.seed for item in items}) == len({item.output for item in items}) == 2


def test_a_missing_adapter_is_named_where_it_is_asked_for(packs: SmallPacks) -> None:
    packs.moss.unlink()
    made = plan(packs)
    assert {item.subject.world for item in made.items} == {"mire"}
    (problem,) = made.problems
    assert (problem.file, problem.line) == ("ash/worlds/fen/visual_style.yaml", 4)
    assert "moss.safetensors: no such file" in problem.message


def test_an_adapter_below_another_root_is_found(packs: SmallPacks, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    moved = packs.moss.rename(tmp_path / "more" / "moss.safetensors")
    (item,) = plan(packs, world="fen", lora_roots=(tmp_path / "more",)).items
    assert item.adapters[0].path == str(moved)


def test_an_over_long_prompt_is_warned_about_and_left_whole(packs: SmallPacks) -> None:
    words = " ".join(["wordy"] * 700)
    packs.write("history.yaml", f"chapters: [{{points_of_interest: [{{name: A, visual_prompt: {words}}}]}}]\n")
    made = plan(packs, limit=1)
    assert words in made.items[0].spec.prompt
    (warning,) = made.warnings
    assert (warning.file, warning.line) == ("ash/history.yaml", 1)
    assert "T5 reads 512" in warning.message


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> PacksTree:
    return make_packs_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def tree_plan(tree: PacksTree) -> Plan:
    return make_plan(Wishes(kind="poi", packs=tree.root), COUNTER)


def test_of_a_tree_of_mixed_quality_every_usable_place_is_planned(tree: PacksTree, tree_plan: Plan) -> None:
    planned = {(each.subject.genre, each.subject.world or "", each.subject.name) for each in tree_plan.items}
    assert planned == {(entry.genre, entry.world, entry.name) for entry in tree.pois}


def test_of_a_tree_of_mixed_quality_every_unusable_entry_is_named(tree: PacksTree, tree_plan: Plan) -> None:
    named = {(problem.file, problem.line) for problem in tree_plan.problems}
    assert named == {(each.file, each.line) for each in tree.problems_of("history.yaml", "visual_style.yaml")}


def test_a_world_of_twelve_directed_places_is_planned_with_their_tags(tree_plan: Plan) -> None:
    tags = {item.subject.place: item.style.tag for item in tree_plan.items if "low tide light over" in item.spec.prompt}
    found = {place.region or (place.name or "").split(" of ")[0]: tag for place, tag in tags.items()}
    assert found == {
        "the shore": "the_shore",
        "the old town": "counting house",
        "The drowned orchard": "orchard",
        "The one good well": None,
    }
    shores = [item for item in tree_plan.items if item.style.tag == "the_shore"]
    ends = [f", wet granite, kelp, grey morning, low tide light over {item.subject.world}" for item in shores]
    assert all(item.spec.prompt.endswith(end) for item, end in zip(shores, ends, strict=True))


@pytest.mark.parametrize(("kind", "file"), [("portrait", "portrait_manifest.yaml"), ("creature", "creatures.yaml")])
def test_people_and_creatures_of_that_tree_are_named_too(tree: PacksTree, kind: Any, file: str) -> None:
    problems = make_plan(Wishes(kind=kind, packs=tree.root), COUNTER).problems
    named = {(each.file, each.line) for each in problems if each.file.endswith(file)}
    assert named == {(each.file, each.line) for each in tree.problems_of(file)}


def dry_run(packs: Path, *more: str) -> Any:
    line = ["poi", "--packs", str(packs), "--dry-run", *more]
    return CliRunner(env={"HF_HOME": "/nowhere", "HF_HUB_CACHE": None}).invoke(batch, line)


def test_a_dry_run_is_the_document_that_is_promised(packs: SmallPacks) -> None:
    result = dry_run(packs.root, "--json", "--out", "pics")
    document = msgspec.json.decode(result.stdout)
    assert set(document) == {"items", "problems", "warnings", "adapters", "totals"}
    assert result.exit_code == ExitCode.DONE
    first = document["items"][0]
    fields = {"genre", "world", "name", "region", "tag", "tier", "prompt", "tokens", "seed", "loras", "output"}
    assert set(first) == fields | {"init_image", "strength", "reference_images", "draft"}
    assert first["output"] == "pics/ash/fen/poi/reed-gate.png"
    assert first["loras"] == [
        {
            "name": "moss",
            "file": "moss.safetensors",
            "path": str(packs.moss),
            "scale": 1,
            "scales": {},
            "promoted": None,
        }
    ]


def test_a_dry_run_shows_regions_and_tags(packs: SmallPacks) -> None:
    packs.write("worlds/mire/visual_style.yaml", DIRECTED)
    items = msgspec.json.decode(dry_run(packs.root, "--json").stdout)["items"]
    assert [(item["region"], item["tag"]) for item in items] == [(None, None), ("High Fen", "high_fen"), (None, "kiln")]
    assert "1 step on standin; tag 'kiln'\n" in dry_run(packs.root).stdout


def test_a_dry_run_names_problems_by_file_and_line_and_writes_nothing(tree: PacksTree, tmp_path: Path) -> None:
    result = dry_run(tree.root, "--json", "--out", str(tmp_path / "out"))
    document = msgspec.json.decode(result.stdout)
    assert result.exit_code == ExitCode.FAILED
    assert all(set(problem) == {"file", "line", "message"} for problem in document["problems"])
    assert all(problem["line"] >= 1 for problem in document["problems"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("scales", "words"),
    [
        ("{double.19: 1}", "this base has no blocks 'double.19'; it has double (double.0-18), single (single.0-37)"),
        ("{double: 1, single.3: 0}", "it has no layer in 'single.3'; it changes double.0-0, single.0-0"),
    ],
)
def test_a_dry_run_foretells_scales_for_blocks_that_are_not_there(packs: SmallPacks, scales: str, words: str) -> None:
    style = "loras: {add: [{name: moss, file: moss.safetensors, scale: 1, applies_to: [landscape], scales: %s}]}\n"
    packs.write("worlds/fen/visual_style.yaml", style % scales)
    result = dry_run(packs.root, "--json")
    document = msgspec.json.decode(result.stdout)
    (problem,) = document["problems"]
    assert (result.exit_code, {item["world"] for item in document["items"]}) == (ExitCode.FAILED, {"mire"})
    assert (problem["file"], problem["line"]) == ("ash/worlds/fen/visual_style.yaml", 1)
    assert problem["message"].startswith(f"loras.add[0].scales: {words}")


def test_scales_for_blocks_that_are_there_are_planned(packs: SmallPacks) -> None:
    style = (
        "loras: {add: [{name: moss, file: moss.safetensors, scale: 1, applies_to: [landscape], scales: {double: 0}}]}\n"
    )
    packs.write("worlds/fen/visual_style.yaml", style)
    made = plan(packs, world="fen")
    assert (made.problems, [each.scale_words for each in made.items[0].adapters]) == ([], ["0.8", "1, double 0"])


def test_for_people_it_shows_prompt_length_seed_and_stack(packs: SmallPacks) -> None:
    result = dry_run(packs.root, "--world", "mire", "--limit", "1")
    assert result.stdout.splitlines()[:4] == [
        "Glass Stair  (ash/mire, landscape)",
        "  inkwash, a stair of glass, on rough paper",
        "  seed 4166454414; about 12/512 tokens for T5, about 12/77 for CLIP; ink:0.8; 64x64, 1 step on standin",
        "  pictures/ash/mire/poi/glass-stair.png",
    ]


def test_problems_go_to_stderr(packs: SmallPacks) -> None:
    packs.moss.unlink()
    assert dry_run(packs.root).stderr.startswith("problem: ash/worlds/fen/visual_style.yaml:4: ")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def nowhere(path: Path) -> None:
    path.symlink_to("/nowhere/at/all")


def to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 3 << 30)


@pytest.mark.parametrize("make", [loop, nowhere, to_a_device, os.mkfifo])
@pytest.mark.parametrize("place", ["odd", "ash/worlds/odd", "ash/history.yaml", "moss/worlds"])
def test_what_is_no_pack_where_packs_are_looked_for_is_told_and_costs_no_other(
    packs: SmallPacks, make: Callable[[Path], None], place: str
) -> None:
    (packs.root / "moss").mkdir()
    before = plan(packs)
    assert before.problems == []
    path = packs.root / place
    if path.exists():
        path.unlink()
    make(path)
    after = plan(packs)
    assert [problem.file for problem in after.problems] == [place]
    assert [item.output for item in after.items] == [item.output for item in before.items]


@pytest.mark.parametrize("make", [loop, nowhere, to_a_device, os.mkfifo, huge, Path.mkdir])
def test_packs_that_hold_nothing_usable_end_with_a_word_and_not_with_0(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    (tmp_path / "ash").mkdir()
    make(tmp_path / "ash" / "history.yaml")
    done = CliRunner().invoke(batch, ["poi", "--packs", str(tmp_path), "--dry-run"])
    assert (done.exit_code, "problem: ash/history.yaml" in done.stderr) == (ExitCode.FAILED, True)


def test_a_file_where_worlds_should_be_is_told(packs: SmallPacks) -> None:
    (packs.root / "moss").mkdir()
    (packs.root / "moss" / "worlds").touch()
    assert "where the folders of worlds should be" in str(plan(packs).problems)


@pytest.mark.parametrize("genres", [[], ["moss"]])
def test_packs_without_any_source_are_a_problem(tmp_path: Path, genres: list[str]) -> None:
    for genre in genres:
        (tmp_path / genre).mkdir()
    (tmp_path / "README.md").touch()
    done = CliRunner().invoke(batch, ["creature", "--packs", str(tmp_path), "--dry-run"])
    assert (done.exit_code, "problem: creatures.yaml: " in done.stderr) == (ExitCode.FAILED, True)


def test_what_is_not_promoted_is_told_and_costs_its_pictures_where_it_has_to_be(packs: SmallPacks) -> None:
    packs.write("loras.yaml", manifest(content_hash(packs.ink)))
    free = plan(packs)
    assert {each.adapters[0].name: each.adapters[0].promoted for each in free.items} == {"ink": True, "moss": False}
    assert (free.problems, [str(each).partition(":")[0] for each in free.warnings]) == ([], [MOSS])
    assert "moss:1 (not promoted)" in dry_run(packs.root).stdout
    packs.write("visual_style.yaml", f"require_promoted: true\n{(packs.root / 'ash/visual_style.yaml').read_text()}")
    bound = plan(packs)
    assert {each.adapters[0].name for each in bound.items} == {"ink"}
    [problem] = bound.problems
    assert (problem.file, f"kilnmark lab promote {packs.moss} --run RUN --genre ash" in problem.message) == (MOSS, True)


def test_a_promoted_adapter_that_serves_at_another_scale_than_was_verified_is_warned_of(packs: SmallPacks) -> None:
    packs.write("loras.yaml", manifest(content_hash(packs.ink), content_hash(packs.moss), scale=0.5))
    found = plan(packs)
    assert (found.problems, bool(found.items)) == ([], True)
    assert {each.entry.rpartition(".")[2] for each in found.warnings} == {"scale"}
    assert all("and was verified at 0.5; let it serve at that one" in each.message for each in found.warnings)
    done = dry_run(packs.root)
    assert (done.exit_code, done.stderr.count("was verified at 0.5")) == (0, len(found.warnings))


def test_a_broken_manifest_costs_every_picture_that_has_to_be_promoted(packs: SmallPacks) -> None:
    packs.write("loras.yaml", "[")
    packs.write("worlds/fen/visual_style.yaml", "require_promoted: true\n")
    found = plan(packs)
    assert {each.subject.world for each in found.items} == {"mire"}
    assert [str(each)[:18] for each in found.problems] == ["ash/loras.yaml:1: "]
