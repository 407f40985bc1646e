"""Files that this program writes for others to read, sealed so that it knows its own words again.

The seal is the SHA-256 of the file with the seal's own figures taken out. A file whose seal fits was not edited: it may
be written anew or removed; any other is somebody's own.
"""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["SEAL", "FileState", "SealedFile", "seal", "state_of"]

SEAL = "kilnmark-seal: " + "0" * 64
"""What stands in a text in the place of its seal, within whatever its language has for a comment."""

FileState = Literal["absent", "ours", "edited", "foreign"]

_SEALED = re.compile(r"(?<=kilnmark-seal: )[0-9a-f]{64}")


@dataclass(frozen=True)
class SealedFile:
    """One file of a service.

    Attributes:
        path: Absolute.
        text: Sealed.
    """

    path: Path
    text: str

    def is_there(self) -> bool:
        """Whether it stands there word for word."""
        return not self.path.is_symlink() and _read(self.path) == self.text

    def write(self) -> None:
        """Put it in its place, whole or not at all; folders above it are made where they are absent."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(self.text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o644)  # noqa: PTH101 - a name in hand
            os.replace(name, self.path)  # noqa: PTH105 - the same
        except BaseException:
            os.unlink(name)  # noqa: PTH108 - the same
            raise


def seal(text: str) -> str:
    """A text that has `SEAL` in it, sealed."""
    return text.replace(SEAL, f"kilnmark-seal: {hashlib.sha256(text.encode()).hexdigest()}", 1)


def state_of(path: Path) -> FileState:
    """Whose words stand there. A link is somebody's, wherever it leads: so units are masked."""
    if path.is_symlink():
        return "foreign"
    text = _read(path)
    if text is None:
        return "absent" if not path.exists() else "foreign"
    if (found := _SEALED.search(text)) is None:
        return "foreign"
    unsealed = text[: found.start()] + "0" * 64 + text[found.end() :]
    return "ours" if hashlib.sha256(unsealed.encode()).hexdigest() == found[0] else "edited"


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
