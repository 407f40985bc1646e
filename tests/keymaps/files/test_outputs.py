"""The folder of pictures: for whom, swept of what crashed, and with room."""

import os
import stat
import time
from pathlib import Path

import pytest

from kilnmark.keymaps.files.outputs import OutputFolder

LEFT = ".0123456789abcdef.partial"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("mode", "folder_mode"), [(0o600, 0o700), (0o640, 0o750), (0o644, 0o755)])
def test_a_picture_and_a_folder_made_for_it_are_for_whom_the_setting_says(
    tmp_path: Path, mode: int, folder_mode: int
) -> None:
    outputs = OutputFolder(tmp_path / "pictures", mode)
    with outputs.written("a.png") as file:
        file.write(b"x")
    assert (mode_of(outputs.path / "a.png"), mode_of(outputs.path)) == (mode, folder_mode)


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    OutputFolder(tmp_path).make_ready()
    assert mode_of(tmp_path) == 0o755


def test_what_a_crash_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    long_ago = time.time() - 3600
    for name in (LEFT, ".fedcba9876543210.partial", "a.png", ".mine.partial", "0123456789abcdef.partial"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (long_ago, long_ago))
    os.utime(tmp_path / ".fedcba9876543210.partial")  # somebody is at it
    (tmp_path / ".aaaaaaaaaaaaaaaa.partial").symlink_to("a.png")
    kept = {path.name for path in tmp_path.iterdir()} - {LEFT}
    assert OutputFolder(tmp_path).make_ready() == 1
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_too_little_room_is_told_before(tmp_path: Path) -> None:
    outputs = OutputFolder(tmp_path)
    outputs.check_room(1000)
    with pytest.raises(OSError, match="MB are free") as caught:
        outputs.check_room(1 << 60)
    assert caught.value.filename == str(tmp_path)


def test_a_file_in_the_place_of_the_folder_is_an_error_at_every_use(tmp_path: Path) -> None:
    (tmp_path / "pictures").touch()
    outputs = OutputFolder(tmp_path / "pictures")
    with pytest.raises(FileExistsError):
        outputs.make_ready()
    with pytest.raises(FileExistsError):
        outputs.check_room(1)
    with pytest.raises(FileExistsError), outputs.written("a.png"):
        pass
