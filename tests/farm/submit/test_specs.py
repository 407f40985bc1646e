"""Requests as JSON lines: decided to the last number where they are handed in."""

import json
from pathlib import Path
from typing import Any

import pytest

from kilnmark.farm.submit.nodes import as_one_daemon
from kilnmark.farm.submit.specs import SpecLine, Specs
from tests.farm.submit.test_nodes import node


def specs() -> Specs:
    return Specs(as_one_daemon([node("anvil")], "nats://here", "out"), None)


def line(**request: Any) -> SpecLine:
    return specs().line(3, json.dumps(request).encode())


def test_all_that_decides_a_picture_is_said() -> None:
    asked = line(prompt="a hill", lora_paths=["ink.safetensors"], priority="high").request
    assert asked is not None
    assert asked["lora_paths"] == [str(Path.cwd() / "ink.safetensors")]
    assert asked["lora_scales"] == [1.0]
    assert (asked["variant"], asked["priority"]) == ("mini", "high")
    assert {"seed", "steps", "width", "height", "job_id"} <= set(asked)


def test_the_same_line_is_the_same_job_and_said_twice_it_is_two() -> None:
    said = json.dumps({"prompt": "a hill"}).encode()
    mine, again = specs(), specs()
    first, second = mine.line(1, said).request, mine.line(2, said).request
    assert first is not None
    assert second is not None
    assert first["job_id"] != second["job_id"]
    assert first["seed"] != second["seed"]
    assert again.line(7, said).request == first


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"prompt": "a"} | {"steps": "many"}, "steps"),
        ({"prompt": " "}, "prompt is blank"),
        ({"prompt": "a", "variant": "dev"}, "no node of the farm serves 'dev'; they serve mini"),
        ({"prompt": "a", "tier": "tall"}, "no tier is called 'tall'"),
        ({"prompt": "a", "tier": "portrait", "genre": "ash"}, "give its folder with --packs"),
        ({"prompt": "a", "init_image": {"data": "YWJj"}}, "put it into a file"),
        ({"prompt": "a", "init_image": "/nowhere/at/all.png"}, "/nowhere/at/all.png"),
    ],
)
def test_a_line_that_cannot_be_a_job_says_why(request_: dict[str, Any], said: str) -> None:
    found = line(**request_)
    assert found.request is None
    assert said in found.problem
