"""The kind that every option and argument of the command line has which is a path.

`click.Path` knows no `~`; a test holds all commands to this one.
"""

from typing import TYPE_CHECKING, Any

import click

from kilnmark.client.home import expanded

if TYPE_CHECKING:
    import os

__all__ = ["HomePath", "home_path"]


class HomePath(click.Path):
    """A path whose leading `~` stands for a home, as a shell has it."""

    def convert(self, value: "str | os.PathLike[str]", param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, checked as `click.Path` does."""
        return super().convert(home_path(value), param, ctx)


def home_path(value: "str | os.PathLike[str]") -> str:
    """The same for an option that has more in it than a path.

    Raises:
        click.BadParameter: It begins with the home of somebody who is not known.
    """
    path = expanded(value)
    name, slash, _ = path.partition("/")
    if slash and name.startswith("~"):
        raise click.BadParameter(f"{name!r} is nobody's home here; write ./{path} where a folder is called so")
    return path
