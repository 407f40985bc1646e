"""Decisions about pictures: of the bytes that were looked at, told as stale when others lie there, none lost."""

import threading
from pathlib import Path

import msgspec
import pytest

from kilnmark.client.batch.errors import NoSuchPicture
from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.picks.said import PickWord
from kilnmark.client.batch.run.decisions import ShownPick, decide_picture, file_hash, shown_picks
from kilnmark.client.batch.run.manifest import Manifest, read_manifest, write_manifest
from kilnmark.protocol.content.picked import PICKS_FILE
from tests.client.batch.samples import picture

ACCEPTED, REJECTED, OPEN = PickWord.ACCEPTED, PickWord.REJECTED, PickWord.OPEN


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictures = [picture(file=f"{name}.png", name=name) for name in ("a", "b", "gone")]
    write_manifest(tmp_path, Manifest(pictures=pictures))
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_text(name)
    return tmp_path


def shown(folder: Path, file: str = "a.png") -> ShownPick:
    return shown_picks(folder, read_manifest(folder), PicksFiles.of(folder).read())[file]


def test_the_last_decision_stands(folder: Path) -> None:
    decide_picture(folder, "a.png", REJECTED, by="Ada", reason="six fingers")
    decide_picture(folder, "b.png", ACCEPTED)
    made = decide_picture(folder, "a.png", ACCEPTED, by="Bo")
    assert (made.word, made.seed, made.file) == (ACCEPTED, 7, "a.png")
    assert [(each.by, each.word) for each in shown(folder).said] == [("Ada", REJECTED), ("Bo", ACCEPTED)]
    assert (shown(folder).word, shown(folder).sha256) == (ACCEPTED, file_hash(folder / "a.png"))
    assert shown(folder, "gone.png").word is OPEN


def test_one_that_was_taken_back_does_not_stand(folder: Path) -> None:
    decide_picture(folder, "a.png", ACCEPTED)
    decide_picture(folder, "a.png", OPEN)
    assert (shown(folder).word, shown(folder).standing) == (OPEN, None)


@pytest.mark.parametrize("file", ["c.png", "gone.png", "../a.png", "manifest.json"])
def test_nothing_is_decided_about_what_is_not_there(folder: Path, file: str) -> None:
    with pytest.raises(NoSuchPicture, match="nothing was decided"):
        decide_picture(folder, file, ACCEPTED)
    assert not (folder / PICKS_FILE).exists()


def test_a_manifest_that_names_what_no_file_can_be_called_stops_nothing(folder: Path) -> None:
    write_manifest(folder, Manifest(pictures=[picture(file="a\0b.png", name="a")]))
    with pytest.raises(NoSuchPicture, match="it is not there"):
        decide_picture(folder, "a\0b.png", ACCEPTED)


def test_a_draft_can_be_rejected_and_never_accepted(folder: Path) -> None:
    write_manifest(folder, Manifest(pictures=[picture(file="a.png", name="a", draft=True)]))
    with pytest.raises(NoSuchPicture, match="it is a draft"):
        decide_picture(folder, "a.png", ACCEPTED)
    assert decide_picture(folder, "a.png", REJECTED).word is REJECTED


def test_nothing_is_decided_about_other_bytes_than_were_seen(folder: Path) -> None:
    seen = decide_picture(folder, "a.png", ACCEPTED).sha256
    (folder / "a.png").write_text("another")
    with pytest.raises(NoSuchPicture, match="painted again"):
        decide_picture(folder, "a.png", REJECTED, sha256=seen)


def test_what_was_accepted_and_is_another_now_is_told_with_what_has_changed(folder: Path) -> None:
    decide_picture(folder, "a.png", ACCEPTED, by="Ada")
    old = msgspec.structs.replace(
        read_manifest(folder).pictures[0], file="_earlier/a.png", sha256=file_hash(folder / "a.png")
    )
    new = picture(file="a.png", name="a", prompt="another", seed=8, inputs="1" * 64)
    (folder / "a.png").write_text("another")
    write_manifest(folder, Manifest(pictures=[new], earlier=[old]))
    assert shown(folder).word is OPEN
    assert shown(folder).why == "its prompt has changed, its seed was 7 and is 8"
    assert shown(folder).stale.startswith("another picture was accepted here by Ada: its prompt has changed")
    decide_picture(folder, "a.png", REJECTED)
    assert (shown(folder).stale, shown(folder).word) == ("", REJECTED)


def test_what_was_accepted_and_written_to_is_told(folder: Path) -> None:
    decide_picture(folder, "a.png", ACCEPTED)
    (folder / "a.png").write_text("touched up")
    assert "written to" in shown(folder).stale


def test_what_was_rejected_and_painted_again_is_undecided_and_not_stale(folder: Path) -> None:
    decide_picture(folder, "a.png", REJECTED)
    (folder / "a.png").write_text("another")
    assert (shown(folder).word, shown(folder).stale) == (OPEN, "")
    before = shown(folder).before
    assert before is not None
    assert before.word is REJECTED


def test_an_accepted_picture_whose_place_nothing_has_is_told_at_the_entrys_first(folder: Path) -> None:
    second = picture(file="a.s2.png", name="a", take=2)
    (folder / "a.s2.png").write_text("second")
    write_manifest(folder, Manifest(pictures=[picture(file="a.png", name="a"), second]))
    decide_picture(folder, "a.s2.png", ACCEPTED)
    write_manifest(folder, Manifest(pictures=[picture(file="a.png", name="a")]))
    assert shown(folder).stale


def test_an_accepted_picture_whose_entry_fails_is_told(folder: Path) -> None:
    decide_picture(folder, "a.png", ACCEPTED)
    write_manifest(folder, Manifest(pictures=[picture(file="a.png", name="a", status="failed", message="no adapter")]))
    assert "could not be had (no adapter)" in shown(folder).stale


def test_of_many_who_decide_at_once_none_is_lost(folder: Path) -> None:
    people = [
        threading.Thread(target=decide_picture, args=(folder, "a.png", ACCEPTED), kwargs={"by": f"{n}"})
        for n in range(12)
    ]
    for each in people:
        each.start()
    for each in people:
        each.join(20)
    assert sorted(int(one.by) for one in shown(folder).said) == list(range(12))
