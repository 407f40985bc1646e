"""A picture's file is read below its roots alone, and is the one that was meant."""

import hashlib
import os
from pathlib import Path

import pytest

from kilnmark.keymaps.errors import RefusedPicture
from kilnmark.keymaps.pictures.file import read_picture
from tests.keymaps.pictures.shown import put


def refusal(path: str | Path, roots: list[Path], sha256: str = "", size_limit: int = 1 << 20) -> str:
    with pytest.raises(RefusedPicture) as caught:
        read_picture(path, roots, sha256, size_limit=size_limit)
    assert caught.value.mend
    return str(caught.value)


def test_a_file_is_read_whole_and_hashed(tmp_path: Path) -> None:
    path = put(tmp_path)
    found = read_picture("a.png", [tmp_path])
    assert (found.path, found.data) == (str(path), path.read_bytes())
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_picture(path, [tmp_path], found.sha256) == found


def test_links_and_dots_are_followed_and_lead_no_further_than_the_roots(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    secret = put(outside)
    (inside / "link.png").symlink_to(secret)
    put(inside, "b.png")
    (inside / "good.png").symlink_to(inside / "b.png")
    for path in ("link.png", "../out/a.png", str(secret), inside / ".." / "out" / "a.png"):
        said = refusal(path, [inside])
        assert f"outside the image roots ({inside})" in said
        assert "--image-root" in said
    assert read_picture("good.png", [inside]).path == str(inside / "b.png")


def test_without_a_root_nothing_is_read(tmp_path: Path) -> None:
    assert "no image root is set; start the daemon with --image-root DIRECTORY" in refusal(put(tmp_path), [])


def test_what_is_no_file_is_told_without_being_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is a pipe; give the path of a picture's file" in refusal("pipe", [tmp_path])
    assert "is a directory" in refusal(tmp_path, [tmp_path])
    assert "no such file" in refusal("gone.png", [tmp_path])


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    assert "more than the 10 allowed; give a smaller picture" in refusal(put(tmp_path), [tmp_path], size_limit=10)


def test_another_picture_than_was_meant_is_refused(tmp_path: Path) -> None:
    assert "is not the picture any more" in refusal(put(tmp_path), [tmp_path], "0" * 64)
