"""The options of `serve` and `config`, made from the model of settings when a command asks for them.

The model needs pydantic, so that making them waits until one of the two commands is parsed or explained: every other
command starts without it.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kilnmark.client.cli.paths import HomePath

if TYPE_CHECKING:
    from kilnmark.client.cli.settings.gather import Gathered, Surroundings
    from kilnmark.protocol.settings import Told

__all__ = ["SettingsCommand", "gathered", "shown_default", "surroundings"]

_UNITS = {"GiB": 1 << 30, "MiB": 1 << 20}


class SettingsCommand(click.Command):
    """A command that takes every setting as an option; its callback gets them as `options`, by setting."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The settings' options, then the command's own."""
        if not any(parameter.name == "socket" for parameter in self.params):
            self.params = [*_options(), *self.params]
        return super().get_params(ctx)


def gathered(options: Mapping[str, object], config: str | None) -> "Gathered":
    """The settings that the options, the variables, the file and this machine come to.

    Raises:
        click.UsageError: naming every wrong key and value.
    """
    from kilnmark.client.cli.settings.gather import gather

    return gather(options, config, surroundings())


def surroundings() -> "Surroundings":
    """What this process finds itself in."""
    from kilnmark.client.cli.settings.gather import Surroundings

    return Surroundings(
        env=os.environ, platform=sys.platform, home=Path.home(), uid=os.getuid(), here=Path.cwd().absolute()
    )


def _options() -> list[click.Option]:
    from kilnmark.client.cli.settings.sources import fields
    from kilnmark.protocol.described import descriptions
    from kilnmark.protocol.settings import Settings

    texts = descriptions(Settings)

    return [
        _option(name, told, _help(told, texts[name], Settings.model_fields[name].default))
        for name, told in fields().items()
    ]


def _option(name: str, told: "Told", text: str) -> click.Option:
    if told.kind == "flag":
        return click.Option([told.option, name], is_flag=True, default=None, help=text)
    return click.Option(
        [told.option, name],
        multiple=told.is_list,
        type=HomePath() if told.kind in ("path", "folder", "folders") else str,
        metavar=told.metavar,
        help=text,
    )


def _help(told: "Told", description: str, default: Any) -> str:
    """The first sentence, and the default."""
    sentence = " ".join(description.split()).partition(". ")[0].rstrip(".") + "."
    if told.kind == "flag":
        return sentence
    repeatable = " Repeatable." if told.is_list else ""
    return f"{sentence}{repeatable} [default: {shown_default(told, default)}]"


def shown_default(told: "Told", default: Any) -> str:
    """A default as a person would write it, or the words that say it."""
    if told.default is not None:
        return told.default
    if told.kind == "flag":
        return "true" if default else "false"
    if told.kind == "size":
        unit = next((unit for unit, nbytes in _UNITS.items() if default % nbytes == 0), None)
        return f"{default // _UNITS[unit]}{unit}" if unit else str(default)
    return f"{default:g}" if isinstance(default, int | float) else str(default)
