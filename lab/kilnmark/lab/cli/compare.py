"""`kilnmark lab compare`: runs side by side on the same cells."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document, write_line

if TYPE_CHECKING:
    from kilnmark.lab.judging.compare import Compared

__all__ = ["compare"]


@click.command(short_help="Judgements of runs beside each other.")
@click.argument("runs", nargs=-1, required=True, type=HomePath(path_type=Path))
@json_option
def compare(runs: tuple[Path, ...], *, as_json: bool) -> None:
    """Show the last judgements of RUNS beside each other, on the cells that all have."""
    from kilnmark.lab.judging.compare import compare_runs

    if len(runs) < 2:  # noqa: PLR2004 - one compares to nothing
        raise click.UsageError("name two runs or more")
    compared = compare_runs(runs)
    if as_json:
        write_document(compared)
    else:
        _show(compared)


def _show(compared: "Compared") -> None:
    from rich.table import Table

    from kilnmark.client.cli.views.tables import console

    table = Table("run", "adapter", "judging", *(axis.title for axis in compared.runs[0].axes), "verdict", box=None)
    for run in compared.runs:
        shares = [f"{axis.passed}/{axis.of} ({axis.low:.0%}-{axis.high:.0%})" for axis in run.axes]
        table.add_row(run.run, run.adapter, str(run.judgement), *shares, run.verdict)
    console().print(table)
    for one in compared.differences:
        tells = "which is a difference" if one.tells else "which chance does too"
        write_line(
            f"{one.one} and {one.other}: {one.better} cells pass with the first alone, {one.worse} with the second; "
            f"by chance {one.chance:.0%}, {tells}"
        )
    for note in compared.notes:
        write_line(f"note: {note}")
