"""What other people's clients ask for, and what must come back, whichever of them asks."""

from pathlib import Path
from typing import Any

__all__ = ["assert_answered", "calls"]

SMALL: dict[str, Any] = {"prompt": "a kiln", "width": 64, "height": 64, "steps": 1}

Call = tuple[str, list[Any]]


def calls(name: str) -> list[Call]:
    """Calls with arrays of parameters, as all of these clients send them; `speak_web3` asks for the same."""
    return [
        ("ping", []),
        ("jobs.list", [{"limit": 3}]),
        ("render", [{**SMALL, "seed": 1, "job_id": name}]),
        ("render", [{**SMALL, "steps": 0}]),
        ("jobs.get", [{"job_id": "nobody"}]),
        ("no.such.method", []),
        ("ping", [1, 2]),
    ]


CODES = [None, None, None, -32602, -32004, -32601, -32602]


def assert_answered(answers: list[dict[str, Any]], name: str) -> None:
    """Each call has its result or its error, in order; of a batch perhaps only the first."""
    assert len(answers) in (3, len(CODES))
    assert [answer.get("error", {}).get("code") for answer in answers] == CODES[: len(answers)]
    ping, listed, made = (answer["result"] for answer in answers[:3])
    assert ping["pid"] > 0
    assert isinstance(listed["jobs"], list)
    assert (made["job_id"], made["seed"]) == (name, 1)
    assert Path(made["image_path"]).read_bytes().startswith(b"\x89PNG")
