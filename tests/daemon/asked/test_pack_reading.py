"""Whether what was read is still true, and what is not read at all."""

import os
from pathlib import Path

import pytest

from kilnmark.daemon.asked.pack_reading import PackReading

LONG_AGO_NS = -(10**15)
"""Before any file of a test, so that none counts as changed just now."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a genre, whose files count as settled however young they are."""
    monkeypatch.setattr("kilnmark.keymaps.files.identity._TICK_NS", LONG_AGO_NS)
    monkeypatch.setattr("kilnmark.keymaps.files.identity._COARSE_TICK_NS", LONG_AGO_NS)
    (tmp_path / "ink").mkdir()
    (tmp_path / "ink" / "a.yaml").write_text("a: 1")
    return tmp_path


def read(folder: Path) -> PackReading:
    reading = PackReading(folder)
    assert reading.read("ink/a.yaml") == b"a: 1"
    assert reading.read("ink/absent.yaml") is None
    assert reading.folders("") == ["ink"]
    return reading


def test_it_is_current_while_nothing_changes(folder: Path) -> None:
    reading = read(folder)
    (folder / "ink" / "other.yaml").write_text("nobody asked for it")
    (folder / ".hidden").mkdir()
    assert reading.is_current()


@pytest.mark.parametrize("what", ["written", "replaced", "removed", "appeared", "folder", "hidden by a pipe"])
def test_any_change_of_what_was_asked_for_ends_that(folder: Path, what: str) -> None:
    reading, path = read(folder), folder / "ink" / "a.yaml"
    match what:
        case "written":
            path.write_text("a: 22")
        case "replaced":
            (folder / "new").write_text("a: 1")
            (folder / "new").rename(path)
        case "removed":
            path.unlink()
        case "appeared":
            (folder / "ink" / "absent.yaml").touch()
        case "folder":
            (folder / "oil").mkdir()
        case _:
            path.unlink()
            os.mkfifo(path)
    assert not reading.is_current()


def test_a_file_that_was_changed_just_before_it_was_read_is_read_again(tmp_path: Path) -> None:
    young = PackReading(tmp_path)
    (tmp_path / "a.yaml").write_text("a: 1")
    assert young.read("a.yaml") == b"a: 1"
    assert not young.is_current()


def test_a_link_is_followed_and_counts_as_changed_when_it_leads_elsewhere(folder: Path) -> None:
    link = folder / "ink" / "absent.yaml"
    link.symlink_to("a.yaml")
    reading = PackReading(folder)
    assert reading.read("ink/absent.yaml") == b"a: 1"
    assert reading.is_current()
    (folder / "ink" / "b.yaml").write_text("a: 1")
    link.unlink()
    link.symlink_to("b.yaml")
    assert not reading.is_current()


def test_what_is_no_file_is_an_error_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "ink" / "pipe.yaml")
    for path in ("ink/pipe.yaml", "ink"):
        with pytest.raises(OSError, match="is no regular file"):
            PackReading(folder).read(path)


def test_a_link_that_leads_outside_is_refused_without_a_word_of_what_is_there(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "secret.yaml").write_text("words: secret")
    (folder / "ink" / "link.yaml").symlink_to(outside / "secret.yaml")
    (folder / "oil").symlink_to(outside)
    reading = PackReading(folder)
    for path in ("ink/link.yaml", "oil/secret.yaml"):
        with pytest.raises(OSError, match="leads outside the folder of packs") as caught:
            reading.read(path)
        assert "secret: " not in str(caught.value)


def test_a_link_in_a_circle_costs_itself_alone(folder: Path) -> None:
    (folder / "circle").symlink_to("circle")
    (folder / "ink" / "circle.yaml").symlink_to("circle.yaml")
    reading = PackReading(folder)
    assert reading.folders("") == ["ink"]
    with pytest.raises(OSError, match="Too many levels"):
        reading.read("ink/circle.yaml")
    assert reading.read("ink/a.yaml") == b"a: 1"
