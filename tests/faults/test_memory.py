"""Memory over many renders of many sizes: caches that grow with every distinct shape would show here."""

import itertools
import random
import statistics
from collections.abc import Sequence
from typing import Any

import pytest

from tests.daemon.conftest import running_daemon
from tests.faults.conftest import Found
from tests.faults.measure import MB, resident

RENDERS, SETTLED, BLOCK = 300, 100, 50
_SIDES = range(64, 272, 16)
SIZES = sorted(itertools.product(_SIDES, _SIDES), key=lambda size: size[0] * size[1])[:60]
"""The smallest that there are."""


def growth(values: Sequence[int]) -> float:
    """MB from the first to the last block of renders after those that settle, by the medians of the blocks."""
    settled = values[SETTLED:]
    return (statistics.median(settled[-BLOCK:]) - statistics.median(settled[:BLOCK])) / MB


@pytest.mark.timeout(1200)
@pytest.mark.faults(
    "300 renders of 60 distinct sizes, each size five times in an order of chance, by a real worker on the standin",
    "memory of worker and daemon is flat after the first hundred: under 16 MB more",
)
def test_memory_of_300_renders(found: Found) -> None:
    assert len(set(SIZES)) == 60
    chance = random.Random(13)
    order = [size for _ in range(RENDERS // len(SIZES)) for size in chance.sample(SIZES, len(SIZES))]
    worker, own = list[int](), list[int]()
    with running_daemon(variant="standin") as running, running.wire() as wire:
        pid = running.warm().worker_pid()
        for seed, (width, height) in enumerate(order):
            asked: dict[str, Any] = {"prompt": "tor", "width": width, "height": height, "steps": 1, "seed": seed}
            assert wire.result("render", asked)["image_path"]
            worker.append(resident(pid))
            own.append(resident(running.process.pid))
        assert running.worker_pid() == pid
    grown, daemons = growth(worker), growth(own)
    found(f"worker {worker[SETTLED] // MB} MB after 100, {worker[-1] // MB} MB after 300: {grown:+.1f} MB by medians")
    found(f"daemon {own[SETTLED] // MB} and {own[-1] // MB} MB: {daemons:+.1f} MB")
    found.headline("growth_after_100_renders_mb", max(grown, daemons))
    assert max(grown, daemons) < 16
