"""Writes a turn's present reply into `changes.ndjson`: `python -m tests.recorded.accept WHY TURN...`.

For replies that differ on purpose. What is written is read again by a person before it is committed.
"""

import json
import sys

from tests.recorded.changes import CHANGED, CHANGES, Change
from tests.recorded.compare import BEFORE, differences
from tests.recorded.player import play


def main(why: str, turns: list[str]) -> None:
    """Keep the reply of each of these turns, in the order of the script."""
    now = {heard["turn"]: heard for heard in play(sys.executable)}
    changes = {**CHANGES, **{turn: Change(why, now[turn]) for turn in turns if differences(now[turn])}}
    lines = [{"why": changes[turn].why, "heard": changes[turn].heard} for turn in BEFORE if turn in changes]
    CHANGED.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
