"""The packages that this product asks for, and which of them are here: by their metadata alone, none is imported."""

import re
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, requires, version
from operator import ge, gt, le, lt
from typing import NamedTuple

__all__ = ["HEART", "Required", "has_daemon", "required"]

HEART = ("mflux", "mlx", "uvloop")
"""Without any of these nobody meant to install a daemon."""

_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[^]]*\])?\s*(?P<bounds>[^;]*)(?:;(?P<marker>.*))?")
_BOUND = re.compile(r"(>=|<=|==|<|>)\s*([\w.]+)")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([\w-]+)""")
_HOLDS: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {">=": ge, "<=": le, "<": lt, ">": gt}


class Required(NamedTuple):
    """One package that is asked for.

    Attributes:
        name: As its index has it.
        bounds: On its version, as they are written.
        extra: Of this product; empty: everybody needs it.
        installed: Its version here; None: it is not.
    """

    name: str
    bounds: str
    extra: str
    installed: str | None

    @property
    def fits(self) -> bool:
        """Whether it is here in a version that is taken."""
        if self.installed is None:
            return False
        here = _numbers(self.installed)
        return all(
            here == _numbers(bound) if how == "==" else _HOLDS[how](here, _numbers(bound))
            for how, bound in _BOUND.findall(self.bounds)
        )


def required() -> list[Required]:
    """Every package that this product asks for, its extras' included."""
    found = []
    for line in requires("kilnmark") or []:
        parts = _REQUIREMENT.match(line)
        if parts is None or parts["name"] == "kilnmark":
            continue
        extra = _EXTRA.search(parts["marker"] or "")
        name = parts["name"]
        found.append(Required(name, parts["bounds"].strip(" ()"), extra[1] if extra else "", _installed(name)))
    return found


def has_daemon(packages: Iterable[Required]) -> bool:
    """Whether somebody meant to install a daemon here."""
    return any(package.installed for package in packages if package.name in HEART)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _numbers(written: str) -> tuple[int, ...]:
    """The release of a version, without zeros at its end."""
    found = re.match(r"\d+(?:\.\d+)*", written)
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
