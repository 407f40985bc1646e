"""The sample pack: its adapters are trained, small, and whole; its sources hold what its model can paint."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from kilnmark.client.batch.plan.plan import Wishes, make_plan
from kilnmark.client.batch.plan.subjects import Kind
from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.client.cli.demo.exhibits import TRAINED
from kilnmark.client.pack_files import PackFolder
from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.engagement import evidence
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.content.packs import load_pack
from kilnmark.protocol.content.parsed import asked
from kilnmark.protocol.content.places import PicturePlace
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.picture.verdict import judge
from scripts.make_sample_pack import MODEL, PACKS, keep
from tests.minis import write_mini

GENRE = PACKS / "weatherwright"
FILES = [PACKS / file for file in TRAINED.values()]


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def entries(path: Path) -> list[dict[str, Any]]:
    """The entries of `loras`, of a genre or of a world, with the path of their file."""
    loras = read(path).get("loras", [])
    found = loras["add"] if isinstance(loras, dict) else loras
    return [entry | {"path": path.parent / entry["file"]} for entry in found]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As a training leaves it."""
    folder = tmp_path_factory.mktemp("trained")
    write_mini(folder / "mini")
    (folder / "loras").mkdir()
    for name, source in zip(TRAINED, FILES, strict=True):
        shutil.copyfile(source, folder / "loras" / f"{name}.safetensors")
    return folder


def test_what_was_trained_is_kept_where_the_product_has_it(trained: Path, tmp_path: Path) -> None:
    kept = keep(trained, tmp_path / "packs", tmp_path / "model")
    found = {path.relative_to(tmp_path / "model") for path in kept if path.is_relative_to(tmp_path / "model")}
    assert found == {path.relative_to(MODEL) for path in MODEL.rglob("*") if path.is_file()}
    assert kept[-len(FILES) :] == [tmp_path / "packs" / file for file in TRAINED.values()]


def test_nothing_is_kept_of_a_training_with_a_dead_adapter(trained: Path, tmp_path: Path) -> None:
    lacking = shutil.copytree(trained, tmp_path / "trained")
    make_adapter(lacking / "loras" / "woodcut.safetensors", shapes=load_shapes("mini"), rank=1, dead=True)
    with pytest.raises(ValueError, match=r"woodcut\.safetensors is noop: "):
        keep(lacking, tmp_path / "packs", tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_adapter_engages_whole(path: Path) -> None:
    judged = judge(evidence(read_adapter(path, load_shapes("mini")), 1.0))
    assert judged.verdict is Verdict.ENGAGED, judged.reason


def test_they_are_of_three_conventions() -> None:
    assert len({read_adapter(path, load_shapes("mini")).convention for path in FILES}) == len(FILES)


def test_the_pack_is_small() -> None:
    assert sum(path.stat().st_size for path in PACKS.rglob("*") if path.is_file()) < 900_000


def test_every_adapter_is_used_and_every_file_that_a_style_names_is_there() -> None:
    used = {entry["path"].resolve() for path in sorted(GENRE.rglob("visual_style.yaml")) for entry in entries(path)}
    assert used == {path.resolve() for path in FILES}


def test_every_kind_of_picture_is_one_that_its_model_can_paint() -> None:
    row = VARIANTS["mini"]
    tiers = load_pack(PackFolder(PACKS), "weatherwright", None).tiers
    told = {(tier.width, tier.height, tier.steps, tier.guidance, tier.variant) for tier in map(asked, tiers.values())}
    assert told == {(row.width, row.height, row.steps, 0.0, "mini")}


def test_one_world_only_adds_and_the_other_excludes_and_adds() -> None:
    moor, exchange = (
        read(GENRE / "worlds" / world / "visual_style.yaml")["loras"] for world in ("carding_moor", "brine_exchange")
    )
    assert moor.keys() == {"add"}
    assert exchange.keys() == {"exclude", "add"}
    assert exchange["exclude"] == ["gouache", "woodcut"]


@pytest.mark.parametrize(
    ("world", "tier", "names"),
    [
        (None, "landscape", ["gouache"]),
        (None, "cartography", ["woodcut"]),
        ("carding_moor", "landscape", ["gouache", "balloon"]),
        ("carding_moor", "portrait", ["gouache"]),
        ("brine_exchange", "landscape", ["woodcut"]),
        ("brine_exchange", "portrait", ["woodcut"]),
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
