"""Which of a user's folders count."""

from pathlib import PurePosixPath

import pytest

from kilnmark.protocol.xdg import XDG_FOLDERS, ignored_folders, xdg_folder


@pytest.mark.parametrize("name", XDG_FOLDERS)
def test_an_absolute_path_counts(name: str) -> None:
    assert xdg_folder({name: "/a/b"}, name) == PurePosixPath("/a/b")
    assert ignored_folders({name: "/a/b"}) == []


@pytest.mark.parametrize("relative", ["a", "./a", "../a", ".", "~/a", "$HOME/a", " /a"])
def test_any_other_counts_for_nothing_and_is_named(relative: str) -> None:
    for name in XDG_FOLDERS:
        assert xdg_folder({name: relative}, name) is None
        assert ignored_folders({name: relative}) == [name]


def test_one_that_is_unset_or_empty_is_not_named() -> None:
    assert xdg_folder({"XDG_DATA_HOME": ""}, "XDG_DATA_HOME") is None
    assert ignored_folders({"XDG_DATA_HOME": ""}) == []
    assert xdg_folder({}, "XDG_DATA_HOME") is None
