"""Which bases a daemon may be told of: what each name may stand for, and where it may lie.

Part of the model of settings, which says what else there is. Whether a directory holds a base is found out elsewhere.
"""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from kilnmark.protocol.picture.catalog import VARIANTS

__all__ = ["Bases", "standins"]


def _stands_in(place: str, name: str) -> bool:
    """Whether a place is a standin that can be had under a name: not one of other layers than that name's model has."""
    if place not in VARIANTS or not VARIANTS[place].made_up:
        return False
    standin, meant = VARIANTS[place], VARIANTS.get(name)
    if meant is None or meant.shapes == standin.shapes:
        return True
    own = any(row.made_up and row.shapes == meant.shapes for row in VARIANTS.values())
    return meant.family == standin.family and not own


def standins() -> tuple[str, ...]:
    """The variants that need no weights."""
    return tuple(name for name, row in VARIANTS.items() if row.made_up)


def _is_base(name: str, place: str) -> bool:
    """Whether a name tells nothing else than what is in that place."""
    if not name or (Path(name).is_absolute() and name != place):
        return False
    if place in VARIANTS:
        return place == name or (_stands_in(place, name) and name not in standins())
    return Path(place).is_absolute() and name not in standins()


def _check_bases(bases: dict[str, str]) -> dict[str, str]:
    for name, place in bases.items():
        if not _is_base(name, place):
            problem = (
                f"{name!r}: {place!r} is no base; a place is an absolute directory, or the standin of such a model, "
                f"or one of {', '.join(VARIANTS)} under its own name"
            )
            raise ValueError(problem)
    directories = [place for place in bases.values() if place not in VARIANTS]
    for place in directories:
        if directories.count(place) > 1:
            problem = f"{place!r} has two names and would be held twice; keep one"
            raise ValueError(problem)
    return bases


Bases = Annotated[dict[str, str], AfterValidator(_check_bases)]
