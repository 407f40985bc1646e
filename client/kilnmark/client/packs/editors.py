"""What an editor needs to check the documents of packs: the schemas beside them, and the line that names one.

What stands in a schema is `protocol.content.schemas`' part.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.protocol.content.composed import folder_of
from kilnmark.protocol.content.packs import STYLE_FILE, TIERS_FILE, PackFiles, pack_names
from kilnmark.protocol.content.picked import PICKS_FILE
from kilnmark.protocol.content.promoted import PROMOTED_FILE
from kilnmark.protocol.content.schemas import SCHEMAS, shipped_schema

__all__ = ["editor_line", "schema_of", "unnamed", "write_schemas"]

_BY_FILE: Mapping[str, str] = {
    TIERS_FILE: "tiers",
    PROMOTED_FILE: "promoted",
    "history.yaml": "history",
    "portrait_manifest.yaml": "portraits",
    "creatures.yaml": "creatures",
    PICKS_FILE: "picks",
}

_MARK = "yaml-language-server:"


def write_schemas(folder: Path) -> Sequence[str]:
    """Put every schema into a folder of packs, in place of older ones.

    Args:
        folder: Made where it is absent.

    Returns:
        The names of those that are new or had other bytes; what is as it should be is not written again.

    Raises:
        OSError: It cannot be written into.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in SCHEMAS:
        place, text = folder / _file_of(name), shipped_schema(name).encode()
        if place.is_symlink() or not place.is_file() or place.read_bytes() != text:
            with written_whole(place) as file:
                file.write(text)
            written.append(place.name)
    return written


def schema_of(document: str) -> str | None:
    """The name of the schema that a document is checked by; None where it is none that a pack has.

    Args:
        document: Its path from the folder of packs, with `/` between its parts.
    """
    place = PurePosixPath(document)
    if place.name == STYLE_FILE:
        return "world" if place.parent.parent.name == "worlds" else "genre"
    return _BY_FILE.get(place.name)


def editor_line(document: str) -> str:
    """The first line of a document of packs, which names its schema.

    Args:
        document: Its path from the folder of packs, with `/` between its parts; one that has a schema.
    """
    name = schema_of(document)
    assert name is not None, document  # noqa: S101 - the caller's to know
    up = "../" * (len(PurePosixPath(document).parts) - 1)
    return f"# {_MARK} $schema={up}{_file_of(name)}"


def unnamed(files: PackFiles) -> Iterator[str]:
    """The documents of packs whose first comments name no schema, by their paths.

    Args:
        files: Reads the folder of packs.

    Raises:
        UnusableContent: It cannot be listed.
    """
    for genre, world in pack_names(files):
        for name in (STYLE_FILE, *_BY_FILE):
            document = f"{folder_of(genre, world)}/{name}"
            try:
                data = files.read(document)
            except OSError:  # which a check tells of
                continue
            if data is not None and not _names_schema(data):
                yield document


def _names_schema(data: bytes) -> bool:
    for line in data.decode(errors="replace").splitlines():
        if _MARK in line:
            return True
        if line.strip() and not line.startswith("#"):
            return False
    return False


def _file_of(schema: str) -> str:
    return f"{schema}.schema.json"
