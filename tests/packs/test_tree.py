"""The tree of packs itself: its size, and that what was planted is where the list says."""

from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.packs.tree import PacksTree, make_packs_tree


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> PacksTree:
    return make_packs_tree(tmp_path_factory.mktemp("packs"))


def loads(path: Path) -> bool:
    try:
        return isinstance(yaml.safe_load(path.read_bytes()), dict)
    except (yaml.YAMLError, UnicodeDecodeError):
        return False


def test_it_has_184_yaml_files_in_11_genres(tree: PacksTree) -> None:
    assert sorted(path.relative_to(tree.root).as_posix() for path in tree.root.rglob("*.yaml")) == sorted(tree.files)
    assert len(tree.files) == 184
    assert len({file.split("/")[0] for file in tree.files}) == 11


def test_every_file_that_yaml_cannot_load_has_a_planted_problem(tree: PacksTree) -> None:
    unloadable = {file for file in tree.files if not loads(tree.root / file)}
    assert len(unloadable) > 15
    assert unloadable <= {problem.file for problem in tree.planted}


def test_no_mark_is_left_and_every_planted_line_exists(tree: PacksTree) -> None:
    for file in tree.files:
        content = (tree.root / file).read_bytes()
        assert b"<<< " not in content
        last = content.count(b"\n") + 1
        assert all(1 <= problem.line <= last for problem in tree.planted if problem.file == file)


def test_every_kind_of_quality_is_there_often(tree: PacksTree) -> None:
    bad = {problem.file for problem in tree.planted}
    assert 40 < len(bad) < 120
    assert len(Counter(entry.genre for entry in tree.pois)) == 9
    assert len(tree.pois) > 30
    assert all(tree.problems_of(f"{name}.yaml") for name in ("visual_style", "history", "portrait_manifest"))


def test_the_same_tree_is_made_every_time(tree: PacksTree, tmp_path: Path) -> None:
    again = make_packs_tree(tmp_path)
    assert (again.planted, again.pois) == (tree.planted, tree.pois)
    assert all((tmp_path / file).read_bytes() == (tree.root / file).read_bytes() for file in tree.files)
