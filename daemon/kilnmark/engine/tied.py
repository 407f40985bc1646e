"""What ties the worker process to its daemon: it dies with it, and before it where memory is short.

Both are asked of the kernel, so that they hold for a process that is stopped or deep in a computation. Everywhere the
end of the socket pair is the sign to leave, which `link` hears; here is what Linux has beside it. Nothing heavy may be
imported here: this comes before everything else of a worker.
"""

import ctypes
import signal
import sys
from pathlib import Path

__all__ = ["OOM_SCORE", "tie_to_daemon"]

OOM_SCORE = 500
"""Of -1000 to 1000, added to the share of memory by which the kernel chooses whom to end when none is left: half of all
memory more than the worker holds, so that neither the daemon nor anybody's session goes before it."""

_PR_SET_PDEATHSIG = 1
_SCORE = Path("/proc/self/oom_score_adj")


def tie_to_daemon() -> list[str]:
    """Let the kernel end this process when its daemon dies, and first of all when memory is short.

    Returns:
        What could not be had, in sentences; empty where there is nothing to be had.
    """
    if sys.platform != "linux":
        return []
    return [problem for problem in (_die_with_parent(), _go_first()) if problem is not None]


def _die_with_parent() -> str | None:
    """One that lost its daemon before this line hears of it by its socket."""
    try:
        failed = ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    except (OSError, AttributeError) as error:
        return f"a stopped worker would outlive its daemon: there is no prctl ({error})"
    return f"a stopped worker would outlive its daemon: prctl failed with {ctypes.get_errno()}" if failed else None


def _go_first() -> str | None:
    try:
        if int(_SCORE.read_text()) < OOM_SCORE:
            _SCORE.write_text(str(OOM_SCORE))
    except (OSError, ValueError) as error:
        return f"where memory is short others may be ended before the worker: {error}"
    return None
