"""The `lab` group: the lab is named, never imported, until one of its commands is asked for."""

from importlib import import_module

import click

__all__ = ["lab"]


class _Lab(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return self._there().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self._there().get_command(ctx, cmd_name)

    @staticmethod
    def _there() -> click.Group:
        found: click.Group = import_module("kilnmark.lab.cli.main").lab
        return found


@click.group(cls=_Lab)
def lab() -> None:
    """From pictures to an adapter that production trusts.

    Every command is safe to repeat, and goes on where it stopped.
    """
