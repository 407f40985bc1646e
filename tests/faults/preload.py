"""What `preload.c` is told: which calls of a process fail, below which folder, and how far its wall clock is off.

It is built with cc when it is first wanted. The control is a small file that both sides map, so that a fault can be
brought about and taken back at any moment of the process's life.
"""

import ctypes
import functools
import mmap
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Control", "heed", "library"]

_LAYOUT = struct.Struct("<qiiq488s")
"""As `struct control`."""

WRITES, SYNCS = 1, 2


@functools.cache
def library() -> str:
    """The built library; it stays as long as the process does."""
    folder = Path(tempfile.mkdtemp(prefix="kiln-preload-"))
    made = folder / "preload.so"
    source = Path(__file__).with_name("preload.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", made, source, "-ldl"], check=True)
    return str(made)


def heed(control: str) -> None:
    """Let the library in this process, which was started with it, go by a control."""
    ctypes.CDLL(None).kiln_control(control.encode())


class Control:
    """One process's faults.

    Args:
        path: Of the file, which is made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(bytes(_LAYOUT.size))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _LAYOUT.size)

    @property
    def failed(self) -> int:
        """Calls that were let fail so far."""
        count: int = _LAYOUT.unpack(self._shared[:])[3]
        return count

    def step_clock(self, seconds: float) -> None:
        """Let the wall clock be off by so much from now on."""
        self._put(clock=round(seconds * 1e9))

    @contextmanager
    def disk_fails(self, folder: Path, error: int, kinds: int = WRITES | SYNCS) -> Iterator[None]:
        """Let calls on files below a folder fail with this errno.

        Args:
            folder: Or the beginning of a path.
            error: Such as `errno.EIO`.
            kinds: `WRITES`, `SYNCS`, or both.
        """
        self._put(folder=str(folder).encode(), kinds=kinds)
        self._put(error=error)
        try:
            yield
        finally:
            self._put(error=0)

    def _put(
        self,
        clock: int | None = None,
        error: int | None = None,
        kinds: int | None = None,
        folder: bytes | None = None,
    ) -> None:
        was_clock, was_error, was_kinds, failed, was_folder = _LAYOUT.unpack(self._shared[:])
        self._shared[:] = _LAYOUT.pack(
            was_clock if clock is None else clock,
            was_error if error is None else error,
            was_kinds if kinds is None else kinds,
            failed,
            was_folder if folder is None else folder,
        )
