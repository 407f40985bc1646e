"""Which file is the same file as before: told by its place and its stamps, without opening it.

What a file holds is never looked at here. Whoever has read it may remember its content for as long as its identity
stays, if that was settled when the reading began.
"""

import os
import stat
from typing import NamedTuple

from kilnmark.keymaps.files.beside import config_beside, part_of

__all__ = ["FileIdentity"]

_TICK_NS = 100_000_000
"""Nanoseconds within which two changes of a file can carry one time. Linux stamps by the tick of its clock, at most
10 ms apart; this is ten of them."""
_COARSE_TICK_NS = 2_000_000_000
"""The same for file systems that stamp whole seconds, or every other one."""
_SECOND_NS = 1_000_000_000


class FileIdentity(NamedTuple):
    """A file as it was found; any change of its content changes one of these. Times are in nanoseconds.

    `beside` is that of the config which goes with an adapter file; None without one.
    """

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int
    device: int
    inode: int
    beside: "FileIdentity | None" = None

    @classmethod
    def of(cls, path: str) -> "FileIdentity":
        """The identity now, of the link itself where it is one.

        Raises:
            OSError: It is not there or is no regular file.
        """
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path} is no regular file")
        return cls(path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_dev, found.st_ino)

    @classmethod
    def of_adapter(cls, path: str) -> "FileIdentity":
        """The same with the config beside it, whose links are followed like the file's own.

        Raises:
            OSError: One of them is not there or is no regular file.
        """
        config = config_beside(path)
        if config is None and part_of(path) is None:
            return cls.of(path)
        beside = None if config is None else cls.of(os.path.realpath(config))
        return cls.of(os.path.realpath(path))._replace(path=path, beside=beside)

    def is_settled(self, now_ns: int) -> bool:
        """The file was last changed so long before `now_ns` that a later change cannot carry the same time.

        Anybody may set a modification time; only the file system sets the time of the change.
        """
        tick = _TICK_NS if self.ctime_ns % _SECOND_NS else _COARSE_TICK_NS
        is_settled = now_ns - self.ctime_ns > tick
        return is_settled and (self.beside is None or self.beside.is_settled(now_ns))
