"""Pictures of a batch that start from others: named in its documents, looked at before, shown beside the result."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from kilnmark.client.batch.plan.plan import Item, Plan, Wishes, make_plan
from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.client.batch.run.base import BaseNow
from kilnmark.client.batch.run.manifest import read_manifest
from kilnmark.client.batch.run.pinned import pin_items
from kilnmark.client.cli.commands.batch import batch
from kilnmark.client.request import render_params
from kilnmark.daemon.in_process import InProcessDaemon
from tests.client.batch.packs import SmallPacks, make_packs
from tests.keymaps.pictures.shown import colours, put, saved

ENTRY = """\
characters:
  - name: Bel
    role: a ferryman
    init_image: {file}
    strength: {strength}
  - name: Orrin
    role: a miller
"""


@pytest.fixture
def packs(tmp_path: Path) -> SmallPacks:
    packs = make_packs(tmp_path / "packs", base_seed=7)
    packs.write("tiers.yaml", "portrait: {width: 64, height: 64, steps: 4, variant: standin}\n")
    (packs.root / "ash/worlds/mire/portraits").mkdir()
    put(packs.root / "ash/worlds/mire/portraits", "bel.png", colours(64, 64))
    return packs


def planned(packs: SmallPacks, file: str = "portraits/bel.png", strength: object = 0.5) -> Plan:
    packs.write("worlds/mire/portrait_manifest.yaml", ENTRY.format(file=file, strength=strength))
    return make_plan(Wishes(kind="portrait", packs=packs.root, world="mire"), TokenCounter(env={}))


def bel(packs: SmallPacks, **more: Any) -> Item:
    plan = planned(packs, **more)
    assert plan.problems == []
    return next(item for item in plan.items if item.subject.name == "Bel")


def pinned(item: Item) -> Any:
    return pin_items([item], ("standin",), "standin", lambda _: "a" * 64, compare_base=False)[0]


@pytest.mark.parametrize("file", ["portraits/bel.png", "ash/worlds/mire/portraits/bel.png"])
def test_it_is_found_from_its_document_or_the_packs_and_is_part_of_the_spec(packs: SmallPacks, file: str) -> None:
    item = bel(packs, file=file)
    path = packs.root / "ash/worlds/mire/portraits/bel.png"
    assert item.start is not None
    assert item.start.path == str(path)
    assert (item.spec.start, item.spec.strength) == (hashlib.sha256(path.read_bytes()).hexdigest(), 0.5)
    request = render_params(**pinned(item).request(BaseNow("f"), anew=False))
    assert (request.init_image, request.strength) == (str(path), 0.5)


def test_the_dry_run_tells_it_to_programs(packs: SmallPacks, tmp_path: Path) -> None:
    planned(packs)
    said = CliRunner().invoke(batch, ["portrait", "--packs", str(packs.root), "--world", "mire", "--dry-run", "--json"])
    first, second = msgspec.json.decode(said.stdout)["items"]
    path = packs.root / "ash/worlds/mire/portraits/bel.png"
    assert (first["init_image"], first["strength"]) == (str(path), 0.5)
    assert (second["init_image"], second["strength"]) == (None, None)


def test_another_picture_or_strength_is_another_job(packs: SmallPacks) -> None:
    one, weak = pinned(bel(packs)), pinned(bel(packs, strength=0.4))
    put(packs.root / "ash/worlds/mire/portraits", "bel.png", colours(64, 80))
    other = pinned(bel(packs))
    assert len({each.job_id(BaseNow("f")) for each in (one, weak, other)}) == 3
    assert len({each.digest for each in (one, weak, other)}) == 3


def test_the_proportions_that_would_be_lost_are_warned_of(packs: SmallPacks) -> None:
    put(packs.root / "ash/worlds/mire/portraits", "bel.png", colours(80, 64))
    assert ["was stretched to 64 x 64" in each.message for each in planned(packs).warnings] == [True]


@pytest.mark.parametrize(
    ("file", "strength", "words"),
    [
        ("gone.png", 0.5, "no such file"),
        ("/etc/hostname", 0.5, "outside the image roots"),
        ("../../visual_style.yaml", 0.5, "is no picture of a kind that is read"),
        ("cut.png", 0.5, "cannot be read as a picture"),
        ("portraits/bel.png", 1.5, "must be a number from 0 to 1, but is 1.5"),
        ("portraits/bel.png", "much", "must be a number from 0 to 1"),
        ("", 0.5, "needs an `init_image`"),
    ],
)
def test_one_that_cannot_be_used_costs_its_entry_alone(
    packs: SmallPacks, file: str, strength: object, words: str
) -> None:
    data = saved(colours(64, 64))
    (packs.root / "ash/worlds/mire/cut.png").write_bytes(data[: len(data) // 2])
    plan = planned(packs, file, strength)
    assert [item.subject.name for item in plan.items] == ["Orrin"]
    (problem,) = plan.problems
    assert problem.file == "ash/worlds/mire/portrait_manifest.yaml"
    assert problem.line
    assert words in problem.message


def test_the_page_shows_it_beside_the_picture(packs: SmallPacks, tmp_path: Path) -> None:
    planned(packs)
    out = tmp_path / "out"
    with InProcessDaemon(packs=packs.root) as daemon:
        command = ["portrait", "--packs", packs.root, "--world", "mire", "--out", out, "--socket", daemon.socket]
        ended = CliRunner().invoke(batch, [*map(str, command), "--json"])
    assert ended.exit_code == 0, ended.output
    shown = {picture.name: picture for picture in read_manifest(out).pictures}
    start = (packs.root / "ash/worlds/mire/portraits/bel.png").read_bytes()
    assert (out / shown["Bel"].start_file).read_bytes() == start
    assert shown["Bel"].start == hashlib.sha256(start).hexdigest()
    assert (shown["Orrin"].start_file, shown["Orrin"].start) == ("", msgspec.UNSET)
    page = (out / "index.html").read_text()
    assert page.count(f'src="./{shown["Bel"].start_file}"') == 2
    assert '<dt>Strength</dt><dd dir="auto">0.5</dd>' in page
