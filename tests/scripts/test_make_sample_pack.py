"""The sample pack: its adapters are what the script writes, small, and whole; its sources hold what the demo paints."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from kilnmark.client.batch.plan.plan import Wishes, make_plan
from kilnmark.client.batch.plan.subjects import Kind
from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.client.pack_files import PackFolder
from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.engagement import evidence
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.protocol.content.packs import load_pack
from kilnmark.protocol.content.places import PicturePlace
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.picture.verdict import judge
from scripts.make_sample_pack import PACKS, SAMPLES, write_samples

GENRE = PACKS / "weatherwright"
FILES = [PACKS / sample.file for sample in SAMPLES]


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def entries(path: Path) -> list[dict[str, Any]]:
    """The entries of `loras`, of a genre or of a world, with the path of their file."""
    loras = read(path).get("loras", [])
    found = loras["add"] if isinstance(loras, dict) else loras
    return [entry | {"path": path.parent / entry["file"]} for entry in found]


def test_the_committed_adapters_are_what_the_script_writes(tmp_path: Path) -> None:
    assert [path.read_bytes() for path in write_samples(tmp_path)] == [path.read_bytes() for path in FILES]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_adapter_engages_whole(path: Path) -> None:
    judged = judge(evidence(read_adapter(path, load_shapes("dev")), 1.0))
    assert judged.verdict is Verdict.ENGAGED, judged.reason


def test_the_pack_is_small() -> None:
    assert sum(path.stat().st_size for path in PACKS.rglob("*") if path.is_file()) < 300_000


def test_every_adapter_is_used_once_and_every_file_that_a_style_names_is_there() -> None:
    used = [entry["path"] for path in sorted(GENRE.rglob("visual_style.yaml")) for entry in entries(path)]
    assert sorted(used) == sorted(FILES)


def test_one_world_only_adds_and_the_other_excludes_and_adds() -> None:
    moor, exchange = (
        read(GENRE / "worlds" / world / "visual_style.yaml")["loras"] for world in ("carding_moor", "brine_exchange")
    )
    assert moor.keys() == {"add"}
    assert exchange.keys() == {"exclude", "add"}
    assert exchange["exclude"] == ["gouache"]


@pytest.mark.parametrize(
    ("world", "tier", "names"),
    [
        (None, "landscape", ["gouache"]),
        (None, "cartography", ["chart-ink"]),
        ("carding_moor", "landscape", ["gouache", "felted"]),
        ("carding_moor", "portrait", ["gouache", "weathered-faces"]),
        ("brine_exchange", "landscape", ["glasslight"]),
        ("brine_exchange", "portrait", ["weathered-faces", "glasslight"]),
    ],
)
def test_the_worlds_inherit_exclude_and_add(world: str | None, tier: str, names: list[str]) -> None:
    composed = load_pack(PackFolder(PACKS), "weatherwright", world).compose(tier)
    assert [entry.entry.name for entry in composed.stack.adapters] == names


@pytest.mark.parametrize(
    ("world", "tags"),
    [("carding_moor", ["high_moor", "high_moor", "mill"]), ("brine_exchange", ["the-exchange", "saltgate"])],
)
def test_every_point_of_interest_is_directed(world: str, tags: list[str]) -> None:
    style = load_pack(PackFolder(PACKS), "weatherwright", world).compose("landscape")
    chapters = read(GENRE / "worlds" / world / "history.yaml")["chapters"]
    points = [point for chapter in chapters for point in chapter["points_of_interest"]]
    assert [style.at(PicturePlace(point["region"], point["name"])).tag for point in points] == tags


@pytest.mark.parametrize("kind", ["poi", "portrait", "creature"])
def test_every_picture_is_planned_and_no_prompt_is_too_long(kind: Kind) -> None:
    plan = make_plan(Wishes(kind=kind, packs=PACKS), TokenCounter(env={"HF_HOME": "/nowhere"}))
    assert (bool(plan.items), plan.problems, plan.warnings) == (True, [], [])


def test_there_are_five_points_of_interest_and_four_portraits() -> None:
    histories = [read(path) for path in GENRE.rglob("history.yaml")]
    points = [
        point for history in histories for chapter in history["chapters"] for point in chapter["points_of_interest"]
    ]
    characters = [one for path in GENRE.rglob("portrait_manifest.yaml") for one in read(path)["characters"]]
    assert (len(points), len(characters)) == (5, 4)
    assert sum("visual_prompt" not in point for point in points) == 1
    assert all(point.keys() >= {"name", "description", "region", "type"} for point in points)
    assert all({"name", "role", "type", "appearance", "culture_aesthetic"} == one.keys() for one in characters)
