"""Pictures of a batch that are made of others: named in its documents, looked at before, shown beside the result."""

import hashlib
import io
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console

from kilnmark.client.batch.plan.plan import Item, Plan, Wishes, make_plan
from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.client.batch.run.base import BaseNow
from kilnmark.client.batch.run.manifest import Manifest, read_manifest
from kilnmark.client.batch.run.pinned import pin_items
from kilnmark.client.batch.run.rehearsal import rehearse
from kilnmark.client.cli.commands.batch import batch
from kilnmark.client.cli.views.plan import show_plan
from kilnmark.client.request import render_params
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.protocol.wire.errors import InvalidParams
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


def pinned(item: Item, served: str = "standin") -> Any:
    return pin_items([item], (served,), served, lambda _: "a" * 64, compare_base=False)[0]


@pytest.mark.parametrize("file", ["portraits/bel.png", "ash/worlds/mire/portraits/bel.png"])
def test_it_is_found_from_its_document_or_the_packs_and_is_part_of_the_spec(packs: SmallPacks, file: str) -> None:
    item = bel(packs, file=file)
    path = packs.root / "ash/worlds/mire/portraits/bel.png"
    assert item.pictures.start is not None
    assert item.pictures.start.path == str(path)
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


def test_the_dry_run_names_it_to_people_and_nothing_where_there_is_none(packs: SmallPacks) -> None:
    planned(packs)
    said = CliRunner().invoke(batch, ["portrait", "--packs", str(packs.root), "--world", "mire", "--dry-run"])
    told = [line.strip() for line in said.stdout.splitlines() if "starts from" in line]
    assert told == [f"starts from {packs.root}/ash/worlds/mire/portraits/bel.png at strength 0.5"]


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


REFERRING = """\
characters:
  - name: Bel
    role: a ferryman
    reference_images: {files}
    {more}
  - name: Orrin
    role: a miller
"""


def referring(packs: SmallPacks, files: str, variant: str = "standin:flux2-klein-4b", more: str = "") -> Plan:
    packs.write("tiers.yaml", f"portrait: {{width: 64, height: 64, steps: 1, variant: '{variant}'}}\n")
    packs.write("worlds/mire/portrait_manifest.yaml", REFERRING.format(files=files, more=more))
    return make_plan(Wishes(kind="portrait", packs=packs.root, world="mire"), TokenCounter(env={}))


@pytest.fixture
def two(packs: SmallPacks) -> list[Path]:
    """Pictures to refer to."""
    folder = packs.root / "ash/worlds/mire/portraits"
    put(folder, "wide.png", colours(70, 48))
    return [folder / "bel.png", folder / "wide.png"]


def test_references_are_part_of_the_spec_in_their_order_and_are_asked_for(packs: SmallPacks, two: list[Path]) -> None:
    plan = referring(packs, "[portraits/bel.png, portraits/wide.png]")
    assert plan.problems == []
    item, other = plan.items
    assert item.spec.references == tuple(hashlib.sha256(file.read_bytes()).hexdigest() for file in two)
    assert other.spec.references is msgspec.UNSET
    one = pinned(item, item.spec.variant)
    request = render_params(**one.request(BaseNow("f"), anew=False))
    assert (request.reference_images, request.init_image) == ([str(file) for file in two], None)
    (turned, _) = referring(packs, "[portraits/wide.png, portraits/bel.png]").items
    assert pinned(turned, item.spec.variant).job_id(BaseNow("f")) != one.job_id(BaseNow("f"))
    assert [warning.message for warning in plan.warnings if "reference" in warning.message] == [
        "reference_images[1] has 70 x 48 pixels and was cut to the middle 64 x 48"
    ]


def test_the_dry_run_names_references_in_their_order(packs: SmallPacks, two: list[Path], tmp_path: Path) -> None:
    out = io.StringIO()
    plan = referring(packs, "[portraits/wide.png, portraits/bel.png]")
    show_plan(Console(file=out), rehearse(plan, tmp_path, Manifest(), None), tmp_path)
    bel, wide = two
    told = [line.strip() for line in out.getvalue().splitlines() if "looks at" in line]
    assert told == [f"looks at {wide}, looks at {bel}"]


@pytest.mark.parametrize(
    ("files", "variant", "more", "words"),
    [
        ("[gone.png]", "standin:flux2-klein-4b", "", "gone.png: no such file"),
        ("[~/gone.png]", "standin:flux2-klein-4b", "", "`~` stands for no home here"),
        ("[portraits/thin.png]", "standin:flux2-klein-4b", "", "64 x 8 is less than 16 pixels a side"),
        ("portraits/bel.png", "standin:flux2-klein-4b", "", "must be a list of files, even of one"),
        ("[3]", "standin:flux2-klein-4b", "", "must be a list of files, even of one"),
        (f"[{', '.join(['portraits/bel.png'] * 5)}]", "standin:flux2-klein-4b", "", "names 5 pictures; give 4 at most"),
        ("[portraits/bel.png]", "standin:flux2-klein-4b", "init_image: portraits/bel.png", "another way to use a pic"),
        ("[portraits/bel.png]", "standin", "", "'standin' takes no reference pictures and is given 1"),
        (f"[{', '.join(['portraits/bel.png'] * 2)}]", "standin:kontext-dev", "", "takes at most 1 reference pictures"),
    ],
)
def test_references_that_cannot_be_used_cost_their_entry_alone(
    packs: SmallPacks, files: str, variant: str, more: str, words: str
) -> None:
    put(packs.root / "ash/worlds/mire/portraits", "thin.png", colours(64, 8))
    plan = referring(packs, files, variant, more)
    (problem,) = [each for each in plan.problems if "paints from a reference picture" not in each.message]
    assert (problem.file, bool(problem.line)) == ("ash/worlds/mire/portrait_manifest.yaml", True)
    assert words in problem.message
    assert "Bel" not in [item.subject.name for item in plan.items]


def test_an_entry_without_the_reference_that_its_base_needs_is_told_of(packs: SmallPacks) -> None:
    plan = referring(packs, "[portraits/bel.png]", "standin:kontext-dev")
    assert [item.subject.name for item in plan.items] == ["Bel"]
    (problem,) = plan.problems
    assert problem.entry == "Orrin"
    assert "'standin:kontext-dev' paints from a reference picture; give it `reference_images`" in problem.message


def test_a_base_that_stands_in_and_takes_none_is_told_with_the_entry_and_the_variant_it_needs(
    packs: SmallPacks, two: list[Path]
) -> None:
    item, _ = referring(packs, "[portraits/bel.png, portraits/wide.png]").items
    with pytest.raises(InvalidParams) as refused:
        pinned(item)
    told = str(refused.value)
    assert told.startswith(
        "Bel (ash/worlds/mire/portrait_manifest.yaml:2) is meant for 'standin:flux2-klein-4b', which"
    )
    assert "'standin' takes no reference pictures and is given 2" in told
    assert told.endswith("or start a daemon with `--variant standin:flux2-klein-4b`")


def test_the_page_shows_references_beside_the_picture(packs: SmallPacks, two: list[Path], tmp_path: Path) -> None:
    referring(packs, "[portraits/bel.png, portraits/wide.png]")
    out = tmp_path / "out"
    with InProcessDaemon(packs=packs.root, variant="standin:flux2-klein-4b") as daemon:
        command = ["portrait", "--packs", packs.root, "--world", "mire", "--out", out, "--socket", daemon.socket]
        ended = CliRunner().invoke(batch, [*map(str, command), "--json"])
    assert ended.exit_code == 0, ended.output
    shown = {picture.name: picture for picture in read_manifest(out).pictures}
    copies = shown["Bel"].reference_files
    assert [(out / copy).read_bytes() for copy in copies] == [file.read_bytes() for file in two]
    assert shown["Orrin"].reference_files == []
    page = (out / "index.html").read_text()
    assert [page.count(f'src="./{copy}"') for copy in copies] == [2, 2]
    assert '<dt>Reference pictures</dt><dd dir="auto">2</dd>' in page


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
