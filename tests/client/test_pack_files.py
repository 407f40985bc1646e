"""Packs and their adapters on a real disk."""

import os
from pathlib import Path

import pytest

from kilnmark.client.pack_files import PackFolder
from kilnmark.keymaps.files.finder import AdapterFinder
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.content.composition import file_problems, stack_files
from kilnmark.protocol.content.marked_yaml import SIZE_LIMIT
from kilnmark.protocol.content.packs import load_pack
from kilnmark.protocol.content.problems import UnusableContent


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    """A genre with a world below it."""
    world = tmp_path / "packs" / "ink" / "worlds" / "mire"
    world.mkdir(parents=True)
    (tmp_path / "packs" / ".git").mkdir()
    return tmp_path / "packs"


def adapter(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return make_adapter(path, blocks=1, rank=1)


def test_genres_and_worlds_are_the_folders_that_are_not_hidden(packs: Path) -> None:
    (packs / "README.md").write_text("no genre")
    files = PackFolder(packs)
    assert (files.folders(""), files.folders("ink/worlds"), files.folders("oil/worlds")) == (["ink"], ["mire"], [])


def test_what_is_not_there_is_none_and_what_is_no_file_is_an_error(packs: Path) -> None:
    os.mkfifo(packs / "ink" / "tiers.yaml")
    files = PackFolder(packs)
    assert files.read("ink/visual_style.yaml") is None
    assert files.read("README.md/visual_style.yaml") is None
    for path in ("ink/tiers.yaml", "ink/worlds"):
        with pytest.raises(OSError, match="is no regular file"):
            files.read(path)


def test_a_file_that_cannot_be_read_is_a_problem_of_its_own(packs: Path) -> None:
    (packs / "ink" / "visual_style.yaml").mkdir()
    (packs / "ink" / "tiers.yaml").write_bytes(b"#" * (SIZE_LIMIT + 9))
    with pytest.raises(UnusableContent) as refused:
        load_pack(PackFolder(packs), "ink")
    first, second = map(str, refused.value.problems)
    assert first.startswith("ink/visual_style.yaml: cannot be read (")
    assert second.startswith(f"ink/tiers.yaml: has {SIZE_LIMIT + 1} bytes, more than")


def test_every_file_problem_of_a_stack_names_its_line(packs: Path) -> None:
    adapter(packs / "ink" / "a.safetensors")
    (packs / "ink" / "visual_style.yaml").write_text(
        "loras:\n"
        "  - {name: a, file: a.safetensors, scale: 1, applies_to: [scene]}\n"
        "  - name: b\n    file: b.safetensors\n    scale: 1\n    applies_to: [scene]\n"
    )
    style = load_pack(PackFolder(packs), "ink").compose("scene")
    located = AdapterFinder([packs]).named((file, packs / folder) for file, folder in stack_files(style))
    assert located.paths == [str(packs / "ink" / "a.safetensors"), str(packs / "ink" / "b.safetensors")]
    [problem] = file_problems(style, located.problems)
    assert str(problem).startswith("ink/visual_style.yaml:4: loras[1].file: b.safetensors: no such file in ")


def test_a_link_in_a_circle_costs_itself_alone(packs: Path) -> None:
    (packs / "circle").symlink_to("circle")
    assert PackFolder(packs).folders("") == ["ink"]
