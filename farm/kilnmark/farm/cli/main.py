"""`kilnmark farm ...`: the group, and the commands in it."""

import click

from kilnmark.farm.cli.cancel import cancel
from kilnmark.farm.cli.dead import dead
from kilnmark.farm.cli.drain import drain
from kilnmark.farm.cli.status import status
from kilnmark.farm.cli.submit import submit
from kilnmark.farm.cli.up import up
from kilnmark.farm.cli.work import work

__all__ = ["farm"]


@click.group()
def farm() -> None:
    """Many machines behind one queue."""


for _command in (up, submit, work, status, drain, cancel, dead):
    farm.add_command(_command)
