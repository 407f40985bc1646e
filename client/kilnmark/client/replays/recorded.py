"""A picture that lies somewhere, and what it says of itself. Nothing is compared here, and nobody is asked."""

import hashlib
from io import BytesIO
from pathlib import Path

import msgspec

from kilnmark.keymaps.errors import RefusedPicture
from kilnmark.keymaps.pictures.file import read_picture
from kilnmark.protocol.picture.record import PictureRecord, find_record, is_whole

__all__ = ["RecordedPicture", "recorded_picture"]


class RecordedPicture(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of kilnmark.

    Attributes:
        file: Absolute.
        sha256: Of its bytes, in hex.
        whole: Each part of the PNG has the checksum that it was written with, to the last byte.
        record: What it says of itself.
    """

    file: str
    sha256: str
    whole: bool
    record: PictureRecord


def recorded_picture(path: Path) -> RecordedPicture:
    """Read one.

    Raises:
        RefusedPicture: It is not there, cannot be read, or says nothing of itself.
    """
    found = read_picture(path.absolute(), None)
    record = find_record(BytesIO(found.data))
    if record is None:
        problem = "says nothing of how it was made: it is no PNG of kilnmark, or was saved anew by another program"
        raise RefusedPicture(found.path, problem, "give the file that the daemon or a batch wrote, or a copy of it")
    sha256 = hashlib.sha256(found.data).hexdigest()
    return RecordedPicture(file=found.path, sha256=sha256, whole=is_whole(BytesIO(found.data)), record=record)
