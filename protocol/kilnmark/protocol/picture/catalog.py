"""Every family there is, one row each, with the variants that a daemon can serve; and the priorities of requests.

What a row can say is `family`'s part. Those of the product stand in `rows`. Further ones come from installed packages
that have an entry point in the group `kilnmark.families`: daemon, worker, client and keymaps find them by that alone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Literal, TypeVar, get_args

from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.family import Family, Variant
from kilnmark.protocol.picture.rows.flux1 import FLUX1
from kilnmark.protocol.picture.rows.flux2 import FLUX2
from kilnmark.protocol.picture.rows.flux3 import FLUX3
from kilnmark.protocol.picture.rows.krea2 import KREA2
from kilnmark.protocol.picture.rows.qwen_image import QWEN_IMAGE
from kilnmark.protocol.picture.rows.z_image import Z_IMAGE

__all__ = [
    "FAMILIES",
    "GROUP",
    "MAX_PIXELS",
    "PRIORITIES",
    "STANDIN",
    "USUAL",
    "VARIANTS",
    "Priority",
    "UnknownVariant",
    "UnusableFamily",
    "Variant",
    "family_of",
    "look_again",
    "row_of",
]

GROUP = "kilnmark.families"
"""The entry points that name further rows, each a `Family`."""

STANDIN = "standin"
"""The variant that needs no weights, where nobody says of which family."""

USUAL = "dev"
"""The variant that a tier's numbers and an adapter file are for where nobody says which."""

Priority = Literal["high", "normal", "low"]

PRIORITIES: tuple[Priority, ...] = get_args(Priority)
"""From the first served to the last."""

MAX_PIXELS = 2048 * 2048
"""The largest picture accepted, in pixels."""

_SHIPPED = (FLUX1, FLUX2, Z_IMAGE, KREA2, FLUX3, QWEN_IMAGE)


class UnusableFamily(KilnmarkError):
    """An installed package brings a family that cannot be used; the message names it and says why."""


class UnknownVariant(KilnmarkError):
    """No family has a variant of this name; the message has those that there are."""


_Row = TypeVar("_Row")


class _Found(Mapping[str, _Row]):
    """Rows by name, looked for when the first is asked for."""

    def __init__(self, find: Callable[[], Mapping[str, _Row]]) -> None:
        self._find = find

    def __getitem__(self, name: str) -> _Row:
        return self._find()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._find())

    def __len__(self) -> int:
        return len(self._find())


@cache
def _families() -> Mapping[str, Family]:
    found: dict[str, Family] = {}
    for family in (*_SHIPPED, *map(_installed, entry_points(group=GROUP))):
        taken = {name for other in found.values() for name in _names(other.variants)}
        if family.name in found or not taken.isdisjoint(_names(family.variants)):
            raise UnusableFamily(f"the family {family.name!r} or one of its variants is there already; uninstall one")
        found[family.name] = family
    return MappingProxyType(found)


@cache
def _variants() -> Mapping[str, Variant]:
    return MappingProxyType({variant.name: variant for family in FAMILIES.values() for variant in family.variants})


def _installed(entry: EntryPoint) -> Family:
    try:
        family = entry.load()
    except Exception as error:  # whatever somebody else's module raises
        raise UnusableFamily(f"{_origin(entry)} cannot be imported: {error}; mend or uninstall it") from error
    if not isinstance(family, Family) or {variant.family for variant in family.variants} != {family.name}:
        raise UnusableFamily(f"{_origin(entry)} is no Family with variants of its own; mend or uninstall it")
    return family


def _origin(entry: EntryPoint) -> str:
    package = entry.dist.name if entry.dist else "a package"
    return f"the family {entry.name!r} of {package} ({entry.value})"


def _names(variants: Iterable[Variant]) -> list[str]:
    return [variant.name for variant in variants]


FAMILIES: Mapping[str, Family] = _Found(_families)
"""Every family by name, those of the product first. Reading it raises UnusableFamily where an installed one is none."""

VARIANTS: Mapping[str, Variant] = _Found(_variants)
"""Every variant of every family by name; raises as `FAMILIES` does."""


def look_again() -> None:
    """Forget which packages were found; the next reader looks for them again."""
    _families.cache_clear()
    _variants.cache_clear()


def row_of(name: str, counts_as: Mapping[str, str] = MappingProxyType({})) -> Variant:
    """What is known of a base.

    Args:
        name: A variant's, or a key of `counts_as`.
        counts_as: Names of bases that are given as directories, each with the variant that its weights are.

    Raises:
        UnknownVariant: It is neither.
    """
    variant = counts_as.get(name, name)
    if variant not in VARIANTS:
        raise UnknownVariant(f"{name!r} is no known variant; known are {', '.join(VARIANTS)}")
    return VARIANTS[variant]


def family_of(variant: Variant) -> Family:
    """The family that a variant is of."""
    return FAMILIES[variant.family]
