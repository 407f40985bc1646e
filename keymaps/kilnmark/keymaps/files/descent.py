"""Opening below a folder, one step of the path at a time, each from the descriptor of the last: no link is followed, so
nothing that is put in between leads elsewhere.

Linux has one call for it (`openat2`), which macOS lacks; steps need no more than both have, and cost 5 us each.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kilnmark.keymaps.errors import UnsafeFile
from kilnmark.keymaps.files.roots import AnyPath

__all__ = ["folder_of"]

_STEP = (getattr(os, "O_PATH", 0) or os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""`O_PATH` asks for no more rights than passing through does."""


@contextmanager
def folder_of(resolved: str, roots: Sequence[AnyPath] | None) -> Iterator[tuple[int | None, str]]:
    """Go down to the folder of a file.

    Args:
        resolved: Its real path, as `locate` gives it.
        roots: The folders that it lies below one of; None: any place will do, and is named by its path.

    Yields:
        The folder's descriptor and the file's name in it; None and the path where any place will do.

    Raises:
        UnsafeFile: A step is not what it was when the path was resolved.
        OSError: A step is not there, or may not be passed.
    """
    if roots is None:
        yield None, resolved
        return
    root = _root_of(resolved, roots)
    *steps, name = Path(resolved).relative_to(root).parts or (".",)
    at = _open(root, None, resolved)
    try:
        for step in steps:
            at, above = _open(step, at, resolved), at
            os.close(above)
        yield at, name
    finally:
        os.close(at)


def _root_of(resolved: str, roots: Sequence[AnyPath]) -> str:
    for root in map(os.path.realpath, roots):
        if Path(resolved).is_relative_to(root):
            return root
    raise _exchanged(resolved)


def _open(step: str, above: int | None, resolved: str) -> int:
    try:
        return os.open(step, _STEP, dir_fd=above)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise _exchanged(resolved) from error
        raise


def _exchanged(resolved: str) -> UnsafeFile:
    return UnsafeFile(
        resolved, "was exchanged for another while it was opened", "wait until it is written and try again"
    )
