"""A Mac that would fall asleep is kept awake while there is something to paint: by `caffeinate(8)`, as a child.

Elsewhere nothing is done. The child ends with this process whatever becomes of it, because it was told to wait for it.
"""

import logging
import os
import subprocess
import sys

__all__ = ["Awake", "caffeinate"]

_log = logging.getLogger(__name__)

END_TIMEOUT = 1.0
"""Seconds the child may take to end before it is killed."""


def caffeinate(pid: int) -> list[str]:
    """The command that keeps a Mac from sleeping by itself (`-i`) for as long as a process is there (`-w`)."""
    return ["caffeinate", "-i", "-w", str(pid)]


class Awake:
    """Keeps the machine awake, or lets it sleep.

    Args:
        platform: As `sys.platform` names it.
    """

    def __init__(self, platform: str = sys.platform) -> None:
        self._is_possible = platform == "darwin"
        self._child: subprocess.Popen[bytes] | None = None

    def keep(self, *, wanted: bool) -> None:
        """Let it be so from now on. A child that is lost is started again; if none can be, it is told once."""
        if self._child is not None and self._child.poll() is not None:
            _log.warning("caffeinate ended by itself, with %d", self._child.returncode)
            self._child = None
        if wanted and self._child is None and self._is_possible:
            self._start()
        elif not wanted:
            self.end()

    def end(self) -> None:
        """Let the machine sleep."""
        child, self._child = self._child, None
        if child is None:
            return
        child.terminate()
        try:
            child.wait(END_TIMEOUT)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _start(self) -> None:
        try:
            self._child = subprocess.Popen(  # noqa: S603 - nothing in the command is from outside
                caffeinate(os.getpid()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            self._is_possible = False
            _log.warning("this machine may fall asleep while it paints: caffeinate cannot be started (%s)", error)
