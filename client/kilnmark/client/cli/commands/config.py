"""The `config` command: each setting of the daemon that would be started here, and who says it."""

from typing import TYPE_CHECKING, Literal

import click
import msgspec

from kilnmark.client.cli.commands.serve import config_option
from kilnmark.client.cli.options import json_option
from kilnmark.client.cli.settings.options import SettingsCommand, gathered
from kilnmark.client.cli.views.document import write_document

if TYPE_CHECKING:
    from kilnmark.client.cli.settings.gather import Gathered

__all__ = ["ConfigDocument", "ConfigEntry", "config"]

Value = str | int | float | list[str] | dict[str, str] | None


class ConfigEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One setting.

    Attributes:
        name: Its key in a file.
        option: The option of `serve`.
        variable: The variable.
        value: As the daemon gets it: paths absolute, sizes in bytes, times in seconds.
        default: The default in words, where no value says it.
        origin: Who says it.
        where: The place: `--queue-limit`, `$KILNMARK_QUEUE_LIMIT`, `/etc/kilnmark.toml:3`, `default`.
        file, line: Of a file.
    """

    name: str
    option: str
    variable: str
    value: Value
    default: str | None
    origin: Literal["default", "file", "environment", "option"]
    where: str
    file: str | None = None
    line: int | None = None


class ConfigDocument(msgspec.Struct, frozen=True, kw_only=True):
    """All settings; `file` is the one that was read, None where there is none."""

    file: str | None
    settings: list[ConfigEntry]


@click.command(cls=SettingsCommand)
@config_option
@json_option
def config(config: str | None, *, as_json: bool, **options: object) -> None:
    """Show what `serve` would start with, and who says each setting.

    An option, a variable, a file, or nobody does. It takes the options of `serve`. Of several that say one setting,
    options go before variables, and those before the file.
    """
    document = _document(gathered(options, config))
    if as_json:
        write_document(document)
        return
    from kilnmark.client.cli.views.config import show_config
    from kilnmark.client.cli.views.tables import console

    show_config(console(), document)


def _document(found: "Gathered") -> ConfigDocument:
    from kilnmark.client.cli.settings.sources import fields, variable_of

    values = found.settings.model_dump(mode="json")
    entries = []
    for name, told in fields().items():
        said = found.said[name]
        entry = ConfigEntry(
            name=name,
            option=told.option,
            variable=variable_of(name),
            value=values[name],
            default=told.default,
            origin=said.origin,
            where=said.where,
            file=None if said.file is None else str(said.file),
            line=said.line,
        )
        entries.append(entry)
    return ConfigDocument(file=None if found.file is None else str(found.file), settings=entries)
