"""A node that cannot paint rests: longer each time, and until what was wrong is seen to be mended."""

import asyncio
import contextlib
import logging
from pathlib import Path

from kilnmark.client.aio import AsyncClient
from kilnmark.client.errors import ClientError
from kilnmark.farm.errors import FarmError
from kilnmark.farm.node.about import AboutNode
from kilnmark.farm.node.folders import PICTURE, NodeFolders
from kilnmark.keymaps.files.outputs import OutputFolder
from kilnmark.protocol.errors import KilnmarkError

__all__ = ["Rest"]

_logger = logging.getLogger(__name__)

_FIRST, _LONGEST = 2.0, 60.0
"""Seconds; doubled each time until a job was done again."""


class Rest:
    """The rests of one node.

    Args:
        client: Of its daemon.
        folders: Its files.
        about: Its account, in which the problem stands.
        draining: Set when it is to leave: nobody rests then.
    """

    def __init__(self, client: AsyncClient, folders: NodeFolders, about: AboutNode, draining: asyncio.Event) -> None:
        self._client = client
        self._folders = folders
        self._about = about
        self._draining = draining
        self._seconds = 0.0

    def over(self) -> None:
        """A job was done: all is well."""
        self._seconds = 0.0

    async def until_well(self) -> None:
        """Rest, and look once whether the daemon can paint again; the problem stays where it cannot."""
        self._seconds = min(max(2 * self._seconds, _FIRST), _LONGEST)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._draining.wait(), self._seconds)
        try:
            status = await self._client.status()
            self._about.hear(status)
            await asyncio.to_thread(self._folders.check)
            await asyncio.to_thread(OutputFolder(Path(status.output_dir)).check_room, PICTURE)
        except (KilnmarkError, OSError) as error:
            self._about.is_alone |= isinstance(error, ClientError) and not isinstance(error, FarmError)
            if str(error) != self._about.problem:
                _logger.warning("no more work is taken: %s", error)
            self._about.problem = str(error)
            return
        if status.state in ("ready", "busy", "warming"):
            self._about.problem = ""
