"""The options that commands share, and the one that needs reading: an adapter with its scale."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

__all__ = ["ScaledPath", "json_option", "scaled_path", "seconds", "socket_option", "wants_json"]

F = TypeVar("F", bound=Callable[..., Any])


class ScaledPath(NamedTuple):
    """An adapter file and the scale it is asked for with."""

    path: str
    scale: float


def scaled_path(value: str) -> ScaledPath:
    """Read `PATH[:SCALE]`, cut at the last colon if a number follows it.

    A file that exists under the whole name wins, so that a name with a colon and a number in it can be given.
    """
    path, colon, number = value.rpartition(":")
    scale = _number(number)
    if not colon or scale is None or Path(value).is_file():
        path, scale = value, 1.0
    if not path:
        raise click.BadParameter(f"{value!r} names no file; give PATH or PATH:SCALE")
    return ScaledPath(path, scale)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def seconds(value: str) -> float:
    """Read a bound in seconds."""
    number = _number(value)
    if number is None or not 0 < number < math.inf:
        raise click.BadParameter(f"{value!r} is no number of seconds above zero")
    return number


def socket_option(command: F) -> F:
    """Add `--socket`."""
    return click.option(
        "--socket",
        type=click.Path(),
        metavar="PATH",
        help="The daemon's socket. [default: $KILNMARK_SOCKET, else one in your runtime folder]",
    )(command)


def json_option(command: F) -> F:
    """Add `--json`."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Put one JSON document on stdout and everything else on stderr."
    )(command)


def wants_json(arguments: list[str]) -> bool:
    """Whether `--json` was given, asked before the command line is understood: its mistakes are documents too."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return "--json" in arguments[:end]
