"""The option that names a model that paints, for commands that need no daemon."""

import click

from kilnmark.keymaps.names.shapes import painter_names, painters

__all__ = ["PainterOption"]


class PainterOption(click.ParamType):  # type: ignore[type-arg]  # it is generic since click 8.3 alone
    """Any name of a model that paints; one of each set of layers is shown.

    Installed families may have brought some, so that they are looked for when they are asked for.
    """

    name = "choice"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """The names that help shows."""
        return click.Choice(painters()).get_metavar(param, ctx)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """A name that is known."""
        return click.Choice(painter_names()).convert(value, param, ctx)
