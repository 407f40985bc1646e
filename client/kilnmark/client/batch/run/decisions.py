"""What people decided about the pictures of a batch: `decisions.jsonl` beside the manifest, one decision a line.

Lines are only ever added, each synced before it counts, by anybody at any time; the last one about a picture is the one
that stands. A decision names the picture by its file and by the hash of its bytes, so that it is told as stale, and not
lost, when the file is painted again. Nothing here changes a picture or the manifest.
"""

import fcntl
import hashlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec

from kilnmark.client.batch.errors import BrokenManifest, FolderUnusable, NoSuchPicture
from kilnmark.client.batch.run.manifest import Manifest, read_manifest
from kilnmark.keymaps.files.atomic import sync_folder
from kilnmark.protocol.printable import encodable_json

__all__ = ["DECISIONS", "DecisionWord", "PictureDecision", "decide_picture", "decisions_of", "read_decisions"]

DECISIONS: Final = "decisions.jsonl"

_LONGEST = 2000
"""Characters of a reason."""


class DecisionWord(StrEnum):
    """What somebody says of a picture.

    Attributes:
        OPEN: What was decided before is taken back.
    """

    APPROVED = "approved"
    REJECTED = "rejected"
    OPEN = "open"


class PictureDecision(msgspec.Struct, frozen=True, kw_only=True):
    """One decision about one picture.

    Attributes:
        at: When: UTC, ISO 8601.
        file: The picture, as the manifest names it.
        sha256: Of the bytes that were looked at, in hex.
        word: What was decided.
        by: Who; empty: they did not say.
        reason: Why; empty likewise.
    """

    at: str
    file: str
    sha256: str
    word: DecisionWord
    by: Annotated[str, msgspec.Meta(max_length=_LONGEST)] = ""
    reason: Annotated[str, msgspec.Meta(max_length=_LONGEST)] = ""


def read_decisions(folder: Path) -> list[PictureDecision]:
    """Every decision that was ever made in a folder, in its order; a last line that was cut off was never made.

    Raises:
        BrokenManifest: A whole line cannot be read.
    """
    path = folder / DECISIONS
    try:
        *lines, _ = path.read_bytes().split(b"\n")
        return [msgspec.json.decode(line, type=PictureDecision) for line in lines]
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BrokenManifest(str(path), str(error)) from error


def decisions_of(folder: Path) -> Mapping[str, PictureDecision]:
    """The decision that stands about each picture, by its file; those that were taken back are not there.

    Raises:
        BrokenManifest: A whole line cannot be read.
    """
    last = {one.file: one for one in read_decisions(folder)}
    return {file: one for file, one in last.items() if one.word is not DecisionWord.OPEN}


def decide_picture(
    folder: Path,
    file: str,
    word: DecisionWord,
    *,
    by: str = "",
    reason: str = "",
    sha256: str = "",
    manifest: Manifest | None = None,
) -> PictureDecision:
    """Decide about one picture; it is on disk when this returns.

    Args:
        folder: Of the batch.
        file: The picture, as the manifest names it.
        word: What is decided.
        by: Who decides.
        reason: Why.
        sha256: Of the bytes that were looked at; empty: those that are there now.
        manifest: The folder's, where it is read already.

    Raises:
        NoSuchPicture: The manifest has none of that name, it is not there, or not the one that was looked at.
        BrokenManifest: It cannot be read.
        FolderUnusable: The decision cannot be written.
    """
    known = {one.file for one in (manifest or read_manifest(folder)).pictures}
    if file not in known:
        raise NoSuchPicture(str(folder), file, "the manifest names none like that")
    there = _sha256(folder, file)
    if sha256 and sha256 != there:
        raise NoSuchPicture(str(folder), file, "it was painted again since you looked at it")
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    decision = PictureDecision(
        at=moment, file=file, sha256=there, word=word, by=by[:_LONGEST], reason=reason[:_LONGEST]
    )
    _append(folder / DECISIONS, decision)
    return decision


def _sha256(folder: Path, file: str) -> str:
    try:
        with (folder / file).open("rb") as picture:
            return hashlib.file_digest(picture, "sha256").hexdigest()
    except OSError as error:
        raise NoSuchPicture(str(folder), file, error.strerror or str(error)) from error


def _append(path: Path, decision: PictureDecision) -> None:
    """Over what is left of a line that was cut off, while nobody else appends."""
    try:
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            text = file.read()
            file.truncate(text.rfind(b"\n") + 1)
            file.write(encodable_json(decision) + b"\n")
            file.flush()
            os.fsync(file.fileno())
            if not text:
                sync_folder(path.parent)
    except OSError as error:
        raise FolderUnusable(str(path.parent), str(error)) from error
