"""Which bases a daemon may be told of: what each name may stand for, and where it may lie.

Part of the model of settings, which says what else there is. Whether a directory holds a base is found out elsewhere.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator

from kilnmark.protocol.picture.catalog import VARIANTS

__all__ = ["Bases", "Bits", "known_variant", "quantizable", "standins"]

Bits = Literal[3, 4, 5, 6, 8] | None


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


def known_variant(variant: str, bases: Mapping[str, str]) -> str:
    """A variant that can be held, beside bases of these names.

    Raises:
        ValueError: it is none.
    """
    if variant not in bases and variant in bases.values() and variant not in VARIANTS:
        (name,) = (name for name, place in bases.items() if place == variant)
        problem = f"{variant!r} is in bases as {name!r}; give that name"
        raise ValueError(problem)
    if variant not in {**VARIANTS, **bases} and not Path(variant).is_absolute():
        problem = f"{variant!r} is neither one of {', '.join({**VARIANTS, **bases})} nor an absolute directory"
        raise ValueError(problem)
    return variant


def quantizable(quantize: Bits, variant: str, bases: Mapping[str, str]) -> Bits:
    """The bits that a variant can be quantized to; None keeps it as it is stored.

    Raises:
        ValueError: it cannot be.
    """
    place = bases.get(variant, variant)
    if quantize is not None and place in VARIANTS and VARIANTS[place].keeps_its_form:
        why = "holds thin factors" if VARIANTS[place].made_up else "is too narrow"
        problem = f"{place} {why} and cannot be quantized; leave quantize out"
        raise ValueError(problem)
    return quantize


Bases = Annotated[dict[str, str], AfterValidator(_check_bases)]
