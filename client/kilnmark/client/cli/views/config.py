"""The settings of a daemon in words: a line each, with who says it."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from kilnmark.client.cli.views.tables import plain
from kilnmark.protocol.printable import printable

if TYPE_CHECKING:
    from kilnmark.client.cli.commands.config import ConfigDocument, ConfigEntry

__all__ = ["show_config"]


def show_config(out: Console, document: "ConfigDocument") -> None:
    """Each setting, its value, and where it comes from."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("setting", "value", "from"):
        table.add_column(heading, overflow="fold")
    for entry in document.settings:
        table.add_row(entry.name, "\n".join(map(printable, _values(entry))), printable(entry.where))
    out.print(table)
    out.print()
    out.print(plain(f"file: {document.file or 'none'}"), soft_wrap=True)


def _values(entry: "ConfigEntry") -> list[str]:
    """A line each."""
    if entry.value is None:
        return [f"({entry.default})"]
    if isinstance(entry.value, dict):
        return [f"{name} = {place}" for name, place in entry.value.items()]
    return entry.value if isinstance(entry.value, list) else [str(entry.value)]
