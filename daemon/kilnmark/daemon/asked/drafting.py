"""Whether a render that does not say is a draft: by the daemon's setting, its bases and what its worker computes on.

How far a draft is capped is decided with the rest of the picture, by `protocol.picture.decide`.
"""

import asyncio
import logging

from kilnmark.daemon.asked.served import Served
from kilnmark.daemon.worker.holdings import Holdings
from kilnmark.keymaps.files.weights import WeightsProblem
from kilnmark.protocol.picture.family import Variant
from kilnmark.protocol.wire.requests import RenderParams

__all__ = ["UNTOLD_TIMEOUT", "Drafts"]

_log = logging.getLogger(__name__)

UNTOLD_TIMEOUT = 20.0
"""Seconds that a worker may take to say what it computes on; it says so before it loads its first base."""


class Drafts:
    """The drafts of one daemon.

    Args:
        served: Its bases, and its settings.
        holdings: Of its worker.
    """

    def __init__(self, served: Served, holdings: Holdings) -> None:
        self._served = served
        self._holdings = holdings

    def on(self, row: Variant) -> bool:
        """Whether renders on a base of which this is known are drafts where they do not say."""
        drafting = self._served.settings.drafts
        if drafting != "auto":
            return drafting == "always"
        return row.made_up or (self._holdings.backend == "cpu" and not row.shipped)

    @property
    def bases(self) -> list[str]:
        """Those on which that is so; one whose directory cannot be told is left out."""
        return [name for name in self._served.places if (row := self._row_of(name)) is not None and self.on(row)]

    async def told(self, params: RenderParams) -> None:
        """Wait until it is known what the worker computes on, where a request goes by that."""
        is_open = params.steps is None or (params.width is None and params.height is None)
        if params.draft is not None or not is_open or self._holdings.backend:
            return
        if not any(map(self._depends, self._served.places)):
            return
        try:
            async with asyncio.timeout(UNTOLD_TIMEOUT):
                await self._holdings.backend_told.wait()
        except TimeoutError:
            _log.warning("the worker does not say what it computes on; renders that do not say are no drafts")

    def _depends(self, name: str) -> bool:
        row = self._row_of(name)
        is_auto = self._served.settings.drafts == "auto"
        return is_auto and row is not None and not (row.made_up or row.shipped)

    def _row_of(self, name: str) -> Variant | None:
        try:
            return self._served.row_of(name)
        except WeightsProblem:
            return None
