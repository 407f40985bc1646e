"""Modules that lack what all their likes have beside their matrices: an alpha that is not the rank, or magnitudes.

A trainer writes them for every module or for none, so one that is missing among many was likely lost, and the update
is another than was trained. It may have been meant so, and is told, not accused.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from kilnmark.keymaps.errors import shorten
from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.names.shapes import encoder_of
from kilnmark.keymaps.updates.kind import Made
from kilnmark.keymaps.updates.made import kind_of
from kilnmark.keymaps.updates.update import WeightUpdate

__all__ = ["notes_on_uneven"]


def notes_on_uneven(made: Sequence[Made]) -> Iterator[str]:
    """What a reader of the report must know; sentences without full stop.

    Args:
        made: Every module that is applied, with its updates.
    """
    groups: dict[tuple[str, str], list[Made]] = defaultdict(list)
    for each in made:
        groups[encoder_of(each.view.targets[0]), kind_of(each.view.roles).name].append(each)
    for group in groups.values():
        yield from _note(group, Role.MAGNITUDE, "no magnitudes", "have them")
        scaled = [each for each in group if kind_of(each.view.roles).has_rank(each.view)]
        if any(Role.ALPHA in each.view and _multiplier(each) != 1.0 for each in scaled):
            others = [each for each in scaled if Role.ALPHA in each.view or _multiplier(each) == 1.0]
            yield from _note(others, Role.ALPHA, "no alpha", "have one, and is taken to have its rank for it")


def _note(group: Sequence[Made], role: str, lacks: str, others: str) -> Iterator[str]:
    """Where most of a group have a role, those that do not."""
    lacking = [each for each in group if role not in each.view]
    having = len(group) - len(lacking)
    if lacking and having > len(lacking):
        who = "1 module has" if len(lacking) == 1 else f"{len(lacking)} modules have"
        key = shorten(next(iter(lacking[0].view.module.keys.values())))
        yield f"{who} {lacks} where {having} others {others}, first {key}"


def _multiplier(made: Made) -> float:
    update = made.updates[0]
    return update.multiplier if isinstance(update, WeightUpdate) else 1.0
