"""Bytes to lines: the newline-delimited framing both ends use, without I/O.

A value that arrives without its newline can still be taken once the sender has gone quiet; how long "quiet" is
belongs to the caller, who owns the clock.
"""

import msgspec

__all__ = ["FRAME_LIMIT", "LineSplitter", "OversizedFrame"]

FRAME_LIMIT = 1 << 20
"""Largest frame accepted from a client, in bytes: twenty times the largest valid render request."""

_BLANK = b" \t\r"


class OversizedFrame(msgspec.Struct, frozen=True):
    """A frame longer than the limit, thrown away up to its newline. `limit` is in bytes."""

    limit: int


class LineSplitter:
    """Cuts a byte stream into lines, however the stream was chunked.

    Args:
        limit: Bytes a line may have without its newline. None accepts any length (a trusted peer).
    """

    def __init__(self, limit: int | None = FRAME_LIMIT) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._scanned = 0
        self._discarding = False

    @property
    def pending(self) -> bool:
        """Bytes have arrived that no newline has closed yet."""
        return bool(self._buffer) or self._discarding

    def feed(self, data: bytes) -> list[bytes | OversizedFrame]:
        """Add received bytes and return every frame they complete, in order; blank lines are no frames."""
        frames: list[bytes | OversizedFrame] = []
        self._buffer += data
        while (end := self._buffer.find(b"\n", self._scanned)) >= 0:
            line = bytes(memoryview(self._buffer)[:end])
            del self._buffer[: end + 1]
            self._scanned = 0
            if self._discarding:
                self._discarding = False
            elif self._limit is not None and len(line) > self._limit:
                frames.append(OversizedFrame(self._limit))
            elif line := line.strip(_BLANK):
                frames.append(line)
        self._scanned = len(self._buffer)
        if self._discarding:
            self._drop()
        elif self._limit is not None and len(self._buffer) > self._limit:
            self._drop()
            self._discarding = True
            frames.append(OversizedFrame(self._limit))
        return frames

    def take_unterminated(self) -> bytes | None:
        """The pending bytes, if they are one complete JSON value whose sender left the newline out."""
        value = bytes(self._buffer).strip(_BLANK)
        if self._discarding or not value or not _is_complete(value):
            return None
        self._drop()
        return value

    def _drop(self) -> None:
        self._buffer.clear()
        self._scanned = 0


def _is_complete(value: bytes) -> bool:
    if value[:1] not in (b"{", b"["):
        return False
    try:
        msgspec.json.decode(value, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
