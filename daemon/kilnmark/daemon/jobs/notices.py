"""The notices that a daemon keeps for whoever tells them, in the order in which they were left.

They follow from events, as jobs do; nothing is told here.
"""

from collections.abc import Iterator

from kilnmark.daemon.jobs.events import NoticeLeft
from kilnmark.daemon.jobs.outcome import moment_words
from kilnmark.protocol.wire.notices import NoticeInfo

__all__ = ["KeptNotices", "notice_info"]

KEPT = 1000
"""So many; the oldest is forgotten first. Batches end a few times a day."""


class KeptNotices:
    """Notices by id."""

    def __init__(self) -> None:
        self._left: dict[str, NoticeLeft] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._left)

    def put(self, notice: NoticeLeft) -> None:
        """One more was left; under an id that there is, the first one stays."""
        self._left.setdefault(notice.notice_id, notice)
        while len(self._left) > KEPT:
            del self._left[next(iter(self._left))]

    def find(self, notice_id: str) -> NoticeLeft | None:
        """The one of that id."""
        return self._left.get(notice_id)

    @property
    def infos(self) -> list[NoticeInfo]:
        """All of them as they are told, the oldest first."""
        return [notice_info(each) for each in self._left.values()]


def notice_info(notice: NoticeLeft) -> NoticeInfo:
    """A notice as it is told."""
    return NoticeInfo(
        notice_id=notice.notice_id,
        left=moment_words(notice.at),
        notify_url=notice.notify_url,
        batch=notice.batch,
    )
