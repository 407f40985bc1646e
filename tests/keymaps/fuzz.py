"""The fuzzer: mutated files of the whole zoo through every public reader, and what must hold of each.

Only refusals may come out; what is accepted, the safetensors library accepts too; no case is slow, and memory does not
grow. The same seed gives the same cases, however many there is time for. `make fuzz` runs it.
"""

import math
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from random import Random

import click
import numpy as np
from safetensors import safe_open

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.engagement import describe, evidence
from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.filereport.document import read_report, text_of
from kilnmark.keymaps.filereport.make import report_file
from kilnmark.keymaps.files.beside import CONFIG
from kilnmark.keymaps.files.safefile import AdapterHeader, read_header
from kilnmark.keymaps.names.shapes import load_shapes, painters
from kilnmark.keymaps.proportion import before_a_base, proportion_of
from kilnmark.keymaps.remap.convert import GOALS, GoalName, remap_adapter
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.keymaps.zoo.reported import make_reported
from kilnmark.keymaps.zoo.write import StoredAs
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit
from kilnmark.protocol.picture.verdict import judge
from tests.keymaps.mutations import BYTES, HEADER, TENSORS, Draft, encoded, parsed

__all__ = ["Run", "case", "fuzz"]

CASE_LIMIT = 5.0
"""Seconds of one case: to read a file for four models, millions of denormal numbers among it, on a busy machine."""
GROWTH_LIMIT = 128 << 20
"""Bytes that the highest memory may still rise once a quarter of the time, or of the cases, is over."""
DTYPES: tuple[StoredAs, ...] = ("F32", "F16", "BF16")


class Broken(Exception):
    """A reader did what no reader may do."""


@dataclass(slots=True)
class Run:
    """What a run saw.

    Attributes:
        seed: Of all its cases.
        cases: How many there were.
        seconds: That they took.
        slowest: Seconds of the slowest case.
        growth: Bytes that the highest memory rose after the first quarter of the time, or of the cases.
        outcomes: How often what came out of which reader.
        failures: The files that were saved.
    """

    seed: int
    cases: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    growth: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[Path] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"seed {self.seed}: {self.cases} cases in {self.seconds:.1f} s, {self.cases / self.seconds:.0f} a second",
            f"slowest case {1000 * self.slowest:.0f} ms; memory grew by {self.growth / (1 << 20):.0f} MiB",
            *(f"{count:>9} {outcome}" for outcome, count in sorted(self.outcomes.items())),
            f"{len(self.failures)} failures",
        ]
        return "\n".join(lines)


def fuzz(seconds: float, seed: int, saved: Path, *, cases: float = math.inf) -> Run:
    """Run cases for a time, or so many.

    Args:
        seconds: How long at the most; the last case is finished.
        seed: Of all cases.
        cases: How many at the most.
        saved: Directory for the files of failed cases; made when there is one.
    """
    run = Run(seed)
    began = time.perf_counter()
    settled: int | None = None
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        while run.seconds < seconds and run.cases < cases:
            _one(run, Path(folder), saved)
            run.seconds = time.perf_counter() - began
            if settled is None and (run.seconds > seconds / 4 or run.cases > cases / 4):
                settled = _highest_memory()
    run.growth = _highest_memory() - (settled or 0)
    return run


def case(seed: int, number: int) -> bytes:
    """The file of one case: one of the zoo, mutated in one to four ways."""
    random = Random(f"{seed}/{number}")
    kinds = random.choices((TENSORS, HEADER, BYTES), (3, 1, 1), k=random.choice((1, 1, 2, 4)))
    draft, other = _draft(random), _draft(random)
    for mutations in (TENSORS, HEADER):
        for _ in range(kinds.count(mutations)):
            if draft.tensors:
                random.choice(mutations)(random, draft, other)
    content = encoded(draft)
    for _ in range(kinds.count(BYTES)):
        content = random.choice(BYTES)(random, content, encoded(other))
    return content


def _draft(random: Random) -> Draft:
    """A good file, or some modules of one: small ones are quick, whole ones are recognised by more."""
    known = _exhibit(random.randrange(len(EXHIBITS)))
    tensors, metadata = list(known.tensors), dict(known.metadata)
    if tensors and random.random() < 0.9:
        begin = random.randrange(len(tensors)) // 6 * 6
        tensors = tensors[begin : begin + random.choice((2, 3, 6, 12, 24))]
    return Draft(tensors, metadata)


@cache
def _exhibit(place: int) -> Draft:
    """One file of the zoo, small; those with damaged bytes as they were before."""
    whole = replace(EXHIBITS[place], damage=None)
    with tempfile.TemporaryDirectory() as folder:
        rank, dtype = 1 + place % 2, DTYPES[place % len(DTYPES)]
        return parsed(
            write_exhibit(Path(folder) / "a.safetensors", whole, rank=rank, blocks=1, dtype=dtype).read_bytes()
        )


@cache
def _configs() -> tuple[bytes, ...]:
    """What stands beside files of the zoo, as PEFT's config."""
    return tuple(exhibit.beside[CONFIG].encode() for exhibit in EXHIBITS if CONFIG in exhibit.beside)


def config_of(seed: int, number: int) -> bytes | None:
    """The config beside a case; None for most, which have none."""
    random = Random(f"{seed} {number} config")
    if random.random() < 0.9:
        return None
    content, other = random.choice(_configs()), random.choice(_configs())
    for _ in range(random.randrange(3)):
        content = random.choice(BYTES)(random, content, other)
    return content


def _one(run: Run, folder: Path, saved: Path) -> None:
    content = case(run.seed, run.cases)
    path = folder / "case.safetensors"
    path.write_bytes(content)
    config, beside = config_of(run.seed, run.cases), path.with_name(CONFIG)
    beside.unlink(missing_ok=True)
    if config is not None:
        beside.write_bytes(config)
    began, worked = time.perf_counter(), time.process_time()
    try:
        run.outcomes.update(_outcomes(path, run.cases))
        # Other people's work counts into the one, threads that wait for each other into the other.
        taken = min(time.perf_counter() - began, time.process_time() - worked)
        run.slowest = max(run.slowest, taken)
        if taken > CASE_LIMIT:
            raise Broken(f"took {taken:.1f} s")  # noqa: TRY301 - saved like every other failure
    except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
        saved.mkdir(parents=True, exist_ok=True)
        failed = saved / f"{run.seed}-{run.cases}.safetensors"
        failed.write_bytes(content)
        if config is not None:
            failed.with_suffix(f".{CONFIG}").write_bytes(config)
        failed.with_suffix(".txt").write_text(traceback.format_exc())
        run.failures.append(failed)
    run.cases += 1


def _outcomes(path: Path, number: int) -> Counter[str]:
    """What every reader says of one file."""
    found: Counter[str] = Counter()
    accepted = _read_header(path, found)
    adapters = [adapter for name in painters() if (adapter := _read(path, name, found)) is not None]
    if adapters and not accepted:
        raise Broken("read whole, though its header was refused")
    if adapters and number % 4 == 0:
        _remap(path, GOALS[number // 4 % len(GOALS)], found)
    if number % 4 == 1:
        _report(path, found)
    return found


def _read_header(path: Path, found: Counter[str]) -> bool:
    try:
        header = read_header(path)
    except RefusedFile as refusal:
        found[f"read_header: {_worded(refusal)}"] += 1
        return False
    _check_library(path, header)
    found["read_header: accepted"] += 1
    return True


def _worded(refusal: RefusedFile) -> str:
    if not (str(refusal).isprintable() and refusal.problem and refusal.mend):
        raise Broken(f"refused without words: {refusal!r}")
    return type(refusal).__name__


def _check_library(path: Path, header: AdapterHeader) -> None:
    with safe_open(path, "np") as theirs:
        if set(theirs.keys()) != set(header.tensors) or (theirs.metadata() or {}) != dict(header.metadata):
            raise Broken("the library reads other names or other metadata")


def _read(path: Path, variant: str, found: Counter[str]) -> Adapter | None:
    try:
        adapter = read_adapter(path, load_shapes(variant))
    except RefusedFile as refusal:
        found[f"read_adapter: {_worded(refusal)}"] += 1
        return None
    ignored, unmatched = sum(adapter.ignored_keys.values()), len(adapter.unmatched_keys)
    if adapter.matched_key_count + ignored + unmatched != adapter.total_key_count:
        raise Broken("the counts do not add up")
    for update in adapter.updates:
        pair = (update.up, update.down) if isinstance(update, PairUpdate) else ()
        if not all(np.isfinite(numbers).all() for numbers in (0.0 if update.norm is None else update.norm, *pair)):
            raise Broken(f"{update.target} is not finite")
    ratio, vanished, loudest = proportion_of(adapter, load_shapes(variant))
    if ratio is not None and not np.isfinite(ratio):
        raise Broken("its size beside a typical base is not finite")
    evident = evidence(adapter, 1.0, vanished=vanished, typical_ratio=ratio, loudest=loudest)
    judged = judge(evident, before_a_base())
    describe(adapter, evident, judged)
    found[f"read_adapter: {judged.verdict}"] += 1
    return adapter


def _remap(path: Path, goal: GoalName, found: Counter[str]) -> None:
    written = path.with_name("remapped.safetensors")
    try:
        result = remap_adapter(path, written, goal, force=True)
    except RefusedFile as refusal:
        found[f"remap_adapter: {_worded(refusal)}"] += 1
        return
    again = read_adapter(written, load_shapes(result.variant))
    if again.unmatched_keys or again.target_count < result.target_count:
        raise Broken("what was written is not read again")
    found["remap_adapter: accepted"] += 1


def _report(path: Path, found: Counter[str]) -> None:
    """It can be told of in any state, and what is made from that has the same names and no other fault of its bytes."""
    report = report_file(path, "dev")
    with tempfile.TemporaryDirectory() as folder:
        made = make_reported(Path(folder) / "made.safetensors", read_report(text_of(report)))
        again = report_file(made, "dev")
    if again.names_sha256 != report.names_sha256 or (again.header_size is None) != (report.header_size is None):
        raise Broken("what was made from its report is not like it")
    found[f"report_file: {report.verdict}"] += 1


def _highest_memory() -> int:
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest << 10


@click.command()
@click.option("--seconds", type=float, default=600)
@click.option("--seed", type=int, default=0)
@click.option("--saved", type=click.Path(path_type=Path), default=Path("build/fuzz"))
def main(seconds: float, seed: int, saved: Path) -> None:
    """Fuzz the readers of adapter files."""
    run = fuzz(seconds, seed, saved)
    click.echo(str(run))
    for failed in run.failures[:20]:
        click.echo(f"{failed}: {failed.with_suffix('.txt').read_text().splitlines()[-1]}")
    if run.failures or run.growth > GROWTH_LIMIT:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
