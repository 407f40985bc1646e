"""From what a person wrote for a setting to the value that it is, by its kind.

Text comes from options and variables, and from files, which have numbers and lists too. Bounds and the rules between
settings are the model's; what a message calls for is worded here, once a kind.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from kilnmark.client.cli.options import named_base, nbytes
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.settings import Kind

__all__ = ["EXPECTED", "read_value", "resolved_variant"]

EXPECTED: Mapping[Kind, str] = {
    "path": "a path",
    "folder": "a folder that is there",
    "folders": "folders that are there",
    "base": "a variant, a name of --base or a directory",
    "bases": "NAME=DIR, a directory or a variant, each",
    "bits": "3, 4, 5, 6 or 8",
    "word": "one of",
    "count": "a whole number",
    "seconds": "a number of seconds",
    "size": "a size: bytes, or a number with MB, GB, MiB or GiB behind it",
    "flag": "true or false",
    "hosts": "hosts such as example.org or example.org:8443",
}
"""What a value of each kind is to be, after "give"."""


def read_value(kind: Kind, given: object, folder: Path) -> object:
    """The value, of the type that the model has for it.

    Args:
        kind: How it is read.
        given: Text, or what a file has in its place: a number, a list, a table of bases.
        folder: What relative paths are meant from.

    Raises:
        ValueError: it is none of its kind; with a message where there is more to say than that.
        OSError: it is a path that cannot be looked at.
    """
    if kind in ("folders", "bases", "hosts"):
        return _MANY[kind](given, folder)
    if kind == "flag":
        return _flag(given)
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise ValueError  # noqa: TRY004 - a value like any other that is wrong
    return _ONE[kind](given, folder)


def resolved_variant(named: str, folder: Path, bases: Sequence[str]) -> str:
    """A variant or a name of the bases as it is; a directory as its absolute path.

    Raises:
        ValueError: it is none of these.
        OSError: it cannot be looked at.
    """
    if named in VARIANTS or named in bases:
        return named
    if _path(named, folder).is_dir():
        return str(_path(named, folder))
    known = ", ".join([*VARIANTS, *bases])
    raise ValueError(f"{named!r} is neither a directory nor one of {known}")


def _path(given: str | float, folder: Path) -> Path:
    """Absolute, with a leading `~` as the home it stands for."""
    if not isinstance(given, str) or not given:
        raise ValueError
    try:
        given.encode()
        return (folder / Path(given).expanduser()).absolute()
    except UnicodeEncodeError:
        raise ValueError(f"{given!r} is not UTF-8, as every path here must be") from None
    except RuntimeError:
        raise ValueError(f"{given!r} begins with somebody's home that is not known") from None


def _folder(given: str | float, folder: Path) -> Path:
    path = _path(given, folder)
    if not path.is_dir():
        raise ValueError(f"there is no folder {path}")
    return path


def _text(given: str | float, _folder: Path) -> str:
    if not isinstance(given, str) or not given:
        raise ValueError
    return given


def _whole(given: str | float, _folder: Path) -> int:
    number = _number(given)
    if not number.is_integer():
        raise ValueError
    return int(number)


def _seconds(given: str | float, _folder: Path) -> float:
    return _number(given)


def _number(given: str | float) -> float:
    try:
        return float(given)
    except (ValueError, OverflowError):
        raise ValueError from None


def _size(given: str | float, _folder: Path) -> int:
    try:
        return nbytes(given) if isinstance(given, str) else _whole(given, _folder)
    except click.BadParameter:
        raise ValueError from None


def _flag(given: object) -> bool:
    """The truth values of a file, and in a variable their words and the usual digits."""
    if isinstance(given, bool):
        return given
    words = {"true": True, "1": True, "false": False, "0": False}
    if not isinstance(given, str) or given.lower() not in words:
        raise ValueError
    return words[given.lower()]


def _folders(given: object, folder: Path) -> tuple[Path, ...]:
    return tuple(_folder(each, folder) for each in _listed(given))


def _bases(given: object, folder: Path) -> dict[str, str]:
    if isinstance(given, Mapping):
        given = [_pair(name, place) for name, place in given.items()]
    try:
        return dict(named_base(each, folder) for each in _listed(given))
    except click.BadParameter as error:
        raise ValueError(error.message) from error


def _hosts(given: object, _folder: Path) -> tuple[str, ...]:
    return tuple(_listed(given, ","))


def _pair(name: str, place: object) -> str:
    """A row of a table in the words of an option: a variant, and a directory that is its own name, stand alone."""
    return name if name == place and (name in VARIANTS or Path(name).is_absolute()) else f"{name}={place}"


def _listed(given: object, separator: str = os.pathsep) -> list[str]:
    """A list as it is; text cut at colons, as that of `PATH`, or at what stands for them."""
    many = given.split(separator) if isinstance(given, str) else given
    if not isinstance(many, list | tuple) or not all(isinstance(each, str) and each for each in many):
        raise ValueError
    return list(many)


_ONE: Mapping[Kind, Callable[[Any, Path], object]] = {
    "path": _path,
    "folder": _folder,
    "base": _text,
    "bits": _whole,
    "word": _text,
    "count": _whole,
    "seconds": _seconds,
    "size": _size,
}
_MANY: Mapping[Kind, Callable[[object, Path], object]] = {"folders": _folders, "bases": _bases, "hosts": _hosts}
