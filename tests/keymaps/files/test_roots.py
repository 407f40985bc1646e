"""Which file a path means, and that no path leads out of the roots."""

from pathlib import Path

import pytest

from kilnmark.keymaps.errors import MissingFile, OutsideRoots, UnsafeFile
from kilnmark.keymaps.files.roots import locate


@pytest.fixture
def roots(tmp_path: Path) -> list[Path]:
    found = [tmp_path / "first", tmp_path / "second"]
    for root in found:
        root.mkdir()
    return found


def test_a_relative_path_is_looked_up_in_the_roots_in_order(roots: list[Path]) -> None:
    for root in roots:
        (root / "both").touch()
    (roots[1] / "second only").touch()
    assert locate("both", roots) == roots[0] / "both"
    assert locate("second only", roots) == roots[1] / "second only"


def test_an_absolute_path_below_a_root_is_taken(roots: list[Path]) -> None:
    (roots[1] / "a").touch()
    assert locate(roots[1] / "a", roots) == roots[1] / "a"


def test_without_roots_every_place_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert locate(tmp_path / "a") == tmp_path / "a"


def test_a_missing_file_names_the_roots_that_were_searched(roots: list[Path]) -> None:
    with pytest.raises(MissingFile, match=r"first.*second"):
        locate("nothing", roots)


def test_a_missing_absolute_path_below_a_root_is_missing(roots: list[Path]) -> None:
    with pytest.raises(MissingFile, match="no such file"):
        locate(roots[0] / "nothing", roots)


def test_a_link_to_nothing_is_not_called_no_file(roots: list[Path], tmp_path: Path) -> None:
    link = roots[0] / "ink.safetensors"
    link.symlink_to(roots[0] / "gone")
    for path, where in ((link, None), (link, roots)):
        with pytest.raises(MissingFile, match="is a link to a file that is not there"):
            locate(path, where)
    outside = tmp_path / "outside.safetensors"
    outside.symlink_to("gone")
    with pytest.raises(OutsideRoots):
        locate(outside, roots)


@pytest.mark.parametrize("exists", [True, False])
def test_an_absolute_path_outside_is_refused_alike_whether_it_exists_or_not(
    tmp_path: Path, roots: list[Path], exists: bool
) -> None:
    if exists:
        (tmp_path / "outside").touch()
    with pytest.raises(OutsideRoots, match="--lora-root"):
        locate(tmp_path / "outside", roots)


def test_dots_do_not_lead_out(tmp_path: Path, roots: list[Path]) -> None:
    (tmp_path / "outside").touch()
    with pytest.raises(OutsideRoots):
        locate("../outside", roots)


def test_a_link_that_leads_out_is_refused(tmp_path: Path, roots: list[Path]) -> None:
    (tmp_path / "outside").touch()
    (roots[0] / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(OutsideRoots):
        locate("link", roots)


def test_a_link_that_stays_below_a_root_is_followed(roots: list[Path]) -> None:
    (roots[1] / "file").touch()
    (roots[0] / "link").symlink_to(roots[1] / "file")
    assert locate("link", roots) == roots[1] / "file"


def test_a_root_that_is_a_link_itself_holds_what_it_leads_to(tmp_path: Path, roots: list[Path]) -> None:
    (roots[0] / "file").touch()
    (tmp_path / "alias").symlink_to(roots[0])
    assert locate("file", [tmp_path / "alias"]) == roots[0] / "file"


def test_a_sibling_that_begins_like_a_root_is_outside(tmp_path: Path, roots: list[Path]) -> None:
    (tmp_path / "first-too").mkdir()
    (tmp_path / "first-too" / "a").touch()
    with pytest.raises(OutsideRoots):
        locate(tmp_path / "first-too" / "a", roots)


def test_no_roots_at_all_allow_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(OutsideRoots, match="--lora-root"):
        locate(tmp_path / "a", [])


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "loop"])
def test_a_path_that_cannot_be_followed_is_refused(roots: list[Path], path: str) -> None:
    (roots[0] / "loop").symlink_to("loop")
    with pytest.raises(UnsafeFile, match="path"):
        locate(path, roots)


def test_a_name_that_is_no_unicode_is_refused(roots: list[Path]) -> None:
    name = b"\xff.safetensors".decode("utf-8", "surrogateescape")
    (roots[0] / name).touch()
    with pytest.raises(UnsafeFile, match="not a path"):
        locate(name, roots)
