"""Where a node keeps what its daemon reads: below the folders that the daemon was given, and nowhere else."""

import contextlib
from pathlib import Path

from kilnmark.farm.content.cache import ContentCache
from kilnmark.farm.content.places import check_room, check_written
from kilnmark.farm.errors import FarmNotUsable
from kilnmark.farm.node.about import AboutNode
from kilnmark.protocol.wire.status import StatusResult

__all__ = ["PICTURE", "NodeFolders", "content_folders"]

PICTURE = 1 << 20
"""Bytes of a small picture: without room for one no work is taken."""


class NodeFolders:
    """The files of one node, wherever its daemon reads now.

    Args:
        about: Its account, which has what its daemon said.
        chosen: The folder of adapters, where somebody chose.
        budget: Bytes of files that are kept.
        shared: A folder that pictures go to instead of the broker; None: they go to the broker.
    """

    def __init__(self, about: AboutNode, chosen: Path | None, budget: int, shared: Path | None = None) -> None:
        self._about = about
        self._chosen = chosen
        self._budget = budget
        self._shared = shared
        self._made: tuple[tuple[list[str], str], ContentCache] | None = None

    def cache(self) -> ContentCache:
        """The files, in folders that the daemon may read.

        Raises:
            FarmNotUsable: As those of `content_folders`.
        """
        status = self._about.status
        if status is None:
            raise FarmNotUsable("the daemon", "has not said yet where it reads")
        where = status.lora_roots, status.output_dir
        if self._made is None or self._made[0] != where:
            self._made = where, ContentCache(*content_folders(status, self._chosen), self._budget)
        return self._made[1]

    def check(self) -> None:
        """See whether all that is to be written has room, of files and in the folder that is shared.

        Raises:
            FarmNotUsable: Something has none, or cannot be written.
        """
        self.cache().check()
        if self._shared is not None:
            check_written(self._shared)
            check_room(self._shared, PICTURE)


def content_folders(status: StatusResult, chosen: Path | None) -> tuple[Path, Path]:
    """Where a node keeps adapters and pictures, so that its daemon may read them.

    Args:
        status: What the daemon says of its folders.
        chosen: Of adapters, where somebody chose.

    Raises:
        FarmNotUsable: The daemon may not read there, or nothing can be written in any folder that it reads.
    """
    roots = [Path(root) for root in status.lora_roots]
    pictures = Path(status.output_dir) / ".farm"
    if chosen is not None:
        if not any(chosen.resolve().is_relative_to(root.resolve()) for root in roots):
            reason = "the daemon does not read adapters there; start it with --lora-root of that folder, too"
            raise FarmNotUsable(str(chosen), reason)
        return chosen, pictures
    for root in reversed(roots):
        folder = root / "farm"
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            return folder, pictures
    where = ", ".join(map(str, roots)) or "it has none"
    raise FarmNotUsable("the daemon's adapter roots", f"nothing can be written there ({where}); give --content")
