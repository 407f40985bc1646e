"""How time and memory of a daemon are taken while something is done to it. Nothing is injected here."""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.daemon.conftest import Wire

__all__ = ["Memory", "cpu_seconds", "memory_watched", "percentile", "pings_while", "resident", "told"]

MB = 1 << 20


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that so large a share of them, 0 to 1, does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def pings_while(wire: Wire, goes_on: Callable[[], bool], *, least: int) -> list[float]:
    """Milliseconds of each ping, one after the other, until it is over and there are enough."""
    taken: list[float] = []
    while len(taken) < least or goes_on():
        began = time.perf_counter()
        wire.result("ping")
        taken.append(1e3 * (time.perf_counter() - began))
        time.sleep(0.001)  # a ping a millisecond: pings back to back would be the load themselves
    return taken


def told(taken: Sequence[float], what: str) -> str:
    """Median, p99 and worst of milliseconds, in words."""
    return (
        f"{what}: median {statistics.median(taken):.1f} ms, p99 {percentile(taken, 0.99):.1f} ms, "
        f"worst {max(taken):.1f} ms of {len(taken)}"
    )


def resident(pid: int, field_name: str = "VmRSS") -> int:
    """Bytes of a process in memory now; `VmHWM`: at the most, since `memory_watched` began."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{field_name}:"))
    return int(line.split()[1]) << 10


def cpu_seconds(pid: int) -> float:
    """What a process has taken of the processor, in user and in system, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Memory:
    """What a process took while it was watched, in bytes.

    Attributes:
        rest: Before.
        peak: At the most.
    """

    rest: int
    peak: int = field(default=0)

    @property
    def over_rest_mb(self) -> float:
        """In MiB."""
        return (self.peak - self.rest) / MB


@contextmanager
def memory_watched(pid: int) -> Iterator[Memory]:
    """The kernel keeps a process's peak; it begins anew here."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    memory = Memory(resident(pid))
    yield memory
    memory.peak = resident(pid, "VmHWM")
