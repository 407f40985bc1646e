"""`kilnmark lab preflight`: a dataset looked at before anything is spent on it, alone or as the first step of a run."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import click
import msgspec
from rich.progress import Progress as Bar

from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.client.cli.views.tables import console
from kilnmark.lab.cli.views.next import tell_next
from kilnmark.lab.cli.views.preflight import show_preflight
from kilnmark.lab.dataset.preflight import Lesson, examine
from kilnmark.lab.dataset.recorded import WrittenPreflight, preflight_run, write_preflight
from kilnmark.lab.dataset.report import DatasetReport
from kilnmark.lab.dataset.thumbnails import Thumbnails
from kilnmark.lab.dataset.written.trainers import WRITERS, Writing, steps_taken, trainers_of
from kilnmark.lab.run.folder import Run, open_run
from kilnmark.lab.run.plan import DatasetPlan, LoraKind, TrainingPlan
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.picture.catalog import USUAL, row_of

__all__ = ["PreflightDocument", "preflight"]


class PreflightDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilnmark lab preflight --json` prints.

    Attributes:
        report: What was found.
        written: Files that were written: the report, the pages of the contact sheet, and what each trainer is given.
        given: Of these, what each trainer is given, by its name.
    """

    report: DatasetReport
    written: tuple[str, ...]
    given: dict[str, str]

    @classmethod
    def of(cls, report: DatasetReport, made: WrittenPreflight | None) -> "PreflightDocument":
        """Of a preflight and what it left, if it left anything."""
        if made is None:
            return cls(report=report, written=(), given={})
        given = {trainer: str(path) for trainer, path in made.given.items()}
        paths = (str(made.report_path), *map(str, made.sheets), *given.values())
        return cls(report=report, written=paths, given=given)


@click.command(short_help="Whether a dataset can be trained on.")
@click.argument("dataset", type=HomePath(exists=True, path_type=Path), required=False)
@click.option("--kind", type=click.Choice(["style", "subject"]), help="What it is to teach.")
@click.option("--trigger", metavar="WORDS", help="The words that call it up.")
@click.option("--base", metavar="VARIANT", help=f"The variant that is trained. [default: {USUAL}]")
@click.option("--run", type=HomePath(path_type=Path), metavar="RUN", help="Look at this run's dataset, as it says.")
@click.option("--size", type=click.IntRange(min=16), metavar="PIXELS", help="What is trained at. [default: the base's]")
@click.option("--pairs", type=click.IntRange(min=1), metavar="N", help="Fewest pairs. [default: style 150, subject 10]")
@click.option("--most-pairs", type=click.IntRange(min=1), metavar="N", help="Most pairs. [default: subject 40]")
@click.option(
    "--out", type=HomePath(path_type=Path), metavar="DIR", help="Leave report, contact sheet and copies here."
)
@click.option(
    "--for",
    "trainers",
    type=click.Choice(tuple(WRITERS)),
    multiple=True,
    help="With --out: write for this trainer; repeatable. [default: all that train the base]",
)
@json_option
def preflight(dataset: Path | None, *, run: Path | None, as_json: bool, **given: Any) -> None:
    """Look at DATASET: whether it can be trained on, and what somebody should see first.

    DATASET is a folder of pictures with a .txt beside each, one with a train.jsonl, or a configuration of mflux-train.
    It is never changed. The exit code is 1 where it is refused.
    """
    if run is not None:
        with open_run(run) as held, _progress() as seen:
            _agreed(held, dataset, given)
            recorded = preflight_run(held, seen=seen)
            numbers = held.plan.training
        report: DatasetReport = recorded.report
        made: WrittenPreflight | None = recorded
        if report.passed:
            _tell_of_trainer(recorded, numbers)
    else:
        report, made = _alone(dataset, given)
    if as_json:
        write_document(PreflightDocument.of(report, made))
    else:
        show_preflight(console(), report, made)
        if run is not None:
            tell_next(run)
    click.get_current_context().exit(ExitCode.DONE if report.passed else ExitCode.FAILED)


def _tell_of_trainer(recorded: WrittenPreflight, numbers: TrainingPlan) -> None:
    """What its trainer will not do as `run.toml` has it."""
    report, trainer = recorded.report, numbers.trainer
    if not recorded.given:
        write_line(f"nothing is written for {trainer}, which does not train {report.base}", aside=True)
    elif (taken := steps_taken(trainer, numbers.steps, report.pairs)) != numbers.steps:
        said = f"{trainer} ends after a whole pass over {report.pairs} pictures: {taken} steps instead of"
        write_line(f"{said} {numbers.steps}", aside=True)


def _agreed(run: Run, dataset: Path | None, given: dict[str, Any]) -> None:
    """What a run has decided stands in its `run.toml`; options may repeat it, and say nothing else."""
    plan = run.plan
    decided = {"kind": plan.kind, "trigger": plan.trigger, "base": plan.base, "size": plan.dataset.size}
    decided |= {"pairs": plan.dataset.pairs, "most_pairs": plan.dataset.most_pairs}
    for name, value in given.items():
        if value in (None, ()):
            continue
        if name not in decided or value != decided[name]:
            option = "--for" if name == "trainers" else f"--{name.replace('_', '-')}"
            raise click.UsageError(f"a run's own run.toml decides this; leave {option} out, or change it there")
    if dataset is not None and dataset.resolve() != run.dataset.resolve():
        raise click.UsageError(f"the run's dataset is {run.dataset}; leave DATASET out, or change it in run.toml")


def _alone(dataset: Path | None, given: dict[str, Any]) -> tuple[DatasetReport, WrittenPreflight | None]:
    """Without a run: nothing is written but where `--out` says."""
    if dataset is None:
        raise click.UsageError("name a DATASET, or a run with --run")
    if given["kind"] is None:
        raise click.UsageError("say with --kind what it is to teach: style or subject")
    if given["trainers"] and given["out"] is None:
        raise click.UsageError("--for writes for trainers where --out says; give it too")
    base = given["base"] or USUAL
    size = given["size"] or row_of(base).width
    plan = DatasetPlan(path=str(dataset), size=size, pairs=given["pairs"], most_pairs=given["most_pairs"])
    lesson = Lesson(cast("LoraKind", given["kind"]), given["trigger"] or "", base)
    with Thumbnails() as thumbnails, _progress() as seen:
        examined = examine(dataset, plan, lesson, counter=TokenCounter(), thumbnails=thumbnails, seen=seen)
        out: Path | None = given["out"]
        if out is None:
            return examined.report, None
        writing = Writing(out, _name(dataset), TrainingPlan(), out / "training")
        trainers = list(given["trainers"] or trainers_of(base))
        return examined.report, write_preflight(examined, thumbnails, out, trainers, writing)


def _name(dataset: Path) -> str:
    return (dataset.absolute().stem if dataset.is_file() else dataset.resolve().name) or "dataset"


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """How far it is, on a terminal alone."""
    if not sys.stderr.isatty():
        yield _ignored
        return
    with Bar(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking at pictures", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _ignored(done: int, of: int) -> None:
    """Nobody looks."""
