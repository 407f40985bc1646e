"""The `farm` group: the farm is named, never imported, until one of its commands is asked for."""

from importlib import import_module

import click

__all__ = ["farm"]


class _Farm(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return self._there().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self._there().get_command(ctx, cmd_name)

    @staticmethod
    def _there() -> click.Group:
        found: click.Group = import_module("kilnmark.farm.cli.main").farm
        return found


@click.group(cls=_Farm, short_help="Many machines behind one queue.")
def farm() -> None:
    """Many machines behind one queue: a broker hands work out, and every machine's daemon paints.

    `up` starts the broker, `work` joins this machine's daemon, and `submit` hands work in. `kilnmark batch --farm` is a
    batch that many machines paint.
    """
