"""Adapters of renders that still wait, read in a thread of their own while another render computes.

Only numpy works here. What goes wrong is no news yet: the render that needs the file will meet it again and say so.
"""

import logging
import queue
import threading
from collections.abc import Sequence

from kilnmark.engine.store import AdapterStore
from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.shapes import Shapes

__all__ = ["Prefetcher"]

_log = logging.getLogger(__name__)


class Prefetcher:
    """Reads ahead into a store.

    Args:
        store: Where renders will look.
        shapes: The layers of the model that they will be painted on.
    """

    def __init__(self, store: AdapterStore, shapes: Shapes) -> None:
        self._store = store
        self._shapes = shapes
        self._wanted: queue.SimpleQueue[Sequence[str]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="prefetch", daemon=True)

    def start(self) -> None:
        """Begin to read what is wanted."""
        self._thread.start()

    def fetch(self, paths: Sequence[str]) -> None:
        """These will be needed soon. Returns at once."""
        self._wanted.put(paths)

    def _work(self) -> None:
        while True:
            for path in self._wanted.get():
                try:
                    self._store.get(path, self._shapes)
                except RefusedFile:
                    _log.debug("%s was refused when it was read ahead", path)
                except Exception:  # noqa: BLE001 - a defect here must not end the reading ahead
                    _log.exception("%s could not be read ahead", path)
