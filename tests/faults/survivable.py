"""When a daemon may be killed without making a render one that two daemons died of, by what stands on disk.

Such a render is given up, as is promised; so whoever counts lost pictures must not bring it about. What is in memory is
ahead of the disk, and so of no use here. Lives in the daemon's own process.
"""

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

from kilnmark.daemon import main as room
from kilnmark.daemon.jobs.events import (
    DaemonStarted,
    DaemonStopped,
    JobAccepted,
    JobEnded,
    JobEvent,
    RenderBegun,
    decode_event,
)
from kilnmark.daemon.jobs.jobs import TRIES
from kilnmark.daemon.journal.file import JournalFile, JournalRow

__all__ = ["Survivable"]


class Survivable:
    """What was begun how often. Made before the daemon opens its journal.

    Attributes:
        lock: Held while it is asked and somebody dies of the answer; nothing dangerous reaches the disk meanwhile.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._tries: Counter[str] = Counter()
        self._begun: set[str] = set()
        self._on_the_way: list[JobEvent] = []
        self._read_at_the_start()
        self._watch_appends()

    def may_die(self) -> bool:
        """Whether all renders would be painted that are begun, on disk or on the way there."""
        coming = {job_id for event in self._on_the_way if isinstance(event, RenderBegun) for job_id in event.job_ids}
        worst = max((self._tries[job_id] for job_id in self._begun), default=0)
        return worst < TRIES and all(self._tries[job_id] + 1 < TRIES for job_id in coming)

    def _apply(self, events: Sequence[JobEvent]) -> None:
        for event in events:
            match event:
                case JobAccepted():
                    self._tries[event.job_id] = 0
                case RenderBegun():
                    self._tries.update(event.job_ids)
                    self._begun.update(event.job_ids)
                case JobEnded():
                    self._begun.discard(event.job_id)
                case DaemonStopped():
                    self._tries.subtract(self._begun)
                case DaemonStarted():
                    self._begun.clear()
                case _:
                    pass

    def _read_at_the_start(self) -> None:
        opened = vars(room)["open_journal"]

        def opening(*args: Any) -> Any:
            journal = opened(*args)
            self._apply(journal.events)
            return journal

        vars(room)["open_journal"] = opening

    def _watch_appends(self) -> None:
        append = JournalFile.append

        def appending(file: JournalFile, rows: Sequence[JournalRow]) -> None:
            with self.lock:
                self._on_the_way = [decode_event(row.document) for row in rows]
            append(file, rows)
            with self.lock:
                self._apply(self._on_the_way)
                self._on_the_way = []

        setattr(JournalFile, "append", appending)  # noqa: B010 - a class's method, for this process alone
