"""Whom a place belongs to, and who is at the other end of a socket: may others put theirs in its place?

The rule of OpenSSH's `StrictModes`, asked by both ends of the socket and by whoever writes files. Nothing is opened,
made or changed here.
"""

import errno
import os
import socket
import stat
import struct
import sys
from pathlib import Path

from kilnmark.keymaps.files.roots import AnyPath

__all__ = ["is_trusted", "peer_pid", "peer_uid", "way_in_for_others"]

_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_SOL_LOCAL, _LOCAL_PEERPID = 0, 2
"""Of macOS (`sys/un.h`), which Python has no names for."""

_LINKS = 40
"""Symbolic links on one way, as Linux follows them."""


def is_trusted(uid: int) -> bool:
    """Whether what belongs to a user cannot be held against us: this process's own, or root, who may do anything."""
    return uid in (0, os.geteuid())


def way_in_for_others(place: AnyPath) -> str | None:
    """What lets another user put something of theirs in a place: a clause that begins with a path.

    Every step of the way is looked at, from the root down, links followed: each must belong to this user or to root,
    and a folder where others may write must be sticky. So nobody else can change a step that was looked at.

    Args:
        place: A folder, or what is in one.

    Returns:
        None where nobody else can.

    Raises:
        OSError: A part of the way is not there, or cannot be looked at.
    """
    at, shared, links = "/", False, 0
    left = _parts(str(Path(place).absolute()))
    while True:
        found = os.lstat(at)
        if stat.S_ISLNK(found.st_mode):
            links += 1
            if not is_trusted(found.st_uid):
                return f"{at} is a link of user {found.st_uid}"
            if links > _LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fspath(place))
            target = str(Path(at).readlink())
            left.extend(_parts(target))
            at = "/" if target.startswith("/") else str(Path(at).parent)
        else:
            if (problem := _problem(at, found, shared=shared)) is not None:
                return problem
            shared = bool(found.st_mode & _OTHERS)
        if not left:
            return None
        at = _step(at, left.pop())


def _step(at: str, name: str) -> str:
    """One step down; up where a link says so, which is right since `at` holds no link."""
    return str(Path(at).parent if name == ".." else Path(at) / name)


def _parts(path: str) -> list[str]:
    """The steps of a path, the last one first."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _problem(at: str, found: os.stat_result, *, shared: bool) -> str | None:
    """What is wrong with one step; `shared` where others may write into the folder above it."""
    if not is_trusted(found.st_uid) and (shared or found.st_uid != _nobody()):
        return f"{at} belongs to user {found.st_uid}"
    may = found.st_mode & _OTHERS
    if (
        not may
        or not stat.S_ISDIR(found.st_mode)
        or found.st_mode & stat.S_ISVTX
        or (may == stat.S_IWGRP and _is_private(found.st_gid))
    ):
        return None
    return f"{at} has mode {stat.S_IMODE(found.st_mode):04o}, so others may write to it"


def _nobody() -> int:
    """Whom files belong to whose owner a container does not know: -1 where there is no such number."""
    try:
        return int(Path("/proc/sys/fs/overflowuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return -1


def _is_private(gid: int) -> bool:
    """Whether a group is this user's alone, as many systems make one for every user."""
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    return user.pw_gid == gid and user.pw_name == group.gr_name and set(group.gr_mem) <= {user.pw_name}


def peer_uid(handle: int) -> int:
    """The user at the other end of a connected Unix socket: whoever connected, or whoever listens.

    Args:
        handle: The socket's file descriptor; it stays open and stays the caller's.

    Raises:
        OSError: the system cannot tell.
    """
    if sys.platform == "linux":
        _, uid, _ = struct.unpack("3i", _asked_of(handle, socket.SOL_SOCKET, socket.SO_PEERCRED, "3i"))
        return int(uid)
    return _getpeereid(handle)


def peer_pid(handle: int) -> int | None:
    """The process at the other end of a connected Unix socket: the one that connected, whoever has it since.

    Args:
        handle: As for `peer_uid`.

    Returns:
        None where the system cannot tell, as of a process in another container.
    """
    try:
        if sys.platform == "linux":
            pid, _, _ = struct.unpack("3i", _asked_of(handle, socket.SOL_SOCKET, socket.SO_PEERCRED, "3i"))
        else:
            (pid,) = struct.unpack("i", _asked_of(handle, _SOL_LOCAL, _LOCAL_PEERPID, "i"))
    except OSError:
        return None
    return int(pid) or None


def _asked_of(handle: int, level: int, option: int, form: str) -> bytes:
    """A socket's option, as `struct` has its form."""
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, handle)  # no copy: there may be no descriptor left
    try:
        return peer.getsockopt(level, option, struct.calcsize(form))
    finally:
        peer.detach()


def _getpeereid(handle: int) -> int:
    import ctypes

    uid, gid = ctypes.c_uint32(), ctypes.c_uint32()
    library = ctypes.CDLL(None, use_errno=True)
    if library.getpeereid(handle, ctypes.byref(uid), ctypes.byref(gid)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return uid.value
