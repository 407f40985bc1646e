"""`kilnmark lab demo`: the whole way of the lab, on `mini` and what it paints."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.protocol.exits import ExitCode

if TYPE_CHECKING:
    from kilnmark.lab.demo.told import LabDemoResult

__all__ = ["demo"]


@click.command(short_help="The whole way on this machine, on `mini`.")
@click.option(
    "--output",
    type=HomePath(file_okay=False, path_type=Path),
    default=Path("lab-demo"),
    show_default=True,
    metavar="DIR",
    help="Where the pictures, the run, the pack and the pages are left.",
)
@json_option
def demo(output: Path, *, as_json: bool) -> None:
    """Train a style for `mini`, pick a checkpoint, verify, judge and promote it; in ten minutes.

    150 pictures are painted and printed in a style. Nothing is downloaded, and nothing leaves this machine. The exit
    code is 1 where something did not come out as it has to, and what holds says why.
    """
    from kilnmark.lab.demo.demo import run_demo

    result = run_demo(output, lambda line: write_line(f"  {line}", aside=True))
    if as_json:
        write_document(result)
    else:
        _show(result)
    click.get_current_context().exit(ExitCode.DONE if result.passed else ExitCode.FAILED)


def _show(result: "LabDemoResult") -> None:
    from kilnmark.client.cli.views.tables import console, plain, print_facts

    out = console()
    for hold in result.holds:
        out.print(plain(f"{'✓' if hold.holds else '✗'} {hold.says}{hold.why and ': '}{hold.why}"), soft_wrap=True)
    for step, missed in result.missed.items():
        out.print(plain(f"step {step}: {'; '.join(missed) or 'passes every bar'}"), soft_wrap=True)
    picked = "none" if result.pick is None else f"step {result.pick}: {result.why}"
    facts = [("pick", picked), ("gate", result.verification), ("judge", result.judgement)]
    facts += [("sheet", result.sheet), ("picture", result.picture), ("page", result.page)]
    print_facts(out, [*facts, ("took", f"{result.seconds:.0f} s")])
