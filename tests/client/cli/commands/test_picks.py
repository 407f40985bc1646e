"""`kilnmark picks`: decisions from a terminal, each told, none lost, and refused where it is unclear what is meant."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from kilnmark.client.batch.errors import NoSuchPicture
from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.picks.said import EntryPick
from kilnmark.client.batch.run.manifest import Manifest, read_manifest, write_manifest
from kilnmark.client.cli.commands.picks import picks
from tests.client.batch.samples import picture


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Two places of one name in two worlds, one with two pictures, and one that failed."""
    folder = tmp_path / "out"
    pictures = [
        picture(file="ash/mire/poi/mill.png", name="Mill"),
        picture(file="ash/fen/poi/mill.png", name="Mill", world="fen"),
        picture(file="ash/mire/poi/gate.png", name="Gate"),
        picture(file="ash/mire/poi/well.png", name="Well"),
        picture(file="ash/mire/poi/well.s2.png", name="Well", take=2, seed=8),
        picture(file="ash/mire/poi/pond.png", name="Pond", status="failed", message="no adapter"),
    ]
    for each in pictures:
        (folder / each.file).parent.mkdir(parents=True, exist_ok=True)
        if each.status == "done":
            (folder / each.file).write_text(each.file)
    write_manifest(folder, Manifest(pictures=pictures))
    return folder


def ask(*words: str | Path) -> Result:
    return CliRunner().invoke(picks, [str(word) for word in words])


def refused(*words: str | Path) -> str:
    result = ask(*words)
    assert isinstance(result.exception, NoSuchPicture), result.output
    return str(result.exception)


def pick(out: Path, name: str) -> EntryPick:
    return next(each for each in PicksFiles.of(out).read().entries if each.entry.name == name)


def test_pictures_are_accepted_and_rejected_by_name_and_by_file(out: Path) -> None:
    assert ask("accept", out, "Gate", "--by", "Ada").output == "accepted ash/mire/poi/gate.png\n"
    assert ask("reject", out, out / "ash/mire/poi/well.s2.png", "--reason", "dull", "--by", "Bo").exit_code == 0
    shown = ask("show", out).output
    assert shown.splitlines()[-1] == "3 undecided, 1 accepted, 1 rejected, 1 failed"
    assert "failed              ash/mire/poi/pond.png" in shown
    assert "rejected by Bo" in shown
    assert ": dull" in shown


def test_the_review_page_shows_what_was_decided_where_there_is_one(out: Path) -> None:
    assert ask("accept", out, "Gate", "--by", "Ada").exit_code == 0
    page = out / "index.html"
    assert not page.exists()
    page.write_text("an old one")
    assert ask("pin", out, "Gate", "12", "--by", "Bo").exit_code == 0
    assert '"seeds":{"values":[12],"by":"Bo"' in page.read_text()
    (out / ".index.html.partial").mkdir()
    told = ask("pin", out, "Gate", "13", "--by", "Bo")
    assert (told.exit_code, "the review page could not be written anew" in told.stderr) == (0, True)


def test_what_was_said_is_a_document_too(out: Path) -> None:
    ask("accept", out, "Gate", "--by", "Ada")
    ask("pin", out, "Gate", "12", "99", "12", "--by", "Ada")
    document = json.loads(ask("show", out, "--json").output)
    assert (document["undecided"], document["accepted"], document["failed"]) == (4, 1, 1)
    gate = next(each for each in document["pictures"] if each["file"] == "ash/mire/poi/gate.png")
    assert (gate["word"], gate["said"][0]["by"]) == ("accepted", "Ada")
    assert [(each["seeds"], each["by"]) for each in document["pinned"]] == [([12, 99], "Ada")]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Mill", "several pictures are meant, give one's file: ash/mire/poi/mill.png, ash/fen/poi/mill.png"),
        ("Well", "ash/mire/poi/well.png, ash/mire/poi/well.s2.png"),
        ("Pond", "no picture that is there (no adapter)"),
        ("gaet", "did you mean 'Gate'?"),
        ("../picks.yaml", "neither a picture nor an entry"),
    ],
)
def test_what_is_not_clear_is_refused_before_anything_is_written(out: Path, name: str, told: str) -> None:
    assert told in refused("accept", out, "Gate", name)
    assert not (out / "picks.yaml").exists()


def test_a_name_means_an_entry_that_is_there_rather_than_one_that_is_gone(out: Path) -> None:
    pictures = [each if each.world == "fen" else replace(each, gone=True) for each in read_manifest(out).pictures]
    write_manifest(out, Manifest(pictures=pictures))
    assert ask("accept", out, "Mill").output == "accepted ash/fen/poi/mill.png\n"
    assert ask("pin", out, "Mill", "5").exit_code == 0
    assert ask("accept", out, "Gate").output == "accepted ash/mire/poi/gate.png\n"
    assert pick(out, "Mill").entry.world == "fen"


def test_seeds_are_pinned_unpinned_and_taken_back(out: Path) -> None:
    assert "seeds 12, 99; the next batch paints them" in ask("pin", out, "Well", "12", "99", "--by", "Ada").output
    assert "those of its document or name" in ask("unpin", out, "Well", "--by", "Ada").output
    assert "seeds 12, 99" in ask("undo", out, "Well", "--by", "Ada").output
    assert pick(out, "Well").pinned == (12, 99)
    assert "several entries are meant" in refused("pin", out, "Mill", "1")
    assert ask("pin", out, "ash/fen/poi/mill.png", "1").exit_code == 0
    assert pick(out, "Mill").entry.world == "fen"


def test_a_folder_that_no_batch_painted_into_is_refused(tmp_path: Path) -> None:
    for words in (("show", tmp_path), ("stale", tmp_path), ("publish", tmp_path, tmp_path / "art")):
        result = ask(*words)
        assert (result.exit_code, "has no manifest.json: give the --out of a batch" in result.output) == (2, True)


def test_a_seed_that_is_no_number_is_called_so(out: Path) -> None:
    assert "'abc' is not a valid whole number" in ask("pin", out, "Gate", "abc").output


def test_only_what_one_said_oneself_is_taken_back(out: Path) -> None:
    ask("accept", out, "Gate", "--by", "Ada")
    result = ask("undo", out, "Gate", "--by", "Bo")
    assert result.exit_code == 2
    assert "Bo said nothing of Gate" in result.output
    assert "undecided" in ask("undo", out, "Gate", "--by", "Ada").output


def test_what_is_stale_is_listed_and_ends_with_1(out: Path) -> None:
    ask("accept", out, "Gate", "--by", "Ada")
    assert (ask("stale", out).exit_code, ask("stale", out).output[:18]) == (0, "nothing is stale, ")
    (out / "ash/mire/poi/gate.png").write_text("another")
    result = ask("stale", out)
    assert result.exit_code == 1
    assert "another picture was accepted here by Ada" in result.output
    assert "well" not in result.output


def test_copies_are_merged_and_it_is_told_what_is_new(out: Path, tmp_path: Path) -> None:
    ask("accept", out, "Gate", "--by", "Ada")
    copy = tmp_path / "copy.yaml"
    copy.write_bytes((out / "picks.yaml").read_bytes())
    ask("reject", out, "Gate", "--by", "Bo", "--picks", copy)
    assert [each.by for each in pick(out, "Gate").pictures[0].said] == ["Ada"]
    assert "something new of 1 of 1 entries" in ask("merge", out, copy).output
    assert [each.by for each in pick(out, "Gate").pictures[0].said] == ["Ada", "Bo"]
    assert "something new of 0 of 1 entries" in ask("merge", out, copy).output


def test_accepted_pictures_are_published_without_a_batch(out: Path, tmp_path: Path) -> None:
    ask("accept", out, "Gate", "ash/fen/poi/mill.png")
    assert ask("publish", out, tmp_path / "game").output == f"2 new: {tmp_path / 'game'}\n"
    ask("reject", out, "Gate")
    document = json.loads(ask("publish", out, tmp_path / "game", "--json").output)
    assert (document["removed"], document["kept"]) == (["ash/mire/poi/gate.png"], ["ash/fen/poi/mill.png"])
    assert (tmp_path / "game/ash/fen/poi/mill.png").read_text() == "ash/fen/poi/mill.png"


def test_picks_beside_the_packs_count_too(out: Path, tmp_path: Path) -> None:
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs/picks.yaml").write_text("picks:\n- {genre: ash, world: mire, kind: poi, name: Gate, seed: 12}\n")
    assert "12" in ask("show", out, "--packs", tmp_path / "packs").output
    assert "12" not in ask("show", out).output
