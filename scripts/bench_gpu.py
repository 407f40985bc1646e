"""Runs the benchmark of a card: full FLUX.1-dev of random weights, in under four minutes, and shows its table.

`make bench-gpu` calls it. Every part is a process with a time of its own, so that the whole ends by itself; what does
not fit is told. With `--small` the same code runs on a machine without a card, with one block of each kind.
"""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from scripts.bench_page import gpu_table, write_gpu_page
from scripts.bench_promises import CARD_PROMISES, broken, headlines
from scripts.rivals import PYTHON
from tests.benchmarks.figures import FIGURES, Figure, Headline, Line, Missing, Platform, encode, read_lines
from tests.benchmarks.gpu.made import findable

ROOT = Path(__file__).resolve().parent.parent
RIVAL = ROOT / "scripts" / "rival_card.py"
LIMIT = 230.0
"""Seconds that all parts together may take."""
PREPARING = 50.0
"""Seconds that all kernels together may take to be compiled, before anything is measured."""
HAS_TORCH = "import importlib.util as u, sys; sys.exit(None in map(u.find_spec, ('torch', 'diffusers')))"
CARDS = (
    ("nvidia-smi", "--query-gpu=name", "--format=csv,noheader"),
    ("sysctl", "-n", "machdep.cpu.brand_string"),
)
"""What tells the name of a card, or of a Mac's chip."""
ENDING = 5.0
"""Seconds before the end of a part's time at which it should have ended by itself."""


@dataclass(frozen=True, slots=True)
class Section:
    """One process.

    Attributes:
        name: For `--only`.
        least: Seconds below which it is not begun.
        most: Seconds after which it is ended.
        command: Given the seconds that it has.
    """

    name: str
    least: float
    most: float
    command: "Command"


def sections(python: str | None, adapters: Path, *, small: bool) -> list[Section]:
    """The most important first; each has at least what those before it did not use.

    Args:
        python: With torch; None where there is none.
        adapters: A folder for adapter files.
        small: Without a card.
    """
    found = [Section(f"q{bits}", 20, 45, steps(adapters, bits=bits, small=small)) for bits in (8, 4)]
    found.insert(0, Section("bf16", 40, 80, steps(adapters, small=small)))
    found.insert(2, Section("pictures", 30, 50, ours("pictures", adapters, small=small)))
    if python is not None:
        more = ["--small"] if small else []
        found.insert(3, Section("diffusers", 20, 65, lambda seconds: [python, str(RIVAL), f"{seconds:.0f}", *more]))
    return found


Command = Callable[[float], Sequence[str]]


def ours(module: str, adapters: Path, *more: str, small: bool) -> Command:
    """A part of ours, given the seconds that it has."""
    command = [sys.executable, "-m", f"tests.benchmarks.gpu.{module}", "--adapters", str(adapters), *more]
    return lambda seconds: [*command, "--seconds", f"{seconds:.0f}", *(["--small"] if small else [])]


def steps(adapters: Path, *, small: bool, bits: int | None = None, only: str | None = None) -> Command:
    """Steps of one base."""
    more = [*(["--bits", str(bits)] if bits else []), *(["--only", only] if only else [])]
    return ours("steps", adapters, *more, small=small)


def prepare(seconds: float, adapters: Path, environment: Mapping[str, str], *, small: bool) -> None:
    """Have every kernel compiled once, all kinds at a time: they do not depend on how many blocks there are.

    A card's kernels are compiled on the host when they are first used, for half a minute by each kind of computing, and
    kept in a folder. So each kind computes with one block first, in a process of its own; what it measures is nothing.
    """
    kinds = [(bits, only) for bits in (None, 8, 4) for only in ("fast", "exact")]
    silent = {name: value for name, value in environment.items() if name != FIGURES}
    started = []
    for bits, only in kinds[:1] if small else kinds:
        folder = adapters / f"{bits}-{only}"
        folder.mkdir()
        command = steps(folder, small=True, bits=bits, only=only)(seconds)
        started.append(subprocess.Popen(command, cwd=ROOT, env=silent, stdout=subprocess.DEVNULL))
    ends = time.monotonic() + seconds
    for process in started:
        if problem := waited(process, max(0.1, ends - time.monotonic())):
            print(f"kernels: {problem}", file=sys.stderr)


def main() -> None:
    """Run, show, write, and leave with 1 where a promise is broken or a part failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="one block of each kind, for a machine without a card")
    parser.add_argument("--only", nargs="*", default=[], help="parts, such as bf16 and q8; none means all")
    parser.add_argument("--json", type=Path, help="where one JSON object is written")
    parser.add_argument("--keep", action="store_true", help="show the table in docs/, too")
    parser.add_argument("--seconds", type=float, default=LIMIT, help="that all parts together may take")
    asked = parser.parse_args()
    failed, lines = run(asked.seconds, asked.only, small=asked.small)
    print(f"\n{gpu_table(lines)}")
    if asked.json:
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(document(lines)), indent=2) + b"\n")
    if asked.keep and not asked.small:
        write_gpu_page(ROOT / "docs", lines)
    missed = [] if asked.small else broken(lines, CARD_PROMISES)
    if missed:
        print(f"not as promised: {', '.join(missed)}", file=sys.stderr)
    sys.exit(bool(failed or missed))


def run(seconds: float, only: Sequence[str], *, small: bool) -> tuple[list[str], list[Line]]:
    """Every section in turn: the names of those that failed, and what all of them told."""
    ends = time.monotonic() + seconds
    failed = []
    with tempfile.TemporaryDirectory() as folder, findable() as row:
        figures = Path(folder) / "figures.jsonl"
        add(figures, machine())
        python = with_torch()
        if python is None:
            reason = "no Python here has torch and diffusers"
            add(figures, Missing(part="step", base="bfloat16", what="no adapter", who="diffusers", reason=reason))
        path = os.pathsep.join([str(row), str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
        environment = {**os.environ, FIGURES: str(figures), "PYTHONPATH": path.rstrip(os.pathsep)}
        adapters = Path(folder) / "adapters"
        adapters.mkdir()
        if ends - time.monotonic() > PREPARING:
            prepare(PREPARING, adapters, environment, small=small)
        for section in sections(python, adapters, small=small):
            if only and section.name not in only:
                continue
            left = ends - time.monotonic()
            if left < section.least and not small:
                reason = f"{max(0.0, left):.0f} s of {seconds:g} were left, and it takes {section.least:g}"
                add(figures, Missing(part=section.name, base="left out", what="all of it", who="", reason=reason))
            elif problem := run_one(section, left if small else min(left, section.most), environment, figures):
                failed.append(section.name)
                add(
                    figures, Missing(part=section.name, base="cut short", what="the rest of it", who="", reason=problem)
                )
        lines = read_lines(figures)
        return failed, [*lines, *beside_diffusers(lines)]


def beside_diffusers(lines: Sequence[Line]) -> list[Headline]:
    """A step of ours in bf16 beside theirs, where both were measured."""
    bare = {
        line.who: line.value
        for line in lines
        if isinstance(line, Figure) and (line.part, line.base, line.what) == ("step", "bfloat16", "no adapter")
    }
    ours, theirs = bare.get("kilnmark, fast"), bare.get("diffusers, eager")
    if ours is None or theirs is None:
        return []
    return [Headline(name="step_bf16_vs_diffusers_eager", value=ours / theirs)]


def run_one(section: Section, seconds: float, environment: Mapping[str, str], figures: Path) -> str | None:
    """Run a section for at most so many seconds; what went wrong, in words."""
    print(f"{section.name}: {seconds:.0f} s", file=sys.stderr)
    command = section.command(seconds - ENDING)
    if section.name != "diffusers":
        process = subprocess.Popen(command, cwd=ROOT, env=environment)
        return waited(process, seconds)
    told = figures.with_suffix(".diffusers")
    with told.open("wb") as output:
        problem = waited(subprocess.Popen(command, stdout=output, env=without_row(environment)), seconds)
    for line in told.read_text().splitlines():
        with contextlib.suppress(json.JSONDecodeError):  # a library's own sentence, or a line cut short
            add(figures, line_of(json.loads(line)))
    return problem


def without_row(environment: Mapping[str, str]) -> dict[str, str]:
    """For a Python that has none of ours."""
    return {name: value for name, value in environment.items() if name != "PYTHONPATH"} | {
        name: value for name, value in os.environ.items() if name == "PYTHONPATH"
    }


def waited(process: "subprocess.Popen[bytes]", seconds: float) -> str | None:
    """Until it ends, or is ended; what went wrong, in words."""
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            process.wait(ENDING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return f"it was ended after {seconds:.0f} s"
    return f"it ended with status {status}" if status else None


def line_of(told: dict[str, object]) -> Line:
    """What diffusers' script says, as a line of ours."""
    if "facts" in told:
        return Platform(facts=msgspec.convert(told["facts"], dict[str, str]))
    if "missing" in told:
        told = {**told, "reason": told["missing"]}
        return msgspec.convert({"base": "bfloat16", **told}, Missing, strict=False)
    against = "no adapter, diffusers, eager" if told["ratio"] is not None else ""
    return msgspec.convert({"base": "bfloat16", "against": against, **told}, Figure)


def add(figures: Path, line: Line) -> None:
    """One more line of what the sections told."""
    with figures.open("ab") as file:
        file.write(encode(line))


def with_torch() -> str | None:
    """A Python that has torch and diffusers: this one, or that of the rivals' environment."""
    for python in (sys.executable, str(PYTHON)):
        if Path(python).exists() and subprocess.run([python, "-c", HAS_TORCH], check=False).returncode == 0:
            return python
    return None


def machine() -> Platform:
    """What it runs on, and when."""
    facts = {
        "date": datetime.now(UTC).date().isoformat(),
        "card": card(),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    return Platform(facts=facts | {name: version(name) for name in ("kilnmark", "mlx", "mflux")})


def card() -> str:
    """Its name, as its driver or the system tells it."""
    for command in CARDS:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
            if told:
                return told.splitlines()[0]
    return "none"


def document(lines: Sequence[Line]) -> dict[str, object]:
    """Everything as one JSON object."""
    facts = {name: fact for line in lines if isinstance(line, Platform) for name, fact in line.facts.items()}
    return {
        **headlines(lines, CARD_PROMISES),
        "machine": facts,
        "figures": [line for line in lines if isinstance(line, Figure)],
        "missing": [line for line in lines if isinstance(line, Missing)],
    }


if __name__ == "__main__":
    main()
