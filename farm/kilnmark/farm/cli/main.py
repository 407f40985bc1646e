"""`kilnmark farm ...`: the group, and the commands in it."""

import click

from kilnmark.farm.cli.submit import submit
from kilnmark.farm.cli.up import up
from kilnmark.farm.cli.work import work

__all__ = ["farm"]


@click.group()
def farm() -> None:
    """Many machines behind one queue."""


for _command in (submit, up, work):
    farm.add_command(_command)
