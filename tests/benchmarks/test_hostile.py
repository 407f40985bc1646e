"""How long a hostile file keeps a reader, and how much memory it takes beyond the header's own bytes."""

import statistics
import time
import tracemalloc
from pathlib import Path

import pytest

from kilnmark.keymaps.files.header import HEADER_LIMIT
from kilnmark.keymaps.files.safefile import read_header
from tests.keymaps.hostile import BOMBS, Hostile, slow
from tests.keymaps.test_hostile import exposed

pytestmark = pytest.mark.benchmark

LIMIT_MS = 1000.0
"""Milliseconds of the processor that any file may take until it is refused, a header of 100 MB read."""
LIMIT_MIB = 64.0
"""MiB that it may take beyond its header."""
TURNS = 5


def refused(kind: Hostile, path: Path) -> None:
    with exposed(kind, path), pytest.raises(kind.refusal):
        read_header(path, [path.parent] if kind.in_root else None)


def milliseconds(kind: Hostile, folder: Path) -> tuple[float, float]:
    """Medians by the processor's clock and by the wall's; a file that is exchanged needs a new one each time."""
    worked, waited = [], []
    for turn in range(TURNS):
        fresh = folder / str(turn)
        fresh.mkdir()
        path = kind.build(fresh)
        begin = time.process_time(), time.perf_counter()
        refused(kind, path)
        worked.append(1e3 * (time.process_time() - begin[0]))
        waited.append(1e3 * (time.perf_counter() - begin[1]))
    return statistics.median(worked), statistics.median(waited)


def mebibytes(kind: Hostile, folder: Path) -> float:
    """The most that Python holds at once, the header as it was read left out."""
    folder.mkdir()
    path = kind.build(folder)
    own = header_bytes(path)
    tracemalloc.start()
    try:
        refused(kind, path)
        return max(tracemalloc.get_traced_memory()[1] - own, 0) / (1 << 20)
    finally:
        tracemalloc.stop()


def header_bytes(path: Path) -> int:
    """Of the header that a reader has to look through: what the file says, where that may be and is there."""
    if not path.is_file():
        return 0
    with path.open("rb") as source:
        said = int.from_bytes(source.read(8), "little")
    return said if said <= min(HEADER_LIMIT, path.stat().st_size) else 0


@pytest.mark.timeout(600)
def test_every_hostile_file_is_refused_within_a_second_and_64_mib(tmp_path: Path) -> None:
    print(f"\n{TURNS} turns, bounds {LIMIT_MS:.0f} ms and {LIMIT_MIB:.0f} MiB{'ms':>25}{'on wall':>9}{'MiB':>9}")
    over = []
    for number, (name, kind) in enumerate((BOMBS | slow(HEADER_LIMIT)).items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        (taken, wall), held = milliseconds(kind, folder), mebibytes(kind, folder / "memory")
        print(f"{name:<55}{taken:>9.1f}{wall:>9.1f}{held:>9.1f}")
        if taken >= LIMIT_MS or held >= LIMIT_MIB:
            over.append(name)
    assert not over
