"""Calls that cost nothing, made again while a remote gives no answer: as long as was decided, and as it asks.

The call that starts a training is never made through here.
"""

import select
import time
from collections.abc import Callable
from typing import TypeVar

from kilnmark.lab.run.plan import RemotePlan
from kilnmark.lab.training.errors import RemoteAway, RemoteRefused

__all__ = ["patiently", "pause"]

T = TypeVar("T")

_FIRST = 1.0


def patiently(plan: RemotePlan, call: Callable[[], T], tell: Callable[[str], None]) -> T:
    """The answer of a call, asked for until it comes or the patience is over.

    Raises:
        RemoteAway, RemoteRefused: The last that it came to.
    """
    until = time.monotonic() + plan.patience_seconds
    wait = min(_FIRST, plan.poll_seconds)
    while True:
        try:
            return call()
        except (RemoteAway, RemoteRefused) as error:
            asked = error.retry_after if isinstance(error, RemoteRefused) else None
            if isinstance(error, RemoteRefused) and not error.is_passing:
                raise
            seconds = wait if asked is None else asked
            if time.monotonic() + seconds > until:
                raise
            tell(f"{error.what}: {_why(error)}; asking again in {seconds:.3g} s")
        pause(seconds)
        wait = min(2 * wait, max(_FIRST, plan.poll_seconds))


def pause(seconds: float) -> None:
    """Let time go by; Ctrl-C ends it."""
    select.select([], [], [], seconds)


def _why(error: RemoteAway | RemoteRefused) -> str:
    return error.reason if isinstance(error, RemoteAway) else f"{error.status} {error.detail}"
