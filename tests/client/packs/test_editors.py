"""Schemas beside packs, and the lines that name them."""

from pathlib import Path

import pytest

from kilnmark.client.pack_files import PackFolder
from kilnmark.client.packs.editors import editor_line, schema_of, unnamed, write_schemas
from kilnmark.client.packs.scaffold import begin_packs
from kilnmark.protocol.content.schemas import SCHEMAS, shipped_schema


def test_every_schema_is_put_there_and_only_what_differs_again(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "packs"
    names = [f"{name}.schema.json" for name in SCHEMAS]
    assert write_schemas(folder) == names
    assert sorted(each.name for each in folder.iterdir()) == sorted(names)
    (folder / names[2]).write_text("{}")
    assert write_schemas(folder) == [names[2]]
    assert (folder / names[2]).read_text() == shipped_schema(list(SCHEMAS)[2])


@pytest.mark.parametrize(
    "document",
    [
        "picks.yaml",
        "ink/visual_style.yaml",
        "ink/tiers.yaml",
        "ink/loras.yaml",
        "ink/creatures.yaml",
        "ink/worlds/mire/visual_style.yaml",
        "ink/worlds/mire/history.yaml",
        "ink/worlds/mire/portrait_manifest.yaml",
    ],
)
def test_the_line_of_a_document_leads_to_a_schema(tmp_path: Path, document: str) -> None:
    write_schemas(tmp_path)
    place = tmp_path / document
    place.parent.mkdir(parents=True, exist_ok=True)
    named = editor_line(document).removeprefix("# yaml-language-server: $schema=")
    assert (place.parent / named).resolve() == tmp_path.resolve() / f"{schema_of(document)}.schema.json"
    assert (place.parent / named).is_file()


def test_a_world_is_no_genre() -> None:
    assert schema_of("ink/visual_style.yaml") == "genre"
    assert schema_of("ink/worlds/mire/visual_style.yaml") == "world"
    assert schema_of("ink/worlds/mire/notes.yaml") is None


def test_documents_that_name_no_schema_are_found_and_those_that_do_are_not(tmp_path: Path) -> None:
    begin_packs(tmp_path, "ink", "mire", "mini")
    assert list(unnamed(PackFolder(tmp_path))) == []
    (tmp_path / "ink" / "tiers.yaml").write_text("scene: {steps: 3}\n# yaml-language-server: too late\n")
    (tmp_path / "ink" / "loras.yaml").write_bytes(b"\xff")
    (tmp_path / "ink" / "visual_style.yaml").write_text("# ours\n\n# yaml-language-server: $schema=x\nloras: []\n")
    assert list(unnamed(PackFolder(tmp_path))) == ["ink/tiers.yaml", "ink/loras.yaml"]
