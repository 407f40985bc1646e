"""Where a daemon's pictures are on this site: those below its output folder, and no other file."""

import os
from pathlib import Path
from urllib.parse import quote

from kilnmark.client.web.files import inside, sent_as

__all__ = ["PictureRoot"]


class PictureRoot:
    """The folder that pictures are shown of.

    Args:
        folder: The daemon's output folder; empty: it is not known, and nothing is shown.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def name_of(self, path: str) -> str | None:
        """A picture's path from the folder on; None where it lies elsewhere."""
        if not self.folder or not path:
            return None
        name = os.path.relpath(path, self.folder)
        return None if name.startswith("..") or Path(name).is_absolute() else name

    def small(self, path: str) -> str:
        """The address of a small copy; empty where the picture is not shown."""
        return self._address("small", path)

    def whole(self, path: str) -> str:
        """The address of the picture itself; empty where it is not shown."""
        return self._address("whole", path)

    def file(self, name: str) -> Path | None:
        """A picture of the folder; None where there is none that may be shown."""
        found = inside(Path(self.folder), name) if self.folder else None
        return found if found is not None and sent_as(found) is not None else None

    def _address(self, kind: str, path: str) -> str:
        name = self.name_of(path)
        return "" if name is None else f"/{kind}/{quote(name)}"
