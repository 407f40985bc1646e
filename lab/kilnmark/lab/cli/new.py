"""`kilnmark lab new`: the folder of a run, with what is decided so far."""

import os
from pathlib import Path
from typing import Any

import click
import msgspec
from pydantic import ValidationError

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.lab.dataset.written.trainers import trainers_of
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import BudgetPlan, DatasetPlan, RunPlan, SweepPlan, TrainingPlan
from kilnmark.lab.sweep.prompts import proposed_prompts
from kilnmark.lab.training.proposed import proposed_training
from kilnmark.protocol.picture.catalog import VARIANTS, row_of

__all__ = ["NewRun", "new"]

_TRAINING = ("trainer", "steps", "save_every", "rank", "learning_rate", "seed")
_DATASET = ("size", "pairs", "most_pairs")


class NewRun(msgspec.Struct, frozen=True, kw_only=True):
    """`lab new --json`.

    Attributes:
        run: The folder.
        plan: Its run.toml.
        name: What the adapter is to be called.
        has_dataset: Whether anything is where the dataset is to be.
    """

    run: str
    plan: str
    name: str
    has_dataset: bool


@click.command(short_help="Make a run, and a run.toml to read over.")
@click.argument("run", type=HomePath(path_type=Path))
@click.option("--kind", type=click.Choice(["style", "subject"]), required=True, help="What it is to teach.")
@click.option("--trigger", default="", metavar="WORDS", help="The words that call it up. A style may have none.")
@click.option("--dataset", required=True, type=HomePath(), metavar="DIR", help="The pictures and captions, from here.")
@click.option("--base", required=True, metavar="VARIANT", help="The variant that it is trained for and painted on.")
@click.option("--name", metavar="NAME", help="What the adapter is to be called. [default: the run's folder]")
@click.option("--genre", metavar="NAME", help="Where it is to serve.")
@click.option("--size", type=int, metavar="PIXELS", help="What is trained at. [default: the base's own]")
@click.option("--pairs", type=int, metavar="N", help="Fewest pairs. [default: style 150, subject 10]")
@click.option("--most-pairs", type=int, metavar="N", help="Most pairs. [default: subject 40]")
@click.option("--trainer", metavar="NAME", help="Who trains. [default: the first that trains the base]")
@click.option("--steps", type=int, metavar="N", help="Of training.")
@click.option("--save-every", type=int, metavar="N", help="Steps from one checkpoint to the next.")
@click.option("--rank", type=int, metavar="N", help="Of the adapter.")
@click.option("--learning-rate", type=float, metavar="RATE", help="Of the optimizer.")
@click.option("--seed", type=int, metavar="N", help="Of everything that the trainer draws.")
@click.option("--limit", type=float, metavar="AMOUNT", help="The most that may be spent. [default: nothing]")
@json_option
def new(
    run: Path, *, base: str, dataset: str, name: str | None, limit: float | None, as_json: bool, **given: Any
) -> None:
    """Make the folder RUN with a run.toml to read over: every choice, with what it decides beside it."""
    if base not in VARIANTS:
        raise click.BadParameter(f"{base!r} is none of {', '.join(VARIANTS)}", param_hint="'--base'")
    if given["kind"] == "subject" and not given["trigger"].strip():
        raise click.UsageError("a subject is called up by a trigger; name one that means nothing yet with --trigger")
    given["size"] = given["size"] or row_of(base).width
    given["trainer"] = given["trainer"] or trainers_of(base)[0]
    training = proposed_training(base, given["trainer"]) | _given({key: given.pop(key) for key in _TRAINING})
    asked = {key: given.pop(key) for key in _DATASET}
    try:
        plan = RunPlan(
            name=name or run.absolute().name,
            base=base,
            dataset=DatasetPlan(path=_from_run(run, dataset), **_given(asked)),
            training=TrainingPlan(**training),
            sweep=SweepPlan(prompts=proposed_prompts(given["kind"], given["trigger"].strip(), base)),
            budget=BudgetPlan(**_given({"limit": limit})),
            **given,
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        option = str(first["loc"][-1]).replace("_", "-")
        raise click.BadParameter(first["msg"], param_hint=f"'--{option}'") from error
    path = new_run(run, plan)
    is_there = (run / plan.dataset.path).exists()
    if as_json:
        write_document(NewRun(run=str(run), plan=str(path), name=plan.name, has_dataset=is_there))
    else:
        write_line(str(path))
    if not is_there:
        write_line(f"there is nothing at {run / plan.dataset.path} yet", aside=True)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _from_run(run: Path, dataset: str) -> str:
    """A path from the run's folder, so that both can be copied together; one that is absolute stays so."""
    return dataset if Path(dataset).is_absolute() else os.path.relpath(dataset, run)
