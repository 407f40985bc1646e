"""Files that no job needs any more, taken away at the broker, by its clock.

Whoever hands work in says of its files that they are needed, once a day at least. So what was last said before the
oldest job that still waits was handed in is needed by none of them, and two days are kept between the two. While one
waits that a node has passed on, of which the broker does not know when it was handed in, everything stays.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.content.store import SAID_AGAIN, file_said
from kilnmark.farm.names import CONTENT, WORK, WORK_SUBJECTS, is_passed_on

if TYPE_CHECKING:
    from nats.js.api import RawStreamMsg

__all__ = ["clear_content"]

_STREAM = f"OBJ_{CONTENT}"
_NEVER = datetime.min.replace(tzinfo=UTC)


async def clear_content(link: FarmLink, kept: timedelta, now: datetime | None = None) -> int:
    """Take away what nobody needs, and bytes that never became a file's.

    Args:
        kept: For how long nobody needed what goes.
        now: The moment that is now; None: as the broker's clock has it.

    Returns:
        How many files went.

    Raises:
        FarmError: The broker does not answer, or does not let these credentials take files away.
    """
    now = now or await link.broker_time()
    with link.telling("take files away"):
        before = min(now - kept, await _oldest_job(link, now) - 2 * SAID_AGAIN)
        if await _some_passed_on(link):
            before = _NEVER
        # Bytes are looked at first: those of a file whose word comes meanwhile are not taken for nobody's.
        bytes_of = {subject.rsplit(".", 1)[1]: subject for subject in await _subjects(link, "C")}
        used, gone = set[str](), 0
        for subject in await _subjects(link, "M"):
            if (message := await _last(link, subject)) is None:
                continue
            said = file_said(message)
            if said is None or message.time is None:
                continue
            if message.time < before and await _take_away(link, subject, message, said.nuid):
                gone += not said.deleted
            elif not said.deleted:
                used.add(said.nuid)
        for nuid in sorted(bytes_of.keys() - used):
            last = await _last(link, bytes_of[nuid])
            if last is not None and last.time is not None and last.time < now - SAID_AGAIN:
                await link.js.purge_stream(_STREAM, subject=bytes_of[nuid])
    return gone


async def _oldest_job(link: FarmLink, now: datetime) -> datetime:
    """When the oldest job that waits, or is being painted, was handed in."""
    from nats.js.errors import NotFoundError

    state = (await link.js.stream_info(WORK)).state
    if not state.messages:
        return now
    try:
        first = await link.js.get_msg(WORK, seq=state.first_seq)
    except NotFoundError:  # it ended this very moment; the next look is soon enough
        return _NEVER + 2 * SAID_AGAIN
    return first.time or now


async def _some_passed_on(link: FarmLink) -> bool:
    """Whether a job waits that a node has passed on, or so many that the broker does not name them all."""
    state = (await link.js.stream_info(WORK, subjects_filter=WORK_SUBJECTS)).state
    named = state.subjects or {}
    return len(named) < state.messages or any(map(is_passed_on, named))


async def _subjects(link: FarmLink, kind: str) -> list[str]:
    found = (await link.js.stream_info(_STREAM, subjects_filter=f"$O.{CONTENT}.{kind}.>")).state.subjects
    return sorted(found or {})


async def _last(link: FarmLink, subject: str) -> "RawStreamMsg | None":
    from nats.js.errors import NotFoundError

    try:
        return await link.js.get_last_msg(_STREAM, subject)
    except NotFoundError:
        return None


async def _take_away(link: FarmLink, subject: str, message: "RawStreamMsg", nuid: str) -> bool:
    """Take a file away, unless somebody has said meanwhile that it is needed. Returns whether it went.

    Nothing is written for it, which a broker whose disk is full would refuse. Once what was said of a file is gone, its
    bytes are nobody's: whoever would say the same again is refused, and puts it anew, in another place.
    """
    await link.js.purge_stream(_STREAM, subject=subject, seq=(message.seq or 0) + 1)
    if await _last(link, subject) is not None:
        return False
    await link.js.purge_stream(_STREAM, subject=f"$O.{CONTENT}.C.{nuid}")
    return True
