"""A genre or a world as people read it: who says what, which adapters its tiers get, and what is wrong with it."""

import json
from collections.abc import Callable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kilnmark.client.cli.views.tables import plain, print_facts
from kilnmark.client.packs.checked import CheckedPacks
from kilnmark.client.packs.inherited import PackShown, ShownField, Whence

__all__ = ["show_checked", "show_pack"]


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


def show_checked(out: Console, checked: CheckedPacks) -> None:
    """What is dead first, then what else costs pictures, then what should be looked at; how much was looked at last."""
    told = (("dead", "bold red", checked.dead), ("problem", "bold yellow", checked.problems))
    for word, colour, notes in (*told, ("warning", "yellow", checked.warnings)):
        for note in notes:
            out.print(Text.assemble((f"{word}: ", colour), plain(str(note))), soft_wrap=True)
    out.print(plain(_counts(checked)), soft_wrap=True)


def _counts(checked: CheckedPacks) -> str:
    of = {"poi": "places", "portrait": "people", "creature": "creatures"}
    pictures = ", ".join(f"{count} of {of[kind]}" for kind, count in checked.pictures.items() if count) or "none"
    files = {each.inspection.path for each in checked.adapters}
    dead = {each.inspection.path for each in checked.adapters if each.is_dead}
    adapters = f"{_count(len(files), 'adapter')}, {len(dead) or 'none'} of them dead" if files else "no adapter"
    looked = f"{_count(checked.genres, 'genre')}, {_count(checked.worlds, 'world')}; pictures: {pictures}; {adapters}"
    found = f"{_count(len(checked.problems), 'problem')}, {_count(len(checked.warnings), 'warning')}"
    return f"{looked}; {found}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
