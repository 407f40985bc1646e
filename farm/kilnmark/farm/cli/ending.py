"""The signals by which a command is asked to end, a closed terminal's among them."""

import asyncio
import signal
from collections.abc import Callable

__all__ = ["when_told_to_end"]


def when_told_to_end(hear: Callable[[], None]) -> None:
    """Have something called at Ctrl-C, at SIGTERM, and when the terminal closes, unless `nohup` keeps that away."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    for number in numbers:
        asyncio.get_running_loop().add_signal_handler(number, hear)
