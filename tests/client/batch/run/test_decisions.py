"""Decisions about pictures: kept one a line, by anybody at any time, none lost and none about other bytes."""

import threading
from pathlib import Path

import msgspec
import pytest

from kilnmark.client.batch.errors import BrokenManifest, NoSuchPicture
from kilnmark.client.batch.run.decisions import DECISIONS, DecisionWord, decide_picture, decisions_of, read_decisions
from kilnmark.client.batch.run.manifest import Manifest, write_manifest
from tests.client.batch.samples import picture

APPROVED, REJECTED, OPEN = DecisionWord.APPROVED, DecisionWord.REJECTED, DecisionWord.OPEN


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictures = [msgspec.structs.replace(picture(), file=f"{name}.png") for name in ("a", "b", "gone")]
    write_manifest(tmp_path, Manifest(pictures=pictures))
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_text(name)
    return tmp_path


def test_the_last_decision_stands(folder: Path) -> None:
    decide_picture(folder, "a.png", REJECTED, by="Ada", reason="six fingers")
    decide_picture(folder, "b.png", APPROVED)
    made = decide_picture(folder, "a.png", APPROVED, by="Bo")
    assert decisions_of(folder)["a.png"] == made
    assert (made.word, made.by, made.reason) == (APPROVED, "Bo", "")
    assert [one.file for one in read_decisions(folder)] == ["a.png", "b.png", "a.png"]


def test_one_that_was_taken_back_does_not_stand(folder: Path) -> None:
    decide_picture(folder, "a.png", APPROVED)
    decide_picture(folder, "a.png", OPEN)
    assert decisions_of(folder) == {}
    assert len(read_decisions(folder)) == 2


@pytest.mark.parametrize("file", ["c.png", "gone.png", "../a.png", "manifest.json"])
def test_nothing_is_decided_about_what_is_not_there(folder: Path, file: str) -> None:
    with pytest.raises(NoSuchPicture, match="nothing was decided"):
        decide_picture(folder, file, APPROVED)
    assert not (folder / DECISIONS).exists()


def test_nothing_is_decided_about_other_bytes_than_were_seen(folder: Path) -> None:
    seen = decide_picture(folder, "a.png", APPROVED).sha256
    (folder / "a.png").write_text("another")
    with pytest.raises(NoSuchPicture, match="painted again"):
        decide_picture(folder, "a.png", REJECTED, sha256=seen)
    assert decisions_of(folder)["a.png"].word is APPROVED


def test_a_line_that_was_cut_off_was_never_decided_and_hinders_nobody(folder: Path) -> None:
    decide_picture(folder, "a.png", APPROVED)
    with (folder / DECISIONS).open("a") as file:
        file.write('{"at":"2026')
    assert list(decisions_of(folder)) == ["a.png"]
    decide_picture(folder, "b.png", REJECTED)
    assert list(decisions_of(folder)) == ["a.png", "b.png"]


def test_a_line_that_cannot_be_read_is_told(folder: Path) -> None:
    (folder / DECISIONS).write_text("{}\n")
    with pytest.raises(BrokenManifest, match=DECISIONS):
        read_decisions(folder)


def test_of_many_who_decide_at_once_none_is_lost(folder: Path) -> None:
    people = [
        threading.Thread(target=decide_picture, args=(folder, "a.png", APPROVED), kwargs={"by": f"{n}"})
        for n in range(20)
    ]
    for each in people:
        each.start()
    for each in people:
        each.join(10)
    assert sorted(int(one.by) for one in read_decisions(folder)) == list(range(20))
