"""`make lab-gate`: train, spoil, verify, and tell how often the gate is wrong."""

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from kilnmark.client.sync import Client
from kilnmark.lab.gate.calibrate import KnownAdapter, proposed
from kilnmark.lab.gate.checks import refused
from kilnmark.lab.gate.limits import GateLimits, Limit, limits_of
from kilnmark.lab.gate.painting import Shown
from kilnmark.lab.gate.report import REPORT, GateReport, read_report
from kilnmark.lab.gate.verify import ToVerify, verified
from kilnmark.lab.run.state import Outcome
from scripts.lab_gate.cases import GateCase, cases
from scripts.lab_gate.lessons import write_lessons
from scripts.lab_gate.recipes import RECIPES, STYLES
from scripts.lab_gate.steps import BREAKING, STEPS
from scripts.lab_gate.truth import way

__all__ = ["GateErrors"]

GOOD, BAD = 0.4, 0.2
"""Part of the way to its style from which on an adapter counts as trained well, and up to which it does not."""


class JudgedCase(msgspec.Struct, frozen=True, kw_only=True):
    """One case.

    Attributes:
        name: Of it.
        training: That it comes from.
        made: How it was made.
        fires: Whether it is said to fire on its trigger alone.
        is_good: Whether it should be promoted.
        come: How far it came to the style that it was trained for, 0 to 1; None: nothing was painted.
        counts: Whether that bears out what is said of it; else its truth is not known, and it does not count.
        outcome: The gate's.
        reasons: The gate's.
        report: Where the gate's report lies.
    """

    name: str
    training: str
    made: str
    fires: bool
    is_good: bool
    come: float | None
    counts: bool
    outcome: Outcome
    reasons: tuple[str, ...]
    report: str


class GateErrors(msgspec.Struct, frozen=True, kw_only=True):
    """How often the gate is wrong.

    Attributes:
        adapters: Cases with a known truth; several may be of one file, verified as something else.
        files: Different files among them.
        good: Good ones among them.
        trainings: That all of them come from.
        false_promotions: Bad ones that passed.
        false_refusals: Good ones that did not.
        by_kind: Cases by how they were made.
        unclear: Cases whose truth is not known; they do not count.
        limits: What they were held to.
        proposed: Limits that these cases propose, those for styles that are always on first.
        unseen_promotions: Bad ones that pass by limits from all other trainings alone.
        unseen_refusals: Good ones that do not.
        seconds: By the clock.
        cases: All of them.
    """

    adapters: int
    files: int
    good: int
    trainings: int
    false_promotions: int
    false_refusals: int
    by_kind: dict[str, int]
    unclear: tuple[str, ...]
    limits: tuple[str, ...]
    proposed: tuple[dict[str, Limit], ...]
    unseen_promotions: tuple[str, ...]
    unseen_refusals: tuple[str, ...]
    seconds: float
    cases: tuple[JudgedCase, ...]


def main() -> None:
    """Do all of it, going on from what lies in the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where everything is kept")
    parser.add_argument("--json", type=Path, help="where one JSON object is written")
    parser.add_argument("--torch", default=".mini/bin/python", help="a Python with PyTorch")
    asked = parser.parse_args()
    began = time.monotonic()
    write_lessons(asked.folder)
    _train(asked.folder, asked.torch)
    with _daemon(asked.folder) as client:
        found = [_judged(client, asked.folder, case) for case in _shown(cases(asked.folder))]
    errors = _errors(found, time.monotonic() - began)
    print(_told(errors))
    if asked.json:
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(errors)) + b"\n")
    if errors.false_promotions or errors.false_refusals > errors.good / 20:
        raise SystemExit(1)


def _train(folder: Path, python: str) -> None:
    last = max(STEPS) + BREAKING
    if not (folder / "pairs").exists():
        _learn(folder, python, "pairs")
    for number, recipe in enumerate(RECIPES, 1):
        if not (folder / "adapters" / f"{recipe.name}-{last:04}.safetensors").exists():
            print(f"training {number} of {len(RECIPES)}: {recipe.name}", flush=True)
            _learn(folder, python, recipe.name)


def _learn(folder: Path, python: str, what: str) -> None:
    subprocess.run([python, "-W", "ignore", "-m", "scripts.lab_gate.learn", str(folder), what], check=True)


@contextmanager
def _daemon(folder: Path) -> Iterator[Client]:
    """A daemon of `mini` of this script's own."""
    socket = folder.absolute() / "socket"
    words = ["serve", "--variant", "mini", "--lora-root", folder / "adapters", "--socket", socket]
    command = [
        str(Path(sys.executable).with_name("kilnmark")),
        *map(str, words),
        "--output-dir",
        str(folder / "painted"),
    ]
    with (folder / "daemon.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        with Client(socket, start_timeout=120.0) as client:
            yield client
    finally:
        process.terminate()
        process.wait()


def _shown(found: Sequence[GateCase]) -> Iterator[GateCase]:
    for number, case in enumerate(found, 1):
        print(f"{number} of {len(found)}: {case.name}", flush=True)
        yield case


def _judged(client: Client, folder: Path, case: GateCase) -> JudgedCase:
    place = folder / "reports" / case.name.replace(": ", "-").replace(" ", "-").replace(",", "")
    asked = ToVerify(
        file=case.file.absolute(),
        kind=case.kind,
        trigger=case.trigger,
        base="mini",
        dataset=tuple(sorted((folder / "datasets" / case.style).glob("*.png"))),
    )
    report = verified(client, asked, limits_of(case.kind, fires=case.fires), place).report
    come = _way(case, report, place)
    print(f"   {report.outcome}; came {come}; {dict(_rounded(report))}", flush=True)
    return JudgedCase(
        name=case.name,
        training=case.name.partition(":")[0],
        made=case.made,
        fires=case.fires,
        is_good=case.is_good,
        come=come,
        counts=_counts(case, come),
        outcome=report.outcome,
        reasons=report.reasons,
        report=str(place),
    )


def _rounded(report: GateReport) -> Iterator[tuple[str, float]]:
    return ((name, round(value, 3)) for name, value in report.figures.known().items())


def _way(case: GateCase, report: GateReport, place: Path) -> float | None:
    """With the trigger that it is said to have, or none."""
    found = {(one.shown, one.scene): place / one.file for one in report.pictures}
    bare, painted = (Shown.BARE_TRIGGER, Shown.TRIGGER) if case.trigger else (Shown.BARE_CONTROL, Shown.CONTROL)
    pairs = [(path, found[painted, scene]) for (shown, scene), path in found.items() if shown == bare]
    return way(pairs, STYLES[case.does]) if pairs else None


def _counts(case: GateCase, come: float | None) -> bool:
    """Whether how it was made is borne out by how far it came."""
    if case.is_good:
        return come is not None and come >= GOOD
    if case.made in {"undertrained", "overtrained", "eight times too strong", "foreign trigger"}:
        return come is None or come <= BAD
    return True


def _errors(found: Sequence[JudgedCase], seconds: float) -> GateErrors:
    counted = [one for one in found if one.counts]
    groups = [[one for one in counted if one.fires is fires] for fires in (False, True)]
    unseen = [wrong for group in groups for wrong in _unseen(group)]
    return GateErrors(
        adapters=len(counted),
        files=len({_report(one).sha256 for one in counted}),
        good=sum(one.is_good for one in counted),
        trainings=len({one.training for one in counted}),
        false_promotions=sum(not one.is_good and one.outcome is Outcome.PASSED for one in counted),
        false_refusals=sum(one.is_good and one.outcome is not Outcome.PASSED for one in counted),
        by_kind=dict(Counter(one.made.partition(",")[0] for one in counted)),
        unclear=tuple(one.name for one in found if not one.counts),
        limits=(limits_of("style").name, limits_of("style", fires=True).name),
        proposed=tuple(proposed([_known(one) for one in group], _limits(group)).limits for group in groups),
        unseen_promotions=tuple(one.name for one in unseen if not one.is_good),
        unseen_refusals=tuple(one.name for one in unseen if one.is_good),
        seconds=round(seconds, 1),
        cases=tuple(found),
    )


def _unseen(group: Sequence[JudgedCase]) -> Iterator[JudgedCase]:
    """Those of which limits from all other trainings are wrong; cases of one training are too much alike."""
    for training in sorted({one.training for one in group}):
        limits = proposed([_known(one) for one in group if one.training != training], _limits(group))
        yield from (
            one for one in group if one.training == training and refused(_known(one).figures, limits) == one.is_good
        )


def _limits(group: Sequence[JudgedCase]) -> GateLimits:
    return limits_of("style", fires=group[0].fires)


def _known(one: JudgedCase) -> KnownAdapter:
    return KnownAdapter(one.name, one.is_good, _report(one).figures)


def _report(one: JudgedCase) -> GateReport:
    return read_report(Path(one.report) / REPORT)


def _told(errors: GateErrors) -> str:
    lines = [f"{made}: {count}" for made, count in errors.by_kind.items()]
    lines += [f"truth unclear, does not count: {name}" for name in errors.unclear]
    lines += [f"WRONG: {one.name}: {one.outcome}: {one.reasons}" for one in errors.cases if one.counts and _wrong(one)]
    unseen = f"{len(errors.unseen_promotions)} promotions and {len(errors.unseen_refusals)} refusals would be wrong"
    lines += [
        f"{errors.adapters} cases of {errors.files} files of {errors.trainings} trainings, {errors.good} of them good",
        f"false promotions: {errors.false_promotions} of {errors.adapters - errors.good}",
        f"false refusals: {errors.false_refusals} of {errors.good}",
        f"by limits from all other trainings: {unseen}",
    ]
    return "\n".join(lines)


def _wrong(one: JudgedCase) -> bool:
    return one.is_good != (one.outcome is Outcome.PASSED)


if __name__ == "__main__":
    main()
