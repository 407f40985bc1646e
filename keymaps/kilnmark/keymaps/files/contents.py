"""What an adapter file holds, told by its hash alone: read piece by piece, under the rules of every other reading.

Nothing of it is understood, and no more than a piece is in memory. Who reads a file to apply it has its hash from that.
"""

import hashlib
from collections.abc import Sequence

from kilnmark.keymaps.errors import ExchangedFile
from kilnmark.keymaps.files.beside import adapter_hash, located
from kilnmark.keymaps.files.opened import fill, opened
from kilnmark.keymaps.files.roots import AnyPath
from kilnmark.keymaps.files.safefile import SIZE_LIMIT, read_config

__all__ = ["check_unchanged", "content_hash"]

_PIECE = 1 << 22


def content_hash(path: AnyPath, roots: Sequence[AnyPath] | None = None) -> str:
    """The hash that the report of a render has of an adapter file and the config beside it, in hex.

    Args:
        path: Absolute, or relative to one of the roots.
        roots: Directories that adapters may be read from; None allows every place.

    Raises:
        RefusedFile: One of the two may not be read, is no regular file, is too large, or changes meanwhile.
    """
    known_by = str(located(path, roots))
    config = read_config(known_by, roots)
    digest = hashlib.sha256()
    piece = memoryview(bytearray(_PIECE))
    with opened(known_by, roots, SIZE_LIMIT) as source:
        for begin in range(0, source.size, _PIECE):
            part = piece[: min(_PIECE, source.size - begin)]
            fill(source, part)
            digest.update(part)
    return adapter_hash(known_by, digest.hexdigest(), config.sha256 if config else "")


def check_unchanged(path: AnyPath, sha256: str, wanted: str) -> None:
    """See whether a file still holds what it was let in with.

    Args:
        path: What the adapter is known by.
        sha256: What it holds now, in hex.
        wanted: What it held then; empty: it may hold anything.

    Raises:
        ExchangedFile: It holds something else.
    """
    if wanted and sha256 != wanted:
        problem = "holds other bytes than those that were found to be promoted"
        raise ExchangedFile(str(path), problem, "ask again, so that the file is looked at as it is now")
