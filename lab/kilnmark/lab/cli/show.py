"""`kilnmark lab show`: how a run stands, and how to go on with it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.paths import HomePath
from kilnmark.client.cli.views.document import write_document
from kilnmark.lab.run.folder import is_held, read_state
from kilnmark.lab.run.next import NextStep, next_steps
from kilnmark.lab.run.plan import read_plan
from kilnmark.lab.run.standing import RunStanding, cost_of, last_moment, standing_of

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["ShownRun", "show"]


class ShownRun(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of a run.

    Attributes:
        run: Its folder, as it was named.
        name: What its adapter is called.
        standing: How it stands.
        cost: So far, reservations included.
        currency: Of the cost.
        limit: Its budget.
        changed: When something happened last; None: nothing did.
        next: How to go on.
    """

    run: str
    name: str
    standing: RunStanding
    cost: float
    currency: str
    limit: float
    changed: str | None
    next: tuple[NextStep, ...]


@click.command(short_help="How a run stands, and how to go on.")
@click.argument("run", type=HomePath(path_type=Path))
@json_option
def show(run: Path, *, as_json: bool) -> None:
    """Show how RUN stands, and the commands to go on with."""
    from kilnmark.client.cli.views.tables import console

    shown = _shown(run)
    if as_json:
        write_document(shown)
    else:
        _print(console(), shown)


def _shown(run: Path) -> ShownRun:
    plan, state, held = read_plan(run), read_state(run), is_held(run)
    return ShownRun(
        run=str(run),
        name=plan.name,
        standing=standing_of(plan, state, held=held),
        cost=cost_of(state),
        currency=plan.budget.currency,
        limit=plan.budget.limit,
        changed=last_moment(state),
        next=next_steps(str(run), plan, state, held=held),
    )


def _print(out: "Console", shown: ShownRun) -> None:
    from kilnmark.client.cli.views.tables import plain, print_facts

    found = shown.standing
    rows = [
        ("run", f"{shown.name} ({shown.run})"),
        ("verdict", f"{found.verdict.icon} {found.verdict} at {found.stage}"),
        ("", found.line),
        *(("why", reason) for reason in found.further),
        *(("left open", sentence) for sentence in found.left_open),
        ("cost", f"{shown.cost:.2f} {shown.currency}, of {shown.limit:.2f}"),
        ("changed", shown.changed or "never"),
    ]
    print_facts(out, rows)
    for step in shown.next:
        out.print()
        out.print(plain(f"{step.why}:"), soft_wrap=True)
        out.print(plain(f"  {step.command}"), soft_wrap=True)
