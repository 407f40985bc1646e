"""A service manager's end of the socket that daemons tell it things over."""

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["PATIENCE", "Heard", "listening"]

PATIENCE = 60.0


class Heard:
    """What was told, a message at a time.

    Attributes:
        name: For `$NOTIFY_SOCKET`.
    """

    def __init__(self, bound: socket.socket, name: str) -> None:
        self.name = name
        self._socket = bound

    def next(self) -> dict[str, str]:
        """The next message, field by field."""
        fields = self._socket.recv(4096).decode().split("\n")
        return dict(field.split("=", 1) for field in fields)

    def until(self, field: str) -> str:
        """The value of that field in the first message that has it."""
        while field not in (told := self.next()):
            pass
        return told[field]

    def count(self, field: str) -> int:
        """In how many of the messages that have come by now, which are taken out, a field is."""
        found = 0
        while select.select([self._socket], [], [], 0)[0]:
            found += field in self.next()
        return found


@contextmanager
def listening(home: Path, *, abstract: bool = False) -> Iterator[Heard]:
    """Listen at a path in a folder, or at an abstract name."""
    name = f"{home}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(f"\0{name}" if abstract else name)
        bound.settimeout(PATIENCE)
        yield Heard(bound, f"@{name}" if abstract else name)
