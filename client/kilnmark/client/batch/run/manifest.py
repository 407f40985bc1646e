"""What a folder of pictures knows about itself: `manifest.json`, one entry a picture, and how it is read and written.

The file is replaced whole, so that it is complete at any moment, whoever is killed; what has been written since stands
in its `journal`. Nothing here talks to a daemon or looks at a picture.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Literal

import msgspec

from kilnmark.client.batch.errors import BrokenManifest
from kilnmark.client.batch.plan.plan import Wishes
from kilnmark.client.batch.run.asked import AskedBatch, with_asked
from kilnmark.client.batch.run.findings import BatchFindings, SourceProblem, with_findings
from kilnmark.client.batch.run.journal import read_journal
from kilnmark.client.batch.run.picture import Picture
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.protocol.printable import printable_json

__all__ = [
    "MANIFEST",
    "Manifest",
    "begun",
    "read_manifest",
    "write_manifest",
]

MANIFEST = "manifest.json"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about a folder of pictures, over all the batches that wrote there.

    Attributes:
        schema: Version of this document.
        updated: When it was written last: UTC, ISO 8601.
        pictures: In the order in which they were first planned; `file` is the key.
        problems: What batches found in their sources and no later one has found to be mended.
        earlier: Pictures of entries that were painted otherwise since, and that somebody decided on or has another seed
            of; each says where it lies now.
        warnings: The same of what stops nothing.
        found: The same by folder of packs and kind, the latest first.
        asked: What batches were asked for here, the last of each folder of packs, kind and tier, the latest first.
    """

    schema: Literal[1] = 1
    kilnmark_version: str = version("kilnmark")
    updated: str = ""
    pictures: list[Picture] = []
    problems: list[SourceProblem] = []
    earlier: list[Picture] = []
    warnings: list[SourceProblem] = []
    found: list[BatchFindings] = []
    asked: list[AskedBatch] = []


def begun(manifest: Manifest, wishes: Wishes, found: BatchFindings, asked: AskedBatch) -> Manifest:
    """A manifest with what one more batch was asked for, and what its sources were found to have."""
    known = with_findings(manifest.found, found, wishes)
    return msgspec.structs.replace(
        manifest,
        problems=list(dict.fromkeys(each for one in known for each in one.problems)),
        warnings=list(dict.fromkeys(each for one in known for each in one.warnings)),
        found=known,
        asked=with_asked(manifest.asked, asked),
    )


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
        if other := _other_document(path):
            mend = "give the folder that a batch paints into, its --out"
            raise BrokenManifest(str(path), f"it is of {other}, and of no batch", mend) from error
        raise BrokenManifest(str(path), str(error)) from error
    if not later:
        return manifest
    pictures = {picture.file: picture for picture in [*manifest.pictures, *later]}
    return msgspec.structs.replace(manifest, pictures=list(pictures.values()))


def _other_document(path: Path) -> str:
    """What a file says that it is instead, if it says so: published pictures have a manifest of the same name."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Document).document
    except (OSError, msgspec.DecodeError):
        return ""


class _Document(msgspec.Struct):
    document: str


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest of a folder: after this the new one is there, before it the old one, at no time neither.

    The journal stays.

    Raises:
        OSError: It cannot be written; the old one stays.
    """
    with written_whole(folder / MANIFEST, alone=True) as file:
        file.write(msgspec.json.format(printable_json(manifest), indent=1).encode())
