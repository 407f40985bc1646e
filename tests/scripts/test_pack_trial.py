"""The trial of a pack: its account of decisions sees one that is lost. The trial itself is run by `make pack-trial`."""

from pathlib import Path

import pytest

from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.picks.said import EntryName, EntryPick, PickedPicture, PickWord
from kilnmark.client.batch.picks.saying import moment_now, said_of
from scripts.pack_trial.house import House
from scripts.pack_trial.kills import Killer

ENTRY = EntryName.of("ink", "mire", "poi", "Tower 1", "landscape")


def say(files: PicksFiles, sha256: str, word: PickWord) -> None:
    picture = PickedPicture(sha256=sha256)
    files.change(
        lambda picks: picks.with_entry(
            said_of(picks.of_entry(ENTRY), picture, word, by="Ada", reason="", now=moment_now())
        )
    )


@pytest.fixture
def decided(tmp_path: Path) -> tuple[Killer, PicksFiles]:
    house = House(tmp_path, "mini")
    files = PicksFiles.of(house.pictures)
    say(files, "a" * 64, PickWord.ACCEPTED)
    say(files, "b" * 64, PickWord.REJECTED)
    killer = Killer(house, seed=1)
    killer.note()
    return killer, files


def test_decisions_that_stand_are_not_called_lost(decided: tuple[Killer, PicksFiles]) -> None:
    killer, _ = decided
    killer.look()
    assert killer.lost == set()


def test_a_word_that_became_another_is_lost(decided: tuple[Killer, PicksFiles]) -> None:
    killer, files = decided
    say(files, "b" * 64, PickWord.ACCEPTED)
    killer.look()
    assert killer.lost == {"b" * 64}


def test_a_file_that_is_gone_loses_everything(decided: tuple[Killer, PicksFiles]) -> None:
    killer, files = decided
    files.path.unlink()
    files.change(lambda picks: picks.with_entry(EntryPick(entry=ENTRY, rolls=1)))
    killer.look()
    assert killer.lost == {"a" * 64, "b" * 64}
