"""Folders, journal and packs: where is room, what is sound, and what is wrong with some."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from kilnmark.client.cli.doctor.folders import look_at_folders
from kilnmark.client.cli.doctor.journal import look_at_journal
from kilnmark.client.cli.doctor.observation import Health, Observation
from kilnmark.client.cli.doctor.packs import look_at_packs
from kilnmark.client.cli.doctor.patient import Patient
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.journal.file import JournalFile
from tests.client.cli.doctor.patients import healths, patient, the_one
from tests.client.conftest import FakeDaemon

OK, WARNING, FAULT = Health.OK, Health.WARNING, Health.FAULT
PACKS = Path(__file__).resolve().parents[4] / "genre_packs"


@contextmanager
def disk(monkeypatch: pytest.MonkeyPatch, **changed: int) -> Iterator[None]:
    """Every disk is as the system tells it, save for this."""
    real = os.statvfs

    class Told:
        def __init__(self, path: Path) -> None:
            self._found = real(path)

        def __getattr__(self, name: str) -> int:
            return changed[name] if name in changed else int(getattr(self._found, name))

    with monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", Told)
        yield


def test_folders_that_are_still_to_be_made_are_well(tmp_path: Path) -> None:
    found = list(look_at_folders(patient(tmp_path, lora_roots=(tmp_path / "absent",))))
    assert healths(found) == [OK, OK]
    assert list(tmp_path.iterdir()) == []


def test_no_adapter_root_is_a_warning_and_a_file_in_its_place_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert the_one(look_at_folders(patient(tmp_path, lora_roots=())), WARNING).about == "adapters"
    assert the_one(look_at_folders(patient(tmp_path, lora_roots=(tmp_path / "file",))), FAULT).about == "adapters"


@pytest.mark.parametrize(
    ("changed", "health"),
    [
        ({"f_bavail": 0}, FAULT),
        ({"f_bavail": 100_000, "f_frsize": 4096}, WARNING),
        ({"f_files": 100, "f_favail": 0}, FAULT),
        ({"f_flag": os.ST_RDONLY}, FAULT),
    ],
)
def test_a_disk_that_takes_little_or_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, int], health: Health
) -> None:
    with disk(monkeypatch, **changed):
        assert the_one([each for each in look_at_folders(patient(tmp_path)) if each.health is not OK], health).mend


def test_a_file_where_pictures_should_go_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert the_one(look_at_folders(patient(tmp_path, output_dir=tmp_path / "file" / "x")), FAULT).about == "pictures"


def journal(path: Path) -> list[Observation]:
    return list(look_at_journal(patient(path.parent.parent, journal=path)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An empty journal."""
    path = tmp_path / "state" / "jobs.sqlite"
    JournalFile(path).close()
    return path


def test_a_sound_journal_is_told_and_left_as_it_is(path: Path) -> None:
    before = path.read_bytes()
    found = journal(path)
    assert healths(found) == [OK, OK]
    assert "is sound: 0 open jobs" in found[1].found
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_damaged_one_is_a_warning_and_is_not_moved(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    assert "is damaged" in the_one(journal(path), WARNING).found
    assert path.exists()


def test_a_link_that_leads_nowhere_is_no_journal(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")
    assert "no regular file" in the_one(journal(path), FAULT).found


def test_one_of_a_newer_version_is_a_fault_that_names_it(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    found = the_one(journal(path), FAULT).found
    assert str(path) in found
    assert "newer kilnmark" in found


def test_the_journal_of_a_daemon_is_told_by_it(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    with InProcessDaemon(journal=path) as running:
        found = list(look_at_journal(Patient(str(running.socket), None)))
    assert healths(found) == [OK, OK]
    assert found[0].found == str(path)


def test_a_daemon_without_one_says_so(daemon: FakeDaemon) -> None:
    assert healths(look_at_journal(Patient(str(daemon.socket), None))) == [OK]


def test_packs_that_can_be_read_are_well(tmp_path: Path) -> None:
    assert healths(look_at_packs(patient(tmp_path))) == [OK]
    found = list(look_at_packs(patient(tmp_path, packs=PACKS)))
    assert healths(found) == [OK]


def test_each_problem_of_a_pack_is_a_warning_with_its_place_and_many_are_counted(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / "packs" / f"ink{number}").mkdir(parents=True)
        (tmp_path / "packs" / f"ink{number}" / "visual_style.yaml").write_text("loras: 3\n")
    found = list(look_at_packs(patient(tmp_path, packs=tmp_path / "packs")))
    assert healths(found) == [OK, *[WARNING] * 6]
    assert "ink0/visual_style.yaml:1" in found[1].found
    assert found[-1].found == "and 2 problems more"


def test_a_folder_without_a_genre_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "packs").mkdir()
    assert the_one(look_at_packs(patient(tmp_path, packs=tmp_path / "packs")), WARNING).about == "packs"


def test_a_genre_that_is_named_instead_of_its_folder_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "visual_style.yaml").write_text("loras: []\n")
    found = the_one(look_at_packs(patient(tmp_path, packs=tmp_path / "packs")), FAULT)
    assert "this is a genre" in found.found
