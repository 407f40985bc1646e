"""Content hashes: the same as those of a file that is read whole, config and all, and refused where reading is."""

import hashlib
from pathlib import Path

import pytest

from kilnmark.keymaps.errors import ExchangedFile, MissingFile, OutsideRoots
from kilnmark.keymaps.files.contents import check_unchanged, content_hash
from kilnmark.keymaps.files.safefile import read_file
from kilnmark.keymaps.zoo.write import make_adapter


def test_it_is_the_hash_of_a_file_that_is_read_whole(tmp_path: Path) -> None:
    path = make_adapter(tmp_path / "a.safetensors", blocks=1, rank=1)
    assert content_hash(path) == read_file(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "adapter_config.json").write_text('{"r": 1}')
    assert content_hash(path) == read_file(path).sha256 != hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_part_of_an_adapter_has_another_hash_than_a_whole_one(tmp_path: Path) -> None:
    whole = make_adapter(tmp_path / "a.safetensors", blocks=1, rank=1)
    part = whole.with_name("a-00001-of-00002.safetensors")
    part.write_bytes(whole.read_bytes())
    assert content_hash(part) == read_file(part).sha256 != content_hash(whole)


def test_what_may_not_be_read_has_none(tmp_path: Path) -> None:
    path = make_adapter(tmp_path / "a.safetensors", blocks=1, rank=1)
    (tmp_path / "loras").mkdir()
    with pytest.raises(OutsideRoots):
        content_hash(path, [tmp_path / "loras"])
    with pytest.raises(MissingFile):
        content_hash("b.safetensors", [tmp_path])


def test_another_hash_than_the_wanted_is_refused_and_none_wanted_is_any() -> None:
    check_unchanged("a", "1" * 64, "")
    check_unchanged("a", "1" * 64, "1" * 64)
    with pytest.raises(ExchangedFile, match="a: holds other bytes"):
        check_unchanged("a", "1" * 64, "2" * 64)
