"""One picture's file, opened once, read once and hashed, by the rules that adapters' files are read by.

What stands in it is `decoded`'s part.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from kilnmark.keymaps.errors import RefusedFile, RefusedPicture
from kilnmark.keymaps.files.opened import fill, opened
from kilnmark.keymaps.files.roots import PICTURE, AnyPath

__all__ = ["SIZE_LIMIT", "PictureFile", "read_picture"]

SIZE_LIMIT = 64 << 20
"""Bytes of the largest file read: a photograph of 50 megapixels has less than half of it."""


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture's file, whole in memory.

    Attributes:
        path: Absolute, symbolic links resolved; as it was called where it came within a request.
        data: All its bytes.
    """

    path: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Of all its bytes, in hex."""
        return hashlib.sha256(self.data).hexdigest()


def read_picture(
    path: AnyPath, roots: Sequence[AnyPath] | None, sha256: str = "", *, size_limit: int = SIZE_LIMIT
) -> PictureFile:
    """Read a picture's file.

    Args:
        path: Absolute, or relative to one of the roots.
        roots: Directories that pictures may be read from; None allows every place.
        sha256: What it has to hold; empty: whatever it does.
        size_limit: In bytes.

    Raises:
        RefusedPicture: It is not there, may not be read, is no regular file, is too large, or holds something else.
    """
    try:
        with opened(path, roots, size_limit, wanted=PICTURE) as source:
            data = bytearray(source.size)
            fill(source, memoryview(data))
    except RefusedFile as error:
        raise RefusedPicture(error.path, error.problem, error.mend) from error
    found = PictureFile(source.path, bytes(data))
    if sha256 and found.sha256 != sha256:
        problem = "is not the picture any more that it was when the render was accepted"
        raise RefusedPicture(found.path, problem, "ask for the render again")
    return found
