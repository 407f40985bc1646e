"""The option that names a model that paints, for commands that need no daemon."""

import click

from kilnmark.keymaps.names.shapes import painter_names, painters

__all__ = ["PainterNamed", "PainterOption"]


class PainterOption(click.ParamType):  # type: ignore[type-arg]  # it is generic since click 8.3 alone
    """Any name of a model that paints; one of each set of layers is shown.

    Installed families may have brought some, so that they are looked for when they are asked for.
    """

    name = "choice"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:  # noqa: ARG002 - click's signature
        """They are in the option's help, which can be wrapped."""
        return "NAME"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """A name that is known."""
        return click.Choice(painter_names()).convert(value, param, ctx)


class PainterNamed(click.Option):
    """An option whose help has `{names}` in it, which stands for those that there are when it is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """What help shows of it."""
        record = super().get_help_record(ctx)
        return record and (record[0], record[1].replace("{names}", ", ".join(painters())))
