"""What a remote says of a training: its cost, its outputs in every shape, and whether it is ours."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from kilnmark.lab.training.remote.documents import RemoteTraining, decode, output_addresses

NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)


def training(**told: Any) -> RemoteTraining:
    found: RemoteTraining = decode(json.dumps({"id": "t1", "status": "processing", **told}).encode(), RemoteTraining)
    return found


@pytest.mark.parametrize(
    ("told", "cost"),
    [
        ({"metrics": {"predict_time": 100.0}}, 1.0),
        ({"metrics": {"predict_time": 100.0, "cost": 0.75}}, 0.75),
        ({"started_at": "2026-11-01T11:59:00Z"}, 0.6),
        ({"started_at": "2026-11-01T11:00:00.5+00:00", "completed_at": "2026-11-01T11:00:30.5Z"}, 0.3),
        ({}, 0.0),
        ({"status": "failed"}, None),
        ({"status": "failed", "started_at": "yesterday"}, None),
    ],
)
def test_what_it_costs(told: dict[str, Any], cost: float | None) -> None:
    assert training(**told).cost(0.01, NOW) == (None if cost is None else pytest.approx(cost))


@pytest.mark.parametrize(
    ("output", "addresses"),
    [
        ({"version": "us/ink:ab", "weights": "https://x/y.tar"}, ("https://x/y.tar",)),
        ("https://x/a.safetensors", ("https://x/a.safetensors",)),
        (["https://x/a", "https://x/b", "https://x/a"], ("https://x/a", "https://x/b")),
        ({"files": [{"url": "https://x/a"}]}, ("https://x/a",)),
        ({"version": "us/ink:ab"}, ()),
        (None, ()),
        (3, ()),
    ],
)
def test_where_its_outputs_are(output: Any, addresses: tuple[str, ...]) -> None:
    assert output_addresses(output) == addresses


def test_it_is_known_by_what_no_other_was_asked_with() -> None:
    ours = training(input={"steps": 4, "input_images": "https://files.example/file-1", "more": [{"a": "key-1"}]})
    assert ours.names("https://files.example/file-1")
    assert ours.names("key-1")
    assert not ours.names("https://files.example/file", "https://files.example/file-2", "key", "")
    assert not training(input={"input_images": "https://files.example/file-10"}).names("https://files.example/file-1")
    assert not training(input=None).names("key-1")


def test_what_is_no_training_is_not_read_as_one() -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode(b'{"status": "succeeded"}', RemoteTraining)
