"""Packs and their adapters on a real disk."""

import os
from pathlib import Path

import pytest

from kilnmark.client.cli.pack_files import PackFolder, find_adapter
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.content.composition import locate_adapters
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


def test_an_adapter_is_looked_for_beside_its_document_first(packs: Path, tmp_path: Path) -> None:
    beside = adapter(packs / "ink" / "loras" / "a.safetensors")
    adapter(packs / "loras" / "a.safetensors")
    shared = adapter(tmp_path / "shared" / "loras" / "b.safetensors")
    assert find_adapter("loras/a.safetensors", "ink", packs).path == str(beside)
    assert find_adapter("../../loras/a.safetensors", "ink/worlds/mire", packs).path == str(beside)
    found = find_adapter("loras/b.safetensors", "ink", packs, [tmp_path / "shared"])
    assert (found.path, found.problem) == (str(shared), "")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("gone.safetensors", "no such file in "),
        ("../../outside.safetensors", "lies outside the adapter roots"),
        ("link.safetensors", "lies outside the adapter roots"),
        ("notes.txt", "safetensors"),
        ("worlds", "is a directory"),
    ],
)
def test_a_file_that_is_no_adapter_of_the_packs_is_a_problem_with_its_mend(
    packs: Path, tmp_path: Path, file: str, words: str
) -> None:
    outside = adapter(tmp_path / "outside.safetensors")
    (packs / "ink" / "link.safetensors").symlink_to(outside)
    (packs / "ink" / "notes.txt").write_text("these are notes and no adapter at all, however long they are")
    found = find_adapter(file, "ink", packs)
    assert words in found.problem
    assert "; " in found.problem


def test_every_file_problem_of_a_stack_names_its_line(packs: Path) -> None:
    adapter(packs / "ink" / "a.safetensors")
    (packs / "ink" / "visual_style.yaml").write_text(
        "loras:\n"
        "  - {name: a, file: a.safetensors, scale: 1, applies_to: [scene]}\n"
        "  - name: b\n    file: b.safetensors\n    scale: 1\n    applies_to: [scene]\n"
    )
    style = load_pack(PackFolder(packs), "ink").compose("scene")
    located = locate_adapters(style, lambda file, folder: find_adapter(file, folder, packs))
    assert located.paths == [str(packs / "ink" / "a.safetensors"), str(packs / "ink" / "b.safetensors")]
    [problem] = located.problems
    assert str(problem).startswith("ink/visual_style.yaml:4: loras[1].file: b.safetensors: no such file in ")
