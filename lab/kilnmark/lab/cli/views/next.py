"""How to go on, told at the end of a command: what `lab show` says of the run as it stands then.

It goes to stderr, since stdout has what the command itself has found. What is right is `run.next`'s to know.
"""

from collections.abc import Iterable
from pathlib import Path

from kilnmark.client.cli.views.document import write_line
from kilnmark.lab.run.folder import is_held, read_state
from kilnmark.lab.run.next import NextStep, next_steps
from kilnmark.lab.run.plan import read_plan

__all__ = ["tell_next", "tell_steps"]


def tell_next(run: Path) -> None:
    """Say how to go on with a run, as it was named, the most likely way first."""
    tell_steps(next_steps(str(run), read_plan(run), read_state(run), held=is_held(run)))


def tell_steps(steps: Iterable[NextStep]) -> None:
    """Say these."""
    for step in steps:
        write_line(f"{step.why}: {step.command}", aside=True)
