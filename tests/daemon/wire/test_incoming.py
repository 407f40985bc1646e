"""What a client sends, as lines, and the clock of a line that never ends; no time passes here but the loop's own."""

import asyncio
from pathlib import Path

from kilnmark.daemon.wire.incoming import Incoming, Line
from kilnmark.protocol.settings import Settings
from tests.daemon.clocks import run

SETTINGS = Settings(socket=Path("/run/kiln/d.sock"), output_dir=Path("/var/kiln"), line_timeout=10.0)


def test_lines_that_come_one_after_the_other_never_count_as_one_that_drips() -> None:
    async def body() -> None:
        taken: list[Line] = []
        slow: list[float] = []
        loop = asyncio.get_running_loop()
        incoming = Incoming(SETTINGS, taken.append, lambda: slow.append(loop.time()))
        incoming.feed(b'{"a":')
        for _ in range(10):
            await asyncio.sleep(9.0)
            incoming.feed(b'1}\n{"a":')
        assert (taken, slow) == ([b'{"a":1}'] * 10, [])
        last = loop.time()
        for _ in range(4):
            incoming.feed(b" ")
            await asyncio.sleep(3.0)
        assert slow == [last + 10.0]
        incoming.stop()

    run(body())
