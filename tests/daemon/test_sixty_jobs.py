"""Sixty renders of six stacks in random order through a real daemon: few switches, and nobody passed for too long."""

import random
from itertools import pairwise
from typing import Any

import pytest

from kilnmark.keymaps.zoo.write import make_adapter
from tests.daemon.conftest import SMALL, Message, running_daemon

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

STACKS = 6
BATCH_DELAY = 20.0


def asked() -> list[dict[str, Any]]:
    """Ten renders of each stack, shuffled the same way every time."""
    order = [number for number in range(STACKS) for _ in range(10)]
    random.Random(4).shuffle(order)
    return [
        {**SMALL, "seed": seed, "lora_paths": [f"{stack}.safetensors"], "lora_scales": [1.0]}
        for seed, stack in enumerate(order)
    ]


def test_sixty_jobs_over_six_stacks_need_few_switches_and_keep_the_bound() -> None:
    with running_daemon(batch_delay=BATCH_DELAY) as daemon:
        for number in range(STACKS):
            make_adapter(daemon.loras / f"{number}.safetensors", rank=1, blocks=1, seed=number)
        daemon.warm()
        with daemon.wire() as wire:
            ids = [wire.send("render", params) for params in asked()]
            replies: dict[int, Message] = {}
            while len(replies) < len(ids):
                message = wire.read()
                replies[message["id"]] = message["result"]
        results = [replies[id_] for id_ in ids]
        told = daemon.status()["queue"]["switches"]
    started = [result["timings"]["queue_ms"] / 1000 for result in results]
    took = [(result["timings"]["total_ms"] - result["timings"]["queue_ms"]) / 1000 for result in results]
    by_start = sorted(range(len(results)), key=started.__getitem__)
    stacks = [results[place]["stack"]["names"] for place in by_start]
    switches = 1 + sum(one != other for one, other in pairwise(stacks))
    passed = longest_passed(by_start, started)
    assert told == switches
    assert switches <= 12
    assert passed <= BATCH_DELAY + max(took)


def longest_passed(by_start: list[int], started: list[float]) -> float:
    """Seconds from the first start of a younger one before the eldest to the eldest's own start, at the most."""
    waiting, first_passed, longest = set(by_start), dict[int, float](), 0.0
    for place in by_start:
        eldest = min(waiting)
        if eldest != place:
            first_passed.setdefault(eldest, started[place])
        elif eldest in first_passed:
            longest = max(longest, started[place] - first_passed[eldest])
        waiting.remove(place)
    return longest
