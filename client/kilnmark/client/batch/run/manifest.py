"""What a folder of pictures knows about itself: `manifest.json`, one entry a picture, and how it is read and written.

The file is replaced whole, so that it is complete at any moment, whoever is killed; what has been written since stands
in its `journal`. Nothing here talks to a daemon or looks at a picture.
"""

from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import msgspec

from kilnmark.client.batch.errors import BrokenManifest
from kilnmark.client.batch.run.asked import AskedBatch, with_asked
from kilnmark.client.batch.run.journal import read_journal
from kilnmark.client.batch.run.picture import Picture
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.protocol.printable import printable_json

__all__ = [
    "MANIFEST",
    "Manifest",
    "SourceProblem",
    "begun",
    "read_manifest",
    "write_manifest",
]

MANIFEST = "manifest.json"


class SourceProblem(msgspec.Struct, frozen=True):
    """An entry of a source that no picture can be made of, or something about it that its author should know.

    Attributes:
        file: The YAML file, as it was reached from the packs' folder.
        line: Counted from 1.
        message: What is wrong there, and what to do.
    """

    file: str
    line: int
    message: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about a folder of pictures, over all the batches that wrote there.

    Attributes:
        schema: Version of this document.
        updated: When it was written last: UTC, ISO 8601.
        pictures: In the order in which they were first planned; `file` is the key.
        problems: What the last batch found in its sources.
        earlier: Pictures of entries that were painted otherwise since, and that somebody decided on or has another seed
            of; each says where it lies now.
        warnings: What the last batch found in its sources that stops nothing.
        asked: What batches were asked for here, the last of each folder of packs, kind and tier, the latest first.
    """

    schema: Literal[1] = 1
    kilnmark_version: str = version("kilnmark")
    updated: str = ""
    pictures: list[Picture] = []
    problems: list[SourceProblem] = []
    earlier: list[Picture] = []
    warnings: list[SourceProblem] = []
    asked: list[AskedBatch] = []


def begun(
    manifest: Manifest,
    problems: Iterable[SourceProblem],
    warnings: Iterable[SourceProblem],
    asked: AskedBatch | None,
) -> Manifest:
    """A manifest with what one more batch was asked for, and what its sources were found to have."""
    known = manifest.asked if asked is None else with_asked(manifest.asked, asked)
    return msgspec.structs.replace(manifest, problems=list(problems), warnings=list(warnings), asked=known)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder with what its journal adds; an empty one where nothing has been written.

    Raises:
        BrokenManifest: One of them is there and cannot be read.
    """
    path, later = folder / MANIFEST, read_journal(folder)
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        manifest = Manifest()
    except (OSError, msgspec.DecodeError) as error:
        raise BrokenManifest(str(path), str(error)) from error
    if not later:
        return manifest
    pictures = {picture.file: picture for picture in [*manifest.pictures, *later]}
    return msgspec.structs.replace(manifest, pictures=list(pictures.values()))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest of a folder: after this the new one is there, before it the old one, at no time neither.

    The journal stays.

    Raises:
        OSError: It cannot be written; the old one stays.
    """
    with written_whole(folder / MANIFEST, alone=True) as file:
        file.write(msgspec.json.format(printable_json(manifest), indent=1).encode())
