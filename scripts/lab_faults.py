"""Kills everything of the lab that pays somebody, at every point of its work, and shows what came of it.

`make lab-faults` calls it. What is killed, and what is promised then, stands in `tests/lab/faults/`. It fails where a
promise was broken.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.benchmarks.figures import FIGURES, Fault, Headline, Line, read_lines

ROOT = Path(__file__).resolve().parent.parent
FAULTS = ROOT / "tests" / "lab" / "faults"
LEAST_KILLS = 60
NEVER = ("paid_twice", "lost_results", "over_budget", "leaks")
"""Figures that have to be 0."""


def main() -> None:
    """Run, show, write, and leave with 1 where a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where one JSON object is written")
    asked = parser.parse_args()
    status, lines = run()
    figures = figures_of(lines)
    for line in lines:
        if isinstance(line, Fault):
            print(f"{'kept  ' if line.kept else 'BROKEN'}  {line.what}: {line.found}")
    print("  ".join(f"{name} {value}" for name, value in figures.items()))
    if asked.json:
        document = {**figures, "table": [line for line in lines if isinstance(line, Fault)]}
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    sys.exit(status or not_as_promised(figures))


def run() -> tuple[int, list[Line]]:
    """Everything, in processes of their own; the exit status of the tests, and what they told."""
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "lines.jsonl"
        command = [sys.executable, "-m", "pytest", "-q", "-m", "labfaults", "-n", "2", "--dist", "load", str(FAULTS)]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, FIGURES: str(lines)}, check=False)
        return done.returncode, read_lines(lines)


def figures_of(lines: Sequence[Line]) -> dict[str, int]:
    """Every figure, over all scenarios."""
    summed = Counter(dict.fromkeys(("kills", *NEVER), 0))
    for line in lines:
        if isinstance(line, Headline):
            summed[line.name] += int(line.value)
    return dict(summed)


def not_as_promised(figures: dict[str, int]) -> bool:
    """Whether a promise is broken, or was hardly asked for."""
    return figures["kills"] < LEAST_KILLS or any(figures[name] for name in NEVER)


if __name__ == "__main__":
    main()
