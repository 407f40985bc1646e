"""What was found in sources stays told until a batch that looks there again finds it mended."""

from pathlib import Path

import pytest

from kilnmark.client.batch.errors import BrokenManifest
from kilnmark.client.batch.plan.plan import Wishes
from kilnmark.client.batch.run.asked import AskedBatch
from kilnmark.client.batch.run.findings import SourceProblem
from kilnmark.client.batch.run.ledger import open_ledger
from kilnmark.client.batch.run.manifest import MANIFEST, read_manifest

FEN = SourceProblem("ash/worlds/fen/history.yaml", 3, "Mill: seed is no number")
MIRE = SourceProblem("ash/worlds/mire/history.yaml", 4, "Gate: name is missing")
STYLE = SourceProblem("ash/visual_style.yaml", 2, "loras[0].file: no such file")
PERSON = SourceProblem("ash/worlds/fen/portrait_manifest.yaml", 1, "Bel: role is missing")


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    folder = tmp_path / "packs"
    folder.mkdir()
    return folder


def told_after(out: Path, wishes: Wishes, *found: SourceProblem) -> list[SourceProblem]:
    """What the manifest tells when a batch has found this, as problems and as warnings alike."""
    out.mkdir(exist_ok=True)
    with open_ledger(out) as ledger:
        ledger.write_problems(wishes, AskedBatch.of(wishes, compare_base=False), found, found)
    manifest = read_manifest(out)
    assert manifest.warnings == manifest.problems
    return manifest.problems


def test_a_batch_of_another_kind_leaves_what_was_found_of_this_one(packs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert told_after(out, Wishes(kind="poi", packs=packs), FEN, STYLE) == [FEN, STYLE]
    assert told_after(out, Wishes(kind="portrait", packs=packs), STYLE, PERSON) == [STYLE, PERSON, FEN]
    assert told_after(out, Wishes(kind="poi", packs=packs)) == [STYLE, PERSON]
    assert told_after(out, Wishes(kind="portrait", packs=packs)) == []


@pytest.mark.parametrize(
    ("narrow", "left"),
    [
        ({"only": ("Reed",)}, [FEN, MIRE, STYLE]),
        ({"limit": 1}, [FEN, MIRE, STYLE]),
        ({"world": "fen"}, [MIRE]),
        ({"genre": "ash"}, []),
        ({"genre": "oak"}, [FEN, MIRE, STYLE]),
    ],
)
def test_a_batch_of_some_entries_leaves_what_it_did_not_look_at(
    packs: Path, tmp_path: Path, narrow: dict[str, str], left: list[SourceProblem]
) -> None:
    told_after(tmp_path / "out", Wishes(kind="poi", packs=packs), FEN, MIRE, STYLE)
    assert told_after(tmp_path / "out", Wishes(kind="poi", packs=packs, **narrow)) == left  # type: ignore[arg-type]


def test_of_packs_that_are_not_there_any_more_nothing_is_told(packs: Path, tmp_path: Path) -> None:
    told_after(tmp_path / "out", Wishes(kind="poi", packs=packs), FEN)
    moved = packs.rename(tmp_path / "moved")
    assert told_after(tmp_path / "out", Wishes(kind="portrait", packs=moved), PERSON) == [PERSON]


def test_a_manifest_of_published_pictures_is_called_so(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text('{"document": "kilnmark published pictures", "pictures": [{"seed": 1}]}')
    with pytest.raises(BrokenManifest, match=r"published pictures, and of no batch; give the folder .*--out$"):
        read_manifest(tmp_path)
