"""`kilnmark lab`: the group of its commands, each loaded when it is asked for."""

from importlib import import_module
from typing import Final

import click

__all__ = ["lab"]

COMMANDS: Final = {
    "demo": "kilnmark.lab.cli.demo",
    "new": "kilnmark.lab.cli.new",
    "preflight": "kilnmark.lab.cli.preflight",
    "train": "kilnmark.lab.cli.train",
    "import": "kilnmark.lab.cli.importing:import_files",
    "sweep": "kilnmark.lab.cli.sweep",
    "verify": "kilnmark.lab.cli.verify",
    "calibrate": "kilnmark.lab.cli.calibrate",
    "judge": "kilnmark.lab.cli.judge",
    "compare": "kilnmark.lab.cli.compare",
    "deploy": "kilnmark.lab.cli.deploy",
    "promote": "kilnmark.lab.cli.promote",
    "demote": "kilnmark.lab.cli.demote",
    "show": "kilnmark.lab.cli.show",
    "figures": "kilnmark.lab.cli.figures",
    "serve": "kilnmark.lab.cli.serve",
    "export": "kilnmark.lab.cli.export",
}
"""The module of each command, in the order of the help; the command is the module's attribute of its name, or the one
that stands behind a colon."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute or cmd_name)
        return command


@click.group(cls=_Commands)
def lab() -> None:
    """Its commands; the command line shows them under its own words."""
