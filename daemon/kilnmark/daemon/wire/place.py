"""The place of a socket: a folder that is ours alone, the lock that says whose the path is, and what is left there.

Nothing listens here, and nothing is bound.
"""

import fcntl
import os
import socket
import stat
from pathlib import Path

from kilnmark.keymaps.files.owners import way_in_for_others
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.address import LOCK_SUFFIX

__all__ = ["SocketHeld", "UnfitSocketPath", "identity_of", "lock_of", "own_directory", "remove_stale", "take_lock"]


class SocketHeld(KilnmarkError):
    """Another process serves this path."""


class UnfitSocketPath(KilnmarkError):
    """No socket can be safely made at this path."""


def own_directory(directory: Path) -> None:
    """Make a folder for a socket where there is none, and see that nobody else can put a socket of theirs there.

    Raises:
        UnfitSocketPath: somebody can, or there is no folder to be had.
    """
    try:
        _make(directory)
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        problem = f"{directory}: no directory for a socket can be had here ({error.strerror}); choose another path"
        raise UnfitSocketPath(problem) from error
    try:
        found = os.fstat(handle)
    finally:
        os.close(handle)
    if found.st_uid != os.geteuid():
        raise UnfitSocketPath(f"{directory} belongs to user {found.st_uid}; choose a directory of your own")
    if found.st_mode & 0o022:
        mode = stat.S_IMODE(found.st_mode)
        mend = "" if mode & stat.S_ISVTX else "run `chmod 700` on it, or "  # such are everybody's on purpose, as /tmp
        raise UnfitSocketPath(
            f"{directory} has mode {mode:04o}, so others may put their own socket there; {mend}choose a directory that "
            "only you can write to"
        )
    if (way_in := way_in_for_others(directory)) is not None:
        raise UnfitSocketPath(f"{way_in}, so another may stand in {directory}'s place; choose a path without it")


def _make(directory: Path) -> None:
    """With those above it: each for its owner only, whatever the umask says of parents."""
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        return
    except FileNotFoundError:
        _make(directory.parent)
        _make(directory)


def lock_of(path: Path) -> Path:
    """Where the lock of a socket's path is."""
    return path.with_name(path.name + LOCK_SUFFIX)


def take_lock(path: Path) -> int:
    """Hold the lock file for life. It is never removed: whoever removed it could unlock somebody else's.

    Raises:
        SocketHeld: another process holds it.
        UnfitSocketPath: it cannot be made.
    """
    name = lock_of(path)
    try:
        lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UnfitSocketPath(f"{name} cannot be opened ({error.strerror}); choose another path") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(lock, 32).decode(errors="replace").strip()
        os.close(lock)
        raise SocketHeld(f"{path} is served by another daemon (process {holder or 'unknown'})") from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def remove_stale(path: Path) -> None:
    """Make room for our socket. Only called under the lock, so a socket found here has lost its daemon.

    Raises:
        SocketHeld: it answers, whoever that is.
        UnfitSocketPath: what stands there is no socket.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise UnfitSocketPath(f"{path} exists and is no socket; move it away or choose another path")
    if _answers(path):
        raise SocketHeld(f"{path} is served by a program that does not hold its lock; stop that program first")
    path.unlink()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True


def identity_of(path: Path) -> tuple[int, int] | None:
    """Device and number of what stands at a path; None where nothing does."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino
