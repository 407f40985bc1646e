"""What the service manager that started this process is told of it: datagrams to `$NOTIFY_SOCKET`, as `sd_notify(3)`
has them.

Where no manager listens, all of it means nothing and costs nothing. When what is told, `rounds` decides.
"""

import logging
import os
import socket
import time
from collections.abc import MutableMapping

__all__ = ["ServiceManager"]

_log = logging.getLogger(__name__)

STATUS_LENGTH = 200
"""Characters of a status line; managers show one line."""

_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class ServiceManager:
    """The manager that this process was started by, if it wants to be told anything.

    Nothing here waits. Where the manager has no room, what it must know is sent before whatever is told next, and what
    is said again anyway is left out.

    Args:
        variables: The environment. What is for this process alone is taken away, so that no child takes it for its own.

    Attributes:
        watchdog: Seconds after which the manager ends a process that did not say that it is well; None: it never does.
    """

    def __init__(self, variables: MutableMapping[str, str]) -> None:
        named, interval, pid = (variables.pop(name, "") for name in _VARIABLES)
        self.watchdog = _seconds(interval) if pid in ("", str(os.getpid())) else None
        self._unsent: list[str] = []
        self._status = ""
        self._socket = _connected(named)

    @property
    def listens(self) -> bool:
        """Whether there is one."""
        return self._socket is not None

    def ready(self) -> None:
        """Clients are served, from now on or again."""
        self._must_know("READY=1")

    def reloading(self) -> None:
        """The settings are read again; `ready` says when that is over."""
        self._must_know(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The end has begun."""
        self._must_know("STOPPING=1")

    def needs(self, seconds: float) -> None:
        """The end, or the start, takes at least so much longer; it is said again where that is not enough."""
        self._tell(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def well(self) -> None:
        """Loop and worker are well."""
        self._tell("WATCHDOG=1")

    def say(self, status: str) -> None:
        """One line for people about how it goes; the same line is not said twice."""
        line = "".join(c if c.isprintable() else " " for c in status)[:STATUS_LENGTH]
        if line != self._status and self._tell(f"STATUS={line}"):
            self._status = line

    def close(self) -> None:
        """Nothing is told any more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _must_know(self, message: str) -> None:
        self._unsent.append(message)
        self._send_rest()

    def _tell(self, message: str) -> bool:
        """Whether there was room for it."""
        return self._send_rest() and self._send(message)

    def _send_rest(self) -> bool:
        while self._unsent and self._send(self._unsent[0]):
            del self._unsent[0]
        return not self._unsent

    def _send(self, message: str) -> bool:
        if self._socket is None:
            return True
        try:
            self._socket.send(message.encode(errors="backslashreplace"))
        except BlockingIOError:
            return False
        except OSError as error:
            _log.error("the service manager cannot be told anything any more (%s)", error)
            self.close()
        return True


def _connected(named: str) -> socket.socket | None:
    """A datagram socket to that address: a path, or `@` and an abstract name."""
    if not named:
        return None
    if named[0] not in "/@":
        _log.error("$NOTIFY_SOCKET is %r, which is no Unix socket; the service manager is told nothing", named)
        return None
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        told.connect("\0" + named[1:] if named[0] == "@" else named)
    except OSError as error:
        _log.error("the service manager cannot be told anything: %s (%s)", named, error)
        told.close()
        return None
    told.setblocking(False)  # noqa: FBT003 - its one argument
    return told


def _seconds(microseconds: str) -> float | None:
    """Of a text; None where it is no number above zero."""
    if not (microseconds.isascii() and microseconds.isdecimal()) or int(microseconds) == 0:
        return None
    return int(microseconds) / 1_000_000
