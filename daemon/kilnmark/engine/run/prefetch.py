"""Adapters of renders that still wait, read in a thread of their own while another render computes.

Only numpy works here. What goes wrong is no news yet: the render that needs the file will meet it again and say so.
"""

import logging
import queue
import threading
from collections.abc import Callable

from kilnmark.engine.stack.store import AdapterStore
from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.names.shapes import Shapes
from kilnmark.protocol.wire.work import Prefetch

__all__ = ["Prefetcher"]

_log = logging.getLogger(__name__)


class Prefetcher:
    """Reads ahead into a store.

    Args:
        store: Where renders will look.
        shapes_of: Gives the layers of a variant's base; None while it is not held, and nothing is read for it then.
    """

    def __init__(self, store: AdapterStore, shapes_of: Callable[[str], Shapes | None]) -> None:
        self._store = store
        self._shapes_of = shapes_of
        self._wanted: queue.SimpleQueue[Prefetch] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="prefetch", daemon=True)

    def start(self) -> None:
        """Begin to read what is wanted."""
        self._thread.start()

    def fetch(self, wanted: Prefetch) -> None:
        """These will be needed soon. Returns at once."""
        self._wanted.put(wanted)

    def _work(self) -> None:
        while True:
            wanted = self._wanted.get()
            if (shapes := self._shapes_of(wanted.variant)) is not None:
                for path in wanted.lora_paths:
                    self._read(path, shapes)

    def _read(self, path: str, shapes: Shapes) -> None:
        try:
            self._store.get(path, shapes)
        except RefusedFile:
            _log.debug("%s was refused when it was read ahead", path)
        except Exception:  # noqa: BLE001 - a defect here must not end the reading ahead
            _log.exception("%s could not be read ahead", path)
