"""Groups of commands of parts beside the client: named here, and imported when one of their commands is asked for."""

from importlib import import_module

import click

__all__ = ["PartGroup"]


class PartGroup(click.Group):
    """A group whose commands are those of a group elsewhere.

    Args:
        where: The module that has the group, and its name there: `kilnmark.lab.cli.main:lab`.
        own_options: The group there has options of its own, and something to do by itself.
        given: As `click.Group` has it.
    """

    def __init__(self, *args: object, where: str, own_options: bool = False, **given: object) -> None:
        super().__init__(*args, **given)  # type: ignore[arg-type]
        self._where = where
        self._own_options = own_options

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        """See `click.Command.make_context`."""
        if self._own_options:
            return self._there().make_context(info_name, args, parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of those there."""
        return self._there().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """That of a name, there."""
        return self._there().get_command(ctx, cmd_name)

    def _there(self) -> click.Group:
        module, _, name = self._where.partition(":")
        found: click.Group = getattr(import_module(module), name)
        return found
