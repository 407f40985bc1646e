"""One part of a file in several is never taken for the whole, and says where the others are."""

import json
from pathlib import Path

import numpy as np
import pytest

from kilnmark.keymaps.files.safefile import read_file
from kilnmark.keymaps.said.parts import INDEX_LIMIT, missing_parts
from kilnmark.keymaps.zoo.write import write_tensors


def part(folder: Path, name: str) -> str:
    return missing_parts(read_file(write_tensors(folder / name, {"a": np.ones(2, np.float32)})))


def test_the_other_parts_are_named(tmp_path: Path) -> None:
    assert part(tmp_path, "a-00001-of-00002.safetensors") == (
        "its name says that it is part 1 of 2, and what is in a-00002-of-00002.safetensors is not applied; "
        "join the parts into one file"
    )
    assert "a-00001-of-00009.safetensors, a-00002-of-00009.safetensors, a-00004-of-00009.safetensors, ..." in part(
        tmp_path, "a-00003-of-00009.safetensors"
    )


@pytest.mark.parametrize(
    "name",
    [
        "a.safetensors",
        "a-00001-of-00001.safetensors",
        "a-000012.safetensors",
        "a-1-of-2.safetensors",
        "00001-of-00002.safetensors",
    ],
)
def test_a_whole_file_is_none(tmp_path: Path, name: str) -> None:
    assert part(tmp_path, name) == ""


def test_what_the_index_says_is_elsewhere_is_counted(tmp_path: Path) -> None:
    index = tmp_path / "a.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "a-00001-of-00002.safetensors", "b": "x", "c": "x"}}))
    assert "not applied: 2 tensors by its index, first 'b'; join" in part(tmp_path, "a-00001-of-00002.safetensors")


@pytest.mark.parametrize("text", ["", "[", "[]", "{}", '{"weight_map": 5}', '{"weight_map": []}', "[" * 5000])
def test_an_index_that_cannot_be_understood_changes_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.safetensors.index.json").write_text(text)
    assert "not applied; join" in part(tmp_path, "a-00001-of-00002.safetensors")


def test_an_index_that_leads_out_of_the_folder_or_has_no_end_is_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (tmp_path / "secret.json").write_text(json.dumps({"weight_map": {"secret": "x"}}))
    index = folder / "a.safetensors.index.json"
    index.symlink_to(tmp_path / "secret.json")
    assert "secret" not in part(folder, "a-00001-of-00002.safetensors")
    index.unlink()
    index.write_text(json.dumps({"weight_map": {"b": "x" * INDEX_LIMIT}}))
    assert "by its index" not in part(folder, "a-00001-of-00002.safetensors")
