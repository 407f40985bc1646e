"""Finished pictures on their way here: from the broker, or from a folder that is shared, held to their hashes."""

import asyncio
import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.broker.patience import patiently
from kilnmark.farm.content.local import file_sha256
from kilnmark.farm.content.store import ContentStore, open_content
from kilnmark.farm.documents import FarmResult
from kilnmark.farm.errors import ContentUnusable, FarmNotUsable
from kilnmark.farm.names import pictures_of
from kilnmark.farm.node.shared import shared_place
from kilnmark.keymaps.files.atomic import written_whole

__all__ = ["Pictures"]


class Pictures:
    """A submitter's pictures.

    Args:
        link: To the broker.
        submitter: Whose they are.
        folder: Where they are put until somebody takes them.
        shared: A folder that nodes put them into; None: none does.
    """

    def __init__(self, link: FarmLink, submitter: str, folder: Path, shared: Path | None = None) -> None:
        self._link = link
        self._submitter = submitter
        self._folder = folder
        self._shared = shared
        self._store: ContentStore | None = None
        self._numbers = count()

    async def fetch(self, ending: FarmResult) -> Path:
        """The picture of a job that is done.

        Raises:
            ContentUnusable: It is not there any more, or is another.
            FarmNotUsable: It lies in a folder that nobody has named, or there is no room for it.
            FarmError: The broker does not answer.
        """
        content = ending.picture
        if content is None:
            raise ContentUnusable(ending.job_id, "", "its result names no picture")
        if ending.is_shared and self._shared is None:
            reason = f"the node {ending.node} puts its pictures into a folder that it shares; name it, and all goes on"
            raise FarmNotUsable("--shared", reason)
        goal = self._folder / f"{next(self._numbers)}-{ending.job_id}.png"  # one that is asked for twice has two
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FarmNotUsable(str(self._folder), f"cannot be written ({error.strerror or error})") from error
        if self._shared is not None and (place := shared_place(self._shared, self._submitter, content.sha256)).exists():
            await asyncio.to_thread(_copied, place, goal)
            if await asyncio.to_thread(file_sha256, goal) == (content.sha256, content.size):
                return goal
            raise ContentUnusable(content.name, content.sha256, f"{place} holds other bytes")
        if ending.is_shared:
            raise ContentUnusable(content.name, content.sha256, f"it does not lie in {self._shared} any more")
        self._store = self._store or await open_content(self._link, pictures_of(self._submitter))
        store = self._store
        await patiently(lambda: store.fetch(content, goal))
        return goal

    def let_go(self, picture: Path) -> None:
        """Remove what was fetched, since whoever wanted it has it."""
        picture.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder, where nothing is left in it."""
        with suppress(OSError):
            self._folder.rmdir()


def _copied(place: Path, goal: Path) -> None:
    with place.open("rb") as given, written_whole(goal) as taken:
        shutil.copyfileobj(given, taken)
