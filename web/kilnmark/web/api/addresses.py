"""Addresses of pictures that open without a token, since programs open them so: signed, and good for an hour.

Whoever has one sees that picture and no other. Which pictures there are is the daemon's to say.
"""

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from kilnmark.client.web.files import inside

__all__ = ["LIFETIME", "SIGNED", "PictureAddresses"]

SIGNED: Final = "/signed/"
"""What they begin with."""

LIFETIME: Final = 3600
"""Seconds, as those of OpenAI's."""


@dataclass(frozen=True)
class PictureAddresses:
    """Addresses of pictures.

    Attributes:
        secret: What they are signed with.
    """

    secret: str

    def of(self, picture: Path, root: Path, now: float) -> str | None:
        """The path that a picture is opened by; None: it is not below the folder of pictures.

        Args:
            picture: Its file.
            root: The folder of pictures.
            now: Seconds since the epoch.
        """
        try:
            name = picture.resolve().relative_to(root.resolve()).as_posix()
        except ValueError:
            return None
        expires = int(now) + LIFETIME
        return f"{SIGNED}{expires}/{self._signature(expires, name)}/{quote(name)}"

    def opened(self, expires: int, signature: str, name: str, root: Path) -> Path | None:
        """The file of an address; None: it is not one of ours, or there is no such file."""
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), self._signature(expires, name).encode()):
            return None
        return inside(root, name)

    def _signature(self, expires: int, name: str) -> str:
        said = f"picture\n{expires}\n{name}".encode("utf-8", "surrogateescape")
        return hmac.new(self.secret.encode(), said, hashlib.sha256).hexdigest()
