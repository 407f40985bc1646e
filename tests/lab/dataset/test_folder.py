"""What lies in a dataset's folder: found below it, once each, with nothing hidden taken for a picture."""

from pathlib import Path

import pytest

from kilnmark.lab.dataset.findings import Code
from kilnmark.lab.dataset.folder import listed


def _touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_pictures_are_known_by_their_endings_in_any_case_and_at_any_depth(tmp_path: Path) -> None:
    _touch(tmp_path / "b.PNG", tmp_path / "deep/er/a.jpeg", tmp_path / "a.txt", tmp_path / "notes.md")
    listing = listed(tmp_path)
    assert listing.pictures == ["b.PNG", "deep/er/a.jpeg"]
    assert (listing.texts, listing.others) == (["a.txt"], ["notes.md"])


def test_a_loop_of_links_is_gone_through_once_and_told(tmp_path: Path) -> None:
    _touch(tmp_path / "in/a.png")
    (tmp_path / "in/again").symlink_to(tmp_path)
    (tmp_path / "in/self").symlink_to("self")
    listing = listed(tmp_path)
    assert listing.pictures == ["in/a.png"]
    assert listing.again == ["in/again"]
    assert [finding.code for finding in listing.findings()] == [Code.LOOP]


def test_hidden_files_and_what_archivers_and_trainers_leave_are_passed_over(tmp_path: Path) -> None:
    _touch(tmp_path / "._a.png", tmp_path / "__MACOSX/a.png", tmp_path / ".mflux_cache/x.png", tmp_path / "a.png")
    listing = listed(tmp_path)
    assert listing.pictures == ["a.png"]
    assert sorted(listing.passed_over) == ["._a.png", ".mflux_cache", "__MACOSX"]


def test_pictures_of_kinds_that_are_not_read_are_refused_by_name(tmp_path: Path) -> None:
    _touch(tmp_path / "a.HEIC", tmp_path / "b.tiff")
    (finding,) = listed(tmp_path).findings()
    assert (finding.code, finding.files) == (Code.FOREIGN_FORMAT, ("a.HEIC", "b.tiff"))


def test_a_folder_that_cannot_be_looked_into_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _touch(tmp_path / "shut/a.png")
    import os

    real = os.scandir

    def scandir(path: str | Path) -> object:
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr("kilnmark.lab.dataset.folder.os.scandir", scandir)
    assert [finding.code for finding in listed(tmp_path).findings()] == [Code.UNREADABLE_FOLDER]
