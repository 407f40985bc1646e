"""Settings that are read again while the daemon runs: all of what was said anew, or nothing of it.

Where settings come from is the command line's part, so the command that said them is run again; which of them take
effect at once is decided here. What each means is known to whoever is given them.
"""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence

from kilnmark.daemon.settings import SettingsError, read_settings
from kilnmark.protocol.settings import Settings

__all__ = ["AT_ONCE", "changed_beyond", "read_again", "with_those_at_once"]

AT_ONCE = (
    "queue_limit",
    "batch_delay",
    "ageing",
    "jobs_kept",
    "jobs_kept_for",
    "drain_timeout",
    "pause_on_battery",
    "pause_when_hot",
    "beat_timeout",
    "step_timeout",
    "load_timeout",
    "restart_delay_max",
    "degraded_delay_max",
    "recycle_renders",
    "recycle_growth",
    "heartbeat_interval",
    "quiet_flush",
    "connection_limit",
    "request_limit",
    "line_timeout",
    "unread_bytes",
    "unread_timeout",
)
"""Those that take effect when they are read again; those of a connection for the next one. All others need a start."""

READ_TIMEOUT = 30.0
"""Seconds that reading may take."""


async def read_again(command: Sequence[str]) -> Settings:
    """Run the command that prints the settings as JSON.

    Raises:
        SettingsError: it could not be run, or what was said is not usable; the message says why.
    """
    if not command:
        raise SettingsError("this daemon was handed its settings as they are; there is nothing to read them from again")
    try:
        process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    except OSError as error:
        raise SettingsError(f"the settings cannot be read again: {error}") from error
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            said, problem = await process.communicate()
    except TimeoutError as error:
        process.kill()
        raise SettingsError(f"the settings were not read again within {READ_TIMEOUT:g} seconds") from error
    if process.returncode != 0:
        raise SettingsError("; ".join(problem.decode(errors="replace").rpartition("Error: ")[2].strip().splitlines()))
    return read_settings(said.decode(errors="replace"))


def with_those_at_once(old: Settings, new: Settings) -> Settings:
    """The old settings, with the new ones in place of those that take effect at once."""
    return old.model_copy(update={name: getattr(new, name) for name in AT_ONCE})


def changed_beyond(old: Settings, new: Settings) -> list[str]:
    """Those that were said anew and need a start."""
    return [name for name in Settings.model_fields if name not in AT_ONCE and getattr(old, name) != getattr(new, name)]
