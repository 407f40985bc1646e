"""The same requests give the same replies as before: a recorded script, played to the daemon as it is now.

The record is `replies.ndjson`; `normal` says what of it is time, place or chance. What differs on purpose is listed:
fields that came to be in `ADDED`, and whole turns in `changes.ndjson`, each with its reason.
"""

import json
import sys
from typing import Any

import pytest

from tests.recorded.changes import ADDED, CHANGES
from tests.recorded.compare import BEFORE, differences, expected
from tests.recorded.player import REQUESTS, Heard, play, read_lines

pytestmark = pytest.mark.timeout(300)

TURNS = [turn["turn"] for turn in read_lines(REQUESTS)]


@pytest.fixture(scope="module")
def played() -> dict[str, Heard]:
    """What the daemon of this interpreter answers, turn by turn."""
    return {heard["turn"]: heard for heard in play(sys.executable)}


@pytest.mark.parametrize("turn", TURNS)
def test_the_same_request_gives_the_same_reply(played: dict[str, Heard], turn: str) -> None:
    assert differences(played[turn]) == []


def test_every_turn_was_recorded_once() -> None:
    assert len(set(TURNS)) == len(TURNS)
    assert list(BEFORE) == TURNS


def test_every_change_is_one_and_has_its_reason() -> None:
    assert [turn for turn in CHANGES if turn not in BEFORE or CHANGES[turn].heard == BEFORE[turn]] == []
    assert [turn for turn, change in CHANGES.items() if not change.why.strip()] == []


def test_every_added_field_is_there(played: dict[str, Heard]) -> None:
    there = {path for heard in played.values() for path in paths_of("", heard)}
    assert [path for path in ADDED if path not in there] == []


def test_a_difference_is_seen() -> None:
    heard = json.loads(json.dumps(expected("an adapter engages")))
    result = heard["heard"][0]["result"]
    result["loras"][0]["delta_ratio"] *= 1.02
    result["loras"][0]["verdict"] = "noop"
    del result["cached"]
    result["spare"] = 1
    told = [line.partition(": ")[0].removeprefix("heard[0].result.") for line in differences(heard)]
    assert told == ["loras[0].delta_ratio", "loras[0].verdict", "cached", "spare"]


def paths_of(path: str, value: Any) -> set[str]:
    if isinstance(value, list):
        return {found for item in value for found in paths_of(path, item)}
    if not isinstance(value, dict):
        return set()
    own = {f"{path}.{key}".lstrip("."): item for key, item in value.items()}
    return set(own).union(*(paths_of(key, item) for key, item in own.items()))
