"""Runs the benchmarks and shows what they found: a table, one JSON object, and the page and plot of `docs/`.

`make bench` calls it. Figures come from `tests/benchmarks/`; here they are only put side by side. It ends by itself,
and what was measured until then is shown.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from scripts.bench_page import keep, table, write_page
from scripts.bench_promises import broken, headlines, lacking
from tests.benchmarks.figures import FIGURES, Figure, Line, Missing, Platform, read_lines

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "tests" / "benchmarks"
LIMIT = 2370.0
"""Seconds that all benchmarks together may take."""
ENDING = 20.0
FIRST = ("switch", "step", "throughput", "share", "memory", "weigh", "diffusers")
"""These come first, because a run on a busy machine may be stopped before its end."""
MARK = "pytest.mark.benchmark"
THREADS = "OPENBLAS_NUM_THREADS"
"""Tests compute with one thread each; what is measured computes with all of them, as the daemon does."""


def main() -> None:
    """Run, show, write, and leave with pytest's exit status, or with 1 where a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="parts, such as step and switch; none means all")
    parser.add_argument("--keep", action="store_true", help="show some parts in docs/, too; all parts are shown anyway")
    parser.add_argument("--json", type=Path, help="where one JSON object is written")
    asked = parser.parse_args()
    status, lines = run(chosen(asked.only))
    print(f"\n{table(lines)}")
    if asked.json:
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(document(lines)), indent=2) + b"\n")
    if asked.keep or not asked.only:
        show_in(ROOT / "docs", lines, whole=not asked.only)
    if broken(lines):
        print(f"not as promised: {', '.join(broken(lines))}", file=sys.stderr)
    sys.exit(status or bool(broken(lines)))


def show_in(docs: Path, lines: list[Line], *, whole: bool) -> None:
    """Write the page and the plot, unless a whole run lacks a headline."""
    if whole and lacking(lines):
        print(f"docs/ is left as it is: {', '.join(lacking(lines))} could not be measured")
    else:
        write_page(docs, keep(docs, lines, whole=whole))


def chosen(parts: list[str]) -> list[str]:
    """What pytest is to collect."""
    known = {path.stem.removeprefix("test_"): path for path in BENCHMARKS.glob("test_*.py")}
    strangers = [part for part in parts if part not in known]
    if strangers:
        sys.exit(f"no benchmark {strangers[0]!r}; there are {', '.join(sorted(known))}")
    if parts:
        return [str(known[part]) for part in parts]
    first = [known[part] for part in FIRST]
    everywhere = sorted((ROOT / "tests").rglob("test_*.py"))
    return [
        str(path) for path in first + [path for path in everywhere if path not in first and MARK in path.read_text()]
    ]


def run(targets: list[str]) -> tuple[int, list[Line]]:
    """Run the benchmarks in a process of their own; what they told, also when they had to be stopped."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.jsonl"
        command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:xdist", "-m", "benchmark", "--timeout=900"]
        environment = {THREADS: str(os.cpu_count() or 1), **os.environ, FIGURES: str(figures)}
        process = subprocess.Popen([*command, *targets], cwd=ROOT, env=environment)
        try:
            status = process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            print(f"stopped after {LIMIT:g} s; what is missing was not reached", file=sys.stderr)
            status = end(process)
        return status, read_lines(figures)


def end(process: "subprocess.Popen[bytes]") -> int:
    """Let it put away what it started, and no longer than that."""
    process.send_signal(signal.SIGINT)
    try:
        return process.wait(ENDING) or 1
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait() or 1


def document(lines: list[Line]) -> dict[str, object]:
    """Everything as one JSON object."""
    machine: dict[str, str] = {}
    for line in lines:
        if isinstance(line, Platform):
            machine |= line.facts
    return {
        **headlines(lines),
        "machine": machine,
        "figures": [line for line in lines if isinstance(line, Figure)],
        "missing": [line for line in lines if isinstance(line, Missing)],
    }


if __name__ == "__main__":
    main()
