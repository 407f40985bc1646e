"""What a client sends, as lines: with the two clocks of a line, one for a newline that was left out and one for a line
that never ends.

What stands in a line is not known here, nor where the bytes come from.
"""

import asyncio
from collections.abc import Callable

from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.framing import LineSplitter, OversizedFrame

__all__ = ["Incoming", "Line"]

Line = bytes | OversizedFrame


class Incoming:
    """The lines of one client.

    Args:
        settings: How long a line may be, in bytes and in seconds.
        take: Called with every line that is whole.
        too_slow: Called once a line has been under way for too long.
    """

    def __init__(self, settings: Settings, take: Callable[[Line], None], too_slow: Callable[[], None]) -> None:
        self._settings = settings
        self._take = take
        self._too_slow = too_slow
        self._splitter = LineSplitter(settings.line_bytes)
        self._loop = asyncio.get_running_loop()
        self._quiet: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def feed(self, data: bytes) -> None:
        """Take received bytes, however they were cut."""
        self._stop_quiet()
        lines = self._splitter.feed(data)
        for line in lines:
            self._take(line)
        if lines or not self._splitter.pending:
            self._stop_deadline()
        if self._splitter.pending:
            self._quiet = self._loop.call_later(self._settings.quiet_flush, self._take_unterminated)
            if self._deadline is None:
                self._deadline = self._loop.call_later(self._settings.line_timeout, self._too_slow)

    def end(self) -> bool:
        """There is no more to come; False where the last line is not whole."""
        self.stop()
        self._take_unterminated()
        return not self._splitter.pending

    def stop(self) -> None:
        """Wait for nothing any more."""
        self._stop_quiet()
        self._stop_deadline()

    def _take_unterminated(self) -> None:
        self._quiet = None
        if (value := self._splitter.take_unterminated()) is not None:
            self._stop_deadline()
            self._take(value)

    def _stop_quiet(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
