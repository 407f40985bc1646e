"""What a folder of pictures knows about itself: `manifest.json`, one entry a picture, and how it is read and written.

The file is replaced whole and synced before every rename, so that it is complete at any moment, whoever is killed.
What belongs in an entry is decided by `plan` and `run`; nothing here talks to a daemon or looks at a picture.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Literal

import msgspec

from kilnmark.client.batch.errors import BrokenManifest
from kilnmark.client.batch.plan.subjects import Kind
from kilnmark.client.batch.plan.tokens import Tokens
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.picture.spec import PictureSpec

__all__ = [
    "MANIFEST",
    "Manifest",
    "Picture",
    "SourceProblem",
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


class Picture(PictureSpec, frozen=True, kw_only=True):
    """One picture of a batch: what it was made of, and how that ended.

    Attributes:
        world: None for what lies in the genre itself.
        name: As its source spells it.
        take: Which of the seeds of `--seeds` it has, counted from 1.
        source: The YAML file of its entry, from the packs' folder, and the line: `ash/worlds/mire/history.yaml:12`.
        tokens: The length of its prompt.
        file: Where it lies, from this manifest's folder, with forward slashes. A failed one is not there, or is that of
            an earlier batch.
        bare_file: The same without adapters, with the same seed; None where it was not asked for, has not been made, or
            would be the same picture.
        loras: One engagement report an adapter, in stack order, named as the style names them. Of a failed picture:
            those that the daemon refused it with, if any.
        status: Whether the picture is there.
        message: Of a failed one, why, in a sentence; of one that is done, what the daemon warned of, if anything.
        notice: Set when the picture must not be taken for a real one.
        job_id: Under which the daemon painted it; empty when it was not asked.
        inputs: SHA-256 over all that decides the picture, in hex; another one means that it is to be made again.
        bare_inputs: The same of `bare_file`; empty where there is none.
        fingerprint: Of the base that it was painted on; empty when that is not known.
        created: When it was painted, or failed: UTC, ISO 8601.
    """

    genre: str
    world: str | None
    kind: Kind
    name: str
    tier: str
    take: int = 1
    source: str
    tokens: Tokens
    file: str
    bare_file: str | None = None
    loras: list[AdapterReport]
    status: Literal["done", "failed"]
    message: str = ""
    notice: str = ""
    job_id: str = ""
    inputs: str
    bare_inputs: str = ""
    fingerprint: str = ""
    created: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about a folder of pictures, over all the batches that wrote there.

    Attributes:
        schema: Version of this document.
        updated: When it was written last: UTC, ISO 8601.
        pictures: In the order in which they were first planned; `file` is the key.
        problems: What the last batch found in its sources.
    """

    schema: Literal[1] = 1
    kilnmark_version: str = version("kilnmark")
    updated: str = ""
    pictures: list[Picture] = []
    problems: list[SourceProblem] = []


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder; an empty one where none has been written.

    Raises:
        BrokenManifest: There is one, and it cannot be read.
    """
    path = folder / MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return Manifest()
    except (OSError, msgspec.DecodeError) as error:
        raise BrokenManifest(str(path), str(error)) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest of a folder: after this the new one is there, before it the old one, at no time neither.

    Raises:
        OSError: It cannot be written; the old one stays.
    """
    with written_whole(folder / MANIFEST, alone=True) as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
