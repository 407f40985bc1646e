"""A genre or a world as people read it: who says what, which adapters its tiers get, and what is wrong with it."""

import json
from collections.abc import Callable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kilnmark.client.cli.views.tables import plain, print_facts
from kilnmark.client.packs.inherited import PackShown, ShownField, Whence

__all__ = ["show_pack"]


Place = Callable[[Whence], str]

_WIDE = 140
"""Columns from which on places are told with their folders."""


def show_pack(out: Console, shown: PackShown) -> None:
    """Fields first, then adapters, then tiers; what is wrong comes last."""
    worlds = ", ".join(shown.worlds) or "none"
    print_facts(out, [("genre", shown.genre), ("world", shown.world) if shown.world else ("worlds", worlds)])
    place = str if out.width >= _WIDE else _short
    out.print()
    out.print(_fields(shown.fields, place))
    out.print()
    if shown.adapters:
        out.print(_adapters(shown, place))
        out.print()
    out.print(_tiers(shown, place))
    for problem in shown.problems:
        out.print(Text.assemble(("problem: ", "bold yellow"), plain(str(problem))), soft_wrap=True)


def _short(whence: Whence) -> str:
    return whence.short


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _fields(fields: Sequence[ShownField], place: Place) -> Table:
    """Those that nobody says come last, in one line."""
    table = _table("field", "value", "from")
    for field in fields:
        if field.whence.file:
            beside = "" if field.instead_of is None else f" instead of {place(field.instead_of)}"
            table.add_row(field.name, _value(field), plain(f"{place(field.whence)}{beside}"))
    if unsaid := [field.name for field in fields if not field.whence.file]:
        table.add_row(plain(", ".join(unsaid)), plain("-"), plain("nobody"))
    return table


def _value(field: ShownField) -> Text:
    if field.problem:
        return Text.assemble(("cannot be used: ", "bold yellow"), plain(field.problem))
    if field.value is None:
        return plain("(none: taken away)")
    return plain(field.value if isinstance(field.value, str) else json.dumps(field.value, ensure_ascii=False))


def _adapters(shown: PackShown, place: Place) -> Table:
    table = _table("adapter", "scale", "tiers", "file", "from")
    for adapter in shown.adapters:
        left_out = "no tier" if adapter.excluded is None else f"left out by {place(adapter.excluded)}"
        table.add_row(
            plain(adapter.name),
            adapter.scale,
            plain(", ".join(adapter.tiers) or left_out),
            plain(adapter.file),
            plain(place(adapter.whence)),
        )
    return table


def _tiers(shown: PackShown, place: Place) -> Table:
    table = _table("tier", "size", "steps", "variant", "adapters", "from")
    for tier in shown.tiers:
        row = tier.size, str(tier.steps or ""), plain(tier.variant)
        stack = f"no picture: {tier.problem}" if tier.problem else ", ".join(tier.adapters) or "-"
        table.add_row(plain(tier.name), *row, plain(stack), plain(place(tier.whence)))
    return table
