"""The socket's path and who owns it: one daemon a path, one user a socket.

An event loop's own servers silently take a live path away from another server, so the path is locked, checked and
bound here, and the loop is handed the finished socket. No protocol, no event loop.
"""

import ctypes
import fcntl
import os
import socket
import stat
import struct
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.address import LOCK_SUFFIX, MAX_SOCKET_PATH

__all__ = ["BACKLOG", "Listener", "SocketHeld", "UnfitSocketPath", "peer_uid"]

BACKLOG = 2**31 - 1
"""Connections that may wait to be taken: as many as the system allows, since both Linux (`net.core.somaxconn`) and
macOS (`kern.ipc.somaxconn`) cut a larger number down to theirs. `socket.SOMAXCONN` is a constant of the C library's
build, 128 on macOS and on older Linux, whatever the running system allows."""


class SocketHeld(KilnmarkError):
    """Another process serves this path."""


class UnfitSocketPath(KilnmarkError):
    """No socket can be safely made at this path."""


class Listener:
    """A bound, listening socket of mode 0600 whose path is ours alone until `close`.

    Args:
        path: Absolute. Its directory is made with mode 0700 when it is absent; one that is there must be ours, and
            nobody else may write to it. Who may enter it does not matter: the socket's own mode and the peer's user
            keep others out.

    Raises:
        SocketHeld: another process serves the path.
        UnfitSocketPath: the path is too long, others may write to its directory, or something else stands there.
    """

    def __init__(self, path: Path) -> None:
        if len(os.fsencode(path)) > MAX_SOCKET_PATH:
            raise UnfitSocketPath(
                f"{path}: a socket's path may have {MAX_SOCKET_PATH} bytes and this has "
                f"{len(os.fsencode(path))}; choose a shorter one with --socket or $KILNMARK_SOCKET"
            )
        self.path = path
        _own_directory(path.parent)
        self._lock = _take_lock(path)
        try:
            _remove_stale(path)
            self.socket, self._identity = _bind(path)
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """Stop listening, unlink the path if it is still our own socket, and let the lock go."""
        if self._lock < 0:
            return
        self.socket.close()
        if _identity_of(self.path) == self._identity:
            self.path.unlink()
        os.close(self._lock)
        self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def _own_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
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
        raise UnfitSocketPath(
            f"{directory} has mode {mode:04o}, so others may put their own socket there; run `chmod 700` on it, "
            "or choose a directory that only you can write to"
        )


def _take_lock(path: Path) -> int:
    """Hold the lock file for life. It is never removed: whoever removed it could unlock somebody else's."""
    name = path.with_name(path.name + LOCK_SUFFIX)
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


def _remove_stale(path: Path) -> None:
    """Make room for our socket. Only called under the lock, so a socket found here has lost its daemon."""
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


def _bind(path: Path) -> tuple[socket.socket, tuple[int, int]]:
    """Nobody can connect before it listens, which is when its mode is right; a umask is every thread's at once."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(path))
        path.chmod(0o600)
    except OSError as error:
        sock.close()
        raise UnfitSocketPath(f"{path} cannot be bound ({error.strerror}); choose another path") from error
    sock.listen(BACKLOG)
    sock.settimeout(0)
    identity = _identity_of(path)
    if identity is None:
        sock.close()
        raise UnfitSocketPath(f"{path} was removed while it was being made; start again")
    return sock, identity


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def peer_uid(handle: int) -> int:
    """The user at the other end of a connected Unix socket.

    Args:
        handle: The socket's file descriptor; it stays open and stays the caller's.

    Raises:
        OSError: the system cannot tell.
    """
    if sys.platform == "linux":
        with socket.socket(fileno=os.dup(handle)) as peer:
            size = struct.calcsize("3i")
            _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
            return int(uid)
    return _getpeereid(handle)


def _getpeereid(handle: int) -> int:
    uid, gid = ctypes.c_uint32(), ctypes.c_uint32()
    library = ctypes.CDLL(None, use_errno=True)
    if library.getpeereid(handle, ctypes.byref(uid), ctypes.byref(gid)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return uid.value
