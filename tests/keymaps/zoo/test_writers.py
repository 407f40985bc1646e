"""Who writes what the zoo has: every exhibit that somebody writes says who, and where that is known from."""

from pathlib import Path

from kilnmark.keymaps.files.safefile import read_header
from kilnmark.keymaps.zoo.exhibit import Exhibit
from kilnmark.keymaps.zoo.usual import diffusers
from kilnmark.keymaps.zoo.writers import load_writers
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit
from kilnmark.protocol.picture.report import Verdict


def test_every_writer_of_an_exhibit_is_known_and_its_source_told() -> None:
    written = [exhibit for exhibit in EXHIBITS if exhibit.writer]
    assert {exhibit.writer for exhibit in written} <= load_writers().keys()
    assert [exhibit.name for exhibit in written if not exhibit.source] == []


def test_every_healthy_exhibit_has_a_writer() -> None:
    healthy = [e for e in EXHIBITS if e.verdict is Verdict.ENGAGED and not e.flaw and not e.damage]
    assert len(healthy) > 50
    assert [exhibit.name for exhibit in healthy if not exhibit.writer] == []


def test_every_writer_has_exhibits_of_its_own_or_files_like_those_of_others() -> None:
    names, own = {exhibit.name for exhibit in EXHIBITS}, {exhibit.writer for exhibit in EXHIBITS}
    assert [key for key, writer in load_writers().items() if key not in own and not writer.like] == []
    assert {name for writer in load_writers().values() for name in writer.like} <= names


def test_names_are_names_of_one_exhibit_each() -> None:
    assert len({exhibit.name for exhibit in EXHIBITS}) == len(EXHIBITS)


def test_metadata_a_name_and_files_beside_are_written(tmp_path: Path) -> None:
    exhibit = Exhibit(
        "folder",
        (diffusers(),),
        change=lambda tensors: {f"renamed.{name}": matrix for name, matrix in tensors.items()},
        metadata={"said": "by a test"},
        file="adapter_model.safetensors",
        beside={"adapter_config.json": "{}", "{stem}.txt": "words"},
    )
    path = write_exhibit(tmp_path / "any.safetensors", exhibit, rank=1, blocks=1)
    header = read_header(path)
    assert path.name == "adapter_model.safetensors"
    assert header.metadata["said"] == "by a test"
    assert all(name.startswith("renamed.transformer.") for name in header.tensors)
    assert {file.name for file in tmp_path.iterdir()} == {path.name, "adapter_config.json", "adapter_model.txt"}
