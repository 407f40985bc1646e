"""A regular file, opened for reading so that nothing can be put in its place, and refused where it changes meanwhile.

What stands in it is not known here.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from kilnmark.keymaps.errors import MissingFile, UnsafeFile
from kilnmark.keymaps.files.descent import folder_of
from kilnmark.keymaps.files.roots import ADAPTER, AnyPath, Wanted, locate

__all__ = ["OpenFile", "fill", "opened"]

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_AGAIN = "wait until it is written and try again"
_ELSEWHERE = "check the disk or network that it lies on, or copy it to another"


@dataclass(frozen=True, slots=True)
class OpenFile:
    """An open file: its descriptor, its real path, and its size in bytes."""

    descriptor: int
    path: str
    size: int


@contextmanager
def opened(
    path: AnyPath,
    roots: Sequence[AnyPath] | None,
    size_limit: int | None,
    mend: str = "",
    wanted: Wanted = ADAPTER,
) -> Iterator[OpenFile]:
    """Open a regular file below a root, which is the same and unchanged at the end.

    Args:
        path: Absolute, or relative to one of the roots.
        roots: Directories that files may be read from; None allows every place.
        size_limit: In bytes; None for none.
        mend: What to do about one that is no file of such a kind, or is larger; empty: what is wanted says it.
        wanted: What sort of file it should be.

    Raises:
        RefusedFile: It is not there, may not be read, is none, or changes meanwhile.
    """
    resolved = str(locate(path, roots, wanted))
    no_file = mend or f"give the path of {wanted.file}"
    descriptor = _open(resolved, roots, no_file)
    try:
        before = _check_regular(resolved, os.fstat(descriptor), no_file)
        _check_identity(resolved, before)
        if size_limit is not None and before.st_size > size_limit:
            problem = f"has {before.st_size} bytes, more than the {size_limit} allowed"
            raise UnsafeFile(resolved, problem, mend or f"give {wanted.small}")
        yield OpenFile(descriptor, resolved, before.st_size)
        if _state(os.fstat(descriptor)) != _state(before):
            raise UnsafeFile(resolved, "was changed while it was read", _AGAIN)
    except OSError as error:
        raise UnsafeFile(resolved, f"cannot be read ({error.strerror})", _ELSEWHERE) from error
    finally:
        os.close(descriptor)


def _open(resolved: str, roots: Sequence[AnyPath] | None, mend: str) -> int:
    try:
        with folder_of(resolved, roots) as (folder, name):
            # Opening some devices has effects of its own, so the kind is looked at before and after.
            _check_regular(resolved, os.stat(name, dir_fd=folder, follow_symlinks=False), mend)
            return os.open(name, _FLAGS, dir_fd=folder)
    except FileNotFoundError as error:
        raise MissingFile(resolved, "no such file", "check the path") from error
    except OSError as error:
        problem = f"cannot be opened ({error.strerror})"
        raise UnsafeFile(resolved, problem, "give a regular file that this user may read") from error


def _check_regular(resolved: str, found: os.stat_result, mend: str) -> os.stat_result:
    if not stat.S_ISREG(found.st_mode):
        kind = next((kind for test, kind in _KINDS if test(found.st_mode)), "no regular file")
        raise UnsafeFile(resolved, f"is {kind}", mend)
    return found


_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISLNK, "a symbolic link put there meanwhile"),
)


def _check_identity(resolved: str, found: os.stat_result) -> None:
    """What was opened must be what the resolved path names, with no link on the way: not something put in between."""
    try:
        named = os.lstat(resolved)
        same_place = os.path.realpath(resolved, strict=True) == resolved
    except OSError as error:
        raise UnsafeFile(resolved, "was moved while it was opened", _AGAIN) from error
    if not same_place or (named.st_dev, named.st_ino) != (found.st_dev, found.st_ino):
        raise UnsafeFile(resolved, "was exchanged for another while it was opened", _AGAIN)


def _state(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def fill(source: OpenFile, view: memoryview) -> None:
    """Read on, until `view` is full.

    Raises:
        UnsafeFile: The file ends before that.
    """
    filled = 0
    while filled < len(view):
        count = _read_into(source.descriptor, view[filled:])
        if count == 0:
            raise UnsafeFile(source.path, "was cut short while it was read", _AGAIN)
        filled += count


def _read_into(descriptor: int, view: memoryview) -> int:
    return os.readv(descriptor, [view])
