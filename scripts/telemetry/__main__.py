"""`make telemetry`: a real run into a real trace store and a real metrics store, asked back, and what it costs.

What is run and what must be found stands in `tests/telemetry/`; here the lines of a run are only put side by side. It
fails where a promise is broken, or something was not measured.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from scripts.bench_page import promised
from scripts.bench_promises import TELEMETRY_PROMISES, broken, headlines, lacking
from scripts.telemetry.programs import ROOT, fetch
from tests.benchmarks.figures import FIGURES, Line, read_lines


def main() -> None:
    """Run, show, write, and leave with 1 where a promise is broken."""
    parser = argparse.ArgumentParser(prog="make telemetry", description=__doc__)
    parser.add_argument("--json", type=Path, help="where one JSON object is written")
    asked = parser.parse_args()
    fetch(lambda line: print(f"kilnmark: {line}", flush=True))
    status, lines = run()
    print(f"\n{promised(lines, TELEMETRY_PROMISES)}")
    if asked.json:
        document = headlines(lines, TELEMETRY_PROMISES)
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    if wrong := [
        *broken(lines, TELEMETRY_PROMISES),
        *(f"{name} is missing" for name in lacking(lines, TELEMETRY_PROMISES)),
    ]:
        print(f"not as promised: {'; '.join(wrong)}", file=sys.stderr)
    sys.exit(status or bool(wrong))


def run() -> tuple[int, list[Line]]:
    """All of it, in a process of its own; how it ended, and what it told."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "lines.jsonl"
        command = [sys.executable, "-m", "pytest", "-q", "-m", "telemetry", "-p", "no:xdist", "tests/telemetry"]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, FIGURES: str(told)}, check=False)
        return done.returncode, read_lines(told)


if __name__ == "__main__":
    main()
