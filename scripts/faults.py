"""Injects every fault and shows what was found: a table, one JSON object, and the page `docs/faults.md`.

`make faults` calls it. What is injected, and what is promised then, stands in `tests/faults/`; here the lines of a run
are only put side by side. It fails where a promise was broken.
"""

import argparse
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from scripts.bench_page import aligned, between, machine, promised
from scripts.bench_promises import FAULT_PROMISES, broken, headlines, lacking
from tests.benchmarks.figures import FIGURES, Fault, Line, Platform, read_lines

ROOT = Path(__file__).resolve().parent.parent
FAULTS = ROOT / "tests" / "faults"
PAGE = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- faults: begin -->\n", "<!-- faults: end -->\n"
HEAD = ("what is done", "what is promised", "what was found", "kept")
ALONE = ("latency", "requests", "load")
"""Themes that are timed: nothing else runs meanwhile."""
LONGEST_FIRST = ("kills", "worker", "memory", "paths", "clients", "processes", "disk", "clock")
"""The others go two at a time."""


def main() -> None:
    """Run, show, write, and leave with 1 where a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="themes, such as kills and disk; none means all")
    parser.add_argument("--json", type=Path, help="where one JSON object is written")
    asked = parser.parse_args()
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("cc") is None:
        sys.exit("make faults wants Linux, cc, and root's rights: it mounts small disks and plays another user")
    status, lines = run(chosen(asked.only))
    print(f"\n{table(lines)}")
    if asked.json:
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(document(lines)), indent=2) + b"\n")
    if not asked.only and not lacking(lines, FAULT_PROMISES):
        between(PAGE, BEGIN, table(lines), END)
    wrong = [*broken(lines, FAULT_PROMISES), *(line.what for line in faults_of(lines) if not line.kept)]
    if wrong:
        print(f"not as promised: {'; '.join(wrong)}", file=sys.stderr)
    sys.exit(status or bool(wrong))


def chosen(themes: Sequence[str]) -> list[str]:
    """The themes to run: those that are asked for, or all."""
    known = {path.stem.removeprefix("test_") for path in FAULTS.glob("test_*.py")}
    for theme in themes:
        if theme not in known:
            sys.exit(f"no theme {theme!r}; there are {', '.join(sorted(known))}")
    return [theme for theme in (*ALONE, *LONGEST_FIRST) if theme in (themes or known)]


def run(themes: Sequence[str]) -> tuple[int, list[Line]]:
    """Inject the faults in processes of their own; the worst exit status, and what they told."""
    alone = [theme for theme in themes if theme in ALONE]
    others = [theme for theme in themes if theme not in ALONE]
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "lines.jsonl"
        status = max(_pytest(lines, alone, "-p", "no:xdist"), _pytest(lines, others, "-n", "2", "--dist", "loadfile"))
        return status, sorted(read_lines(lines), key=lambda line: isinstance(line, Fault) and themes.index(line.theme))


def _pytest(lines: Path, themes: Sequence[str], *how: str) -> int:
    if not themes:
        return 0
    targets = [str(FAULTS / f"test_{theme}.py") for theme in themes]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "faults", *how, *targets]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, FIGURES: str(lines)}, check=False).returncode


def faults_of(lines: Sequence[Line]) -> list[Fault]:
    """Every fault of a run, in the order in which they were injected."""
    return [line for line in lines if isinstance(line, Fault)]


def table(lines: Sequence[Line]) -> str:
    """All of a run in Markdown: the machine, how many promises were kept, the figures, then a table a theme."""
    found = faults_of(lines)
    kept = sum(fault.kept for fault in found)
    parts = [machine(lines), f"{len(found)} faults, {kept} promises kept."]
    if rows := promised(lines, FAULT_PROMISES):
        parts.append("### figures\n\n" + rows)
    for theme, group in itertools.groupby(found, key=lambda fault: fault.theme):
        parts.append(f"### {theme}\n\n" + "\n".join(aligned([HEAD, *_rows(group)])))
    return "\n\n".join(part for part in parts if part) + "\n"


def _rows(faults: Iterator[Fault]) -> Iterator[tuple[str, ...]]:
    for fault in faults:
        cells = (fault.what, fault.promised, fault.found)
        yield *(cell.replace("|", "\\|").replace("\n", " ") for cell in cells), "yes" if fault.kept else "NO"


def document(lines: Sequence[Line]) -> dict[str, object]:
    """Everything as one JSON object."""
    found, facts = faults_of(lines), dict[str, str]()
    for line in lines:
        if isinstance(line, Platform):
            facts |= line.facts
    return {
        **headlines(lines, FAULT_PROMISES),
        "faults": len(found),
        "kept": sum(fault.kept for fault in found),
        "machine": facts,
        "table": found,
    }


if __name__ == "__main__":
    main()
