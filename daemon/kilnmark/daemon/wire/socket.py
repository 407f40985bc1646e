"""The listening socket of one path: one daemon a path, one user a socket.

An event loop's own servers silently take a live path away from another server, so the path is locked, checked and
bound here, and looked after for as long as it is served. No protocol, no event loop.
"""

import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from kilnmark.daemon.wire.activation import handed_over
from kilnmark.daemon.wire.place import (
    SocketHeld,
    UnfitSocketPath,
    identity_of,
    lock_of,
    own_directory,
    remove_stale,
    take_lock,
)
from kilnmark.protocol.wire.address import MAX_SOCKET_PATH

__all__ = ["BACKLOG", "Listener", "SocketHeld", "UnfitSocketPath"]

BACKLOG = 2**31 - 1
"""Connections that may wait to be taken: as many as the system allows, since both Linux (`net.core.somaxconn`) and
macOS (`kern.ipc.somaxconn`) cut a larger number down to theirs. `socket.SOMAXCONN` is a constant of the C library's
build, 128 on macOS and on older Linux, whatever the running system allows."""


class Listener:
    """A bound, listening socket of mode 0600 whose path is ours alone until `close`.

    One that a service manager has bound already is taken over as it is, and left to the manager at the end.

    Args:
        path: Absolute. Its directory, and those above it, are made with mode 0700 when they are absent; one that is
            there must be ours, and nobody else may write to it, nor put something in the place of one above it. Who
            may enter it does not matter: the socket's own mode and the peer's user keep others out.

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
        own_directory(path.parent)
        self._lock = take_lock(path)
        try:
            handed = handed_over(path)
            self._is_ours = handed is None
            if handed is None:
                remove_stale(path)
            self.socket, self._identity = _bind(path) if handed is None else (handed, _identity_at(path, handed))
        except BaseException:
            os.close(self._lock)
            raise

    def is_intact(self) -> bool:
        """Whether the path still leads here, and the lock is still the one that others would ask for.

        Raises:
            OSError: this cannot be told.
        """
        return self._has_path() and self._has_lock()

    def restore(self) -> str:
        """Make the path lead here again, with a lock, where somebody removed one of them.

        Returns:
            What was amiss, as a clause. If it was the path, `socket` is another one now: the former one is closed,
            with whoever was still waiting on it.

        Raises:
            SocketHeld: another process serves the path by now.
            UnfitSocketPath: no socket can be made there any more.
            OSError: this cannot be told.
        """
        own_directory(self.path.parent)
        if not self._has_lock():
            self._lock, old = take_lock(self.path), self._lock
            os.close(old)
        if self._has_path():
            return "its lock was removed"
        remove_stale(self.path)
        (self.socket, self._identity), former = _bind(self.path), self.socket
        self._is_ours = True
        former.close()
        return "its socket was removed"

    def _has_path(self) -> bool:
        return identity_of(self.path) == self._identity

    def _has_lock(self) -> bool:
        held = os.fstat(self._lock)
        return identity_of(lock_of(self.path)) == (held.st_dev, held.st_ino)

    def close(self) -> None:
        """Stop listening, unlink the path if it is still our own socket, and let the lock go."""
        if self._lock < 0:
            return
        self.socket.close()
        if self._is_ours and self._has_path():
            self.path.unlink()
        os.close(self._lock)
        self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


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
    return sock, _identity_at(path, sock)


def _identity_at(path: Path, sock: socket.socket) -> tuple[int, int]:
    identity = identity_of(path)
    if identity is None:
        sock.close()
        raise UnfitSocketPath(f"{path} was removed while it was being made; start again")
    return identity
