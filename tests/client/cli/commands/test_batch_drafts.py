"""Drafts of a batch: beside the pictures, never in their place, and told of as what they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from kilnmark.client.batch.errors import NoSuchPicture
from kilnmark.client.batch.picks.said import EntryPick, PickedPicture, Picks, PickWord, Said
from kilnmark.client.batch.published.publish import publish
from kilnmark.client.batch.run.decisions import decide_picture, file_hash
from kilnmark.client.batch.run.manifest import read_manifest
from kilnmark.client.batch.run.standing import shown_pictures
from kilnmark.client.cli.commands.batch import batch
from kilnmark.daemon.in_process import InProcessDaemon
from tests.client.batch.packs import make_packs

DRAFTS = ["ash/fen/poi/reed-gate.draft.png", "ash/mire/poi/glass-stair.draft.png", "ash/mire/poi/old-kiln.draft.png"]
PICTURES = [file.replace(".draft", "") for file in DRAFTS]


@dataclass(frozen=True)
class Bench:
    """Packs whose pictures are large enough to be drafted, a daemon that drafts, and a folder."""

    packs: Path
    out: Path
    socket: Path

    def paint(self, *more: str) -> dict[str, Any]:
        arguments = ["poi", "--packs", str(self.packs), "--out", str(self.out), "--socket", str(self.socket), "--json"]
        document: dict[str, Any] = msgspec.json.decode(CliRunner().invoke(batch, [*arguments, *more]).stdout)
        return document

    @property
    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.out)) for path in self.out.glob("ash/**/*.png"))

    @property
    def shown(self) -> list[str]:
        return sorted(each.picture.file for each in shown_pictures(self.out, read_manifest(self.out)))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    packs = make_packs(tmp_path / "packs", base_seed=7)
    packs.write("tiers.yaml", "landscape: {width: 512, height: 256, steps: 6, variant: standin}\n")
    with InProcessDaemon(lora_roots=(packs.root,), packs=packs.root, drafts="auto") as daemon:
        yield Bench(packs.root, tmp_path / "out", daemon.socket)


def test_drafts_lie_beside_pictures_and_go_from_sight_when_these_come(bench: Bench) -> None:
    drafted = bench.paint()
    assert (drafted["painted"], bench.files) == (3, DRAFTS)
    assert [(item["output"], item["draft"]) for item in drafted["items"]] == [
        (str(bench.out / file), True) for file in DRAFTS
    ]
    assert "all of them are drafts" in drafted["warnings"][0]
    assert {(each.width, each.height, each.steps, each.draft) for each in read_manifest(bench.out).pictures} == {
        (128, 64, 2, True)
    }
    assert bench.paint()["kept"] == 3

    painted = bench.paint("--no-draft")
    assert (painted["painted"], painted["warnings"], bench.files) == (3, [], sorted([*DRAFTS, *PICTURES]))
    assert bench.shown == PICTURES
    before = {file: (bench.out / file).read_bytes() for file in PICTURES}
    assert bench.paint("--draft", "--force")["painted"] == 3
    assert {file: (bench.out / file).read_bytes() for file in PICTURES} == before


def test_a_draft_of_an_entry_with_seeds_of_its_own_leaves_its_picture_where_it_is(bench: Bench) -> None:
    file = bench.packs / "ash/worlds/fen/history.yaml"
    file.write_text(file.read_text().replace("description: A gate", "seed: 12\n        description: A gate"))
    assert bench.paint("--no-draft")["painted"] == 3
    assert bench.paint("--draft", "--world", "fen")["painted"] == 1
    assert bench.files == sorted([*PICTURES, DRAFTS[0]])
    assert bench.paint("--no-draft")["kept"] == 3


def test_steps_that_are_said_are_kept_and_a_plan_says_where_drafts_would_lie(bench: Bench) -> None:
    bench.paint("--steps", "5", "--world", "fen")
    (picture,) = read_manifest(bench.out).pictures
    assert (picture.width, picture.steps, picture.draft) == (128, 5, True)
    planned = bench.paint("--dry-run", "--draft")
    assert [item["output"] for item in planned["items"]] == [str(bench.out / file) for file in DRAFTS]


def test_a_draft_that_was_put_in_the_place_of_its_picture_is_neither_accepted_nor_published(bench: Bench) -> None:
    bench.paint("--draft")
    bench.paint("--no-draft")
    (bench.out / PICTURES[0]).write_bytes((bench.out / DRAFTS[0]).read_bytes())
    with pytest.raises(NoSuchPicture, match="it is a draft"):
        decide_picture(bench.out, PICTURES[0], PickWord.ACCEPTED)
    shown = PickedPicture(sha256=file_hash(bench.out / DRAFTS[0]), said=(Said(word=PickWord.ACCEPTED),))
    [entry] = {each.entry for each in read_manifest(bench.out).pictures if each.file == PICTURES[0]}
    picked = EntryPick(entry=entry, pictures=(shown,))
    assert publish(bench.out, str(bench.out.parent / "game"), Picks.of([picked])).added == ()
