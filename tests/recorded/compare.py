"""Prints where the daemon of an interpreter answers otherwise than expected: `python -m tests.recorded.compare PYTHON`.

Ends with 1 when it does. For a wheel that is installed somewhere, and to see what a change of replies comes to.
"""

import json
import sys
from typing import Any

from tests.recorded.changes import CHANGES, without_added
from tests.recorded.normal import is_like
from tests.recorded.player import Heard, play, read_lines
from tests.recorded.record import REPLIES

__all__ = ["BEFORE", "differences", "expected"]

BEFORE: dict[str, Heard] = {heard["turn"]: heard for heard in read_lines(REPLIES)}
"""What was recorded, by the name of the turn."""


def expected(turn: str) -> Heard:
    """What should be heard at a turn now."""
    return CHANGES[turn].heard if turn in CHANGES else BEFORE[turn]


def differences(heard: Heard) -> list[str]:
    """Where what was heard at a turn is not what should be heard now, one line a value."""
    right = expected(heard["turn"])
    return _between(right, without_added(heard, right), "", "")


def _between(wanted: Any, got: Any, path: str, name: str) -> list[str]:
    if isinstance(wanted, dict) and isinstance(got, dict):
        keys = [*wanted, *(key for key in got if key not in wanted)]
        pairs = [(key, wanted.get(key, ...), got.get(key, ...)) for key in keys]
        return [line for key, one, other in pairs for line in _between(one, other, f"{path}.{key}", key)]
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        numbered = enumerate(zip(wanted, got, strict=True))
        return [line for i, (one, other) in numbered for line in _between(one, other, f"{path}[{i}]", name)]
    return [] if is_like(name, wanted, got) else [f"{path.lstrip('.')}: {_shown(wanted)} became {_shown(got)}"]


def _shown(value: Any) -> str:
    return "nothing" if value is ... else json.dumps(value, ensure_ascii=False)


def main(python: str) -> int:
    """Play, and tell every difference; how many there were, at most one."""
    told = [f"{heard['turn']}: {line}" for heard in play(python) for line in differences(heard)]
    for line in told:
        print(line)  # noqa: T201 - it is what this program is for
    return bool(told)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
