"""What a worker process died of, in words: how it ended, and whether memory was what it lacked.

An allocation that fails is an exception, an abort or a segmentation fault, as the library has it that made it; and the
kernel that has none left kills without a word to the process. What each of them leaves behind is read here.
"""

import re
import resource
import signal
import sys
from pathlib import Path

from kilnmark.protocol.wire.status import WorkerWords

__all__ = ["Deathbed", "words_for_exit"]

_MIB = 1 << 20

_NO_MEMORY = re.compile(
    r"bad_alloc|MemoryError|out of memory|cannot allocate memory|(unable|attempting|failed) to allocate",
    re.IGNORECASE,
)
"""What Python, the C++ library, MLX, CUDA and Metal say where an allocation fails."""

_VMSTAT = Path("/proc/vmstat")

_LIMITS = (("RLIMIT_AS", "-v"), ("RLIMIT_DATA", "-d"))
"""The limits that make allocations fail, and the shell's option for them."""

_CRASHES = (-signal.SIGSEGV, -signal.SIGBUS)


class Deathbed:
    """What was known of the machine's memory when a process began. Made at that moment."""

    def __init__(self) -> None:
        self._kills = _kernel_kills()

    def words(self, status: int, said: WorkerWords) -> str:
        """What a process died of that nobody ended, as a clause that begins with `it`.

        Args:
            status: Its exit status, negative for a signal.
            said: What it wrote; its last line says most where it left by itself.
        """
        ended = words_for_exit(status)
        lines = [*([said.first_failure] if said.first_failure else []), *said.lines]
        told = next((line for line in lines if _NO_MEMORY.search(line)), None)
        if told is not None:
            return f"it ran out of memory ({told.strip()}): {ended}"
        if status == -signal.SIGKILL and _kernel_kills() > self._kills:
            return f"{ended}, by the kernel, which had no memory left"
        if status in _CRASHES:
            return f"{ended}, as MLX is where it cannot have the memory that it asks for{_limits()}"
        last = next((line.strip() for line in reversed(said.lines) if line.strip()), "")
        return f"{ended}; the last it wrote: {last}" if status > 0 and last else ended


def words_for_exit(status: int) -> str:
    """How a process ended, for a person: `it was ended by SIGKILL`, `it left with status 1`."""
    if status >= 0:
        return f"it left with status {status}"
    try:
        return f"it was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"it was ended by signal {-status}"


def _kernel_kills() -> int:
    """How many processes the kernel ended for want of memory since the machine began, in control groups too; 0 where it
    does not tell.
    """
    if sys.platform != "linux":
        return 0
    try:
        found = re.search(r"^oom_kill (\d+)$", _VMSTAT.read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _limits() -> str:
    """The limits under which it ran, which are the daemon's own; empty where there are none."""
    told = []
    for name, option in _LIMITS:
        soft, _ = resource.getrlimit(getattr(resource, name))
        if soft != resource.RLIM_INFINITY:
            told.append(f"{soft / _MIB:,.0f} MiB by `ulimit {option}`")
    return f" (it may have {' and '.join(told)})" if told else ""
