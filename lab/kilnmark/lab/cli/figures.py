"""`kilnmark lab figures`: figures over the runs and batches below a folder."""

from datetime import UTC, datetime
from pathlib import Path

import click

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.lab.figures.figures import LabFigures, figures_of
from kilnmark.lab.run.found import find_in

__all__ = ["figures"]


@click.command(short_help="Time, cost and approval over runs.")
@click.argument("folder", type=HomePath(exists=True, file_okay=False, path_type=Path), default=Path())
@click.option(
    "--days",
    type=click.FloatRange(min=0, min_open=True, max=36500),
    default=7.0,
    show_default=True,
    metavar="N",
    help="How long the span is that ends now.",
)
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), metavar="DAY", help="The first day after it, UTC. [default: now]"
)
@json_option
def figures(folder: Path, days: float, until: datetime | None, *, as_json: bool) -> None:
    """Show time to publish, cost, approval and identity over the runs and batches in FOLDER."""
    found = figures_of(find_in(folder), days=days, until=until.replace(tzinfo=UTC) if until else None)
    if as_json:
        write_document(found)
        return
    _print(found)


def _print(found: LabFigures) -> None:
    from rich import box
    from rich.table import Table

    from kilnmark.client.cli.views.tables import console, plain
    from kilnmark.lab.figures.words import figure_rows, span_words

    table = Table(box=box.SIMPLE_HEAD, title=f"{found.runs} runs, {span_words(found)}", title_justify="left")
    for name in ("figure", "value", "of"):
        table.add_column(name)
    for row in figure_rows(found):
        table.add_row(*map(plain, row))
    console().print(table)
    for sentence in found.unread:
        write_line(f"not counted: {sentence}", aside=True)
