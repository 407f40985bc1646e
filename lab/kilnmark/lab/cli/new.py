"""`kilnmark lab new`: the folder of a run, with what is decided so far."""

from pathlib import Path
from typing import Any

import click

from kilnmark.client.cli.views.document import write_line
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import DatasetPlan, RunPlan

__all__ = ["new"]


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--kind", type=click.Choice(["style", "subject"]), required=True, help="What it is to teach.")
@click.option("--trigger", default="", metavar="WORDS", help="The words that call it up.")
@click.option("--dataset", required=True, metavar="DIR", help="The pictures and captions, from the run's folder.")
@click.option("--base", required=True, metavar="VARIANT", help="The variant that it is trained for and painted on.")
@click.option("--name", metavar="NAME", help="What the adapter is to be called. [default: the run's folder]")
@click.option("--genre", metavar="NAME", help="Where it is to serve.")
def new(run: Path, dataset: str, **given: Any) -> None:
    """Make the folder RUN with a run.toml to read over."""
    given["name"] = given["name"] or run.name
    write_line(str(new_run(run, RunPlan(dataset=DatasetPlan(path=dataset), **given))))
