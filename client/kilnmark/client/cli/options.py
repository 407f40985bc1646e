"""The options that commands share, and those that need reading: an adapter with its scale, a base, a size."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import click

from kilnmark.client.cli.paths import HomePath, home_path
from kilnmark.protocol.picture.block_scales import block_scales_problem
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.wire.stacks import ExtraLora

__all__ = [
    "NamedBase",
    "ScaledPath",
    "WholeNumber",
    "draft_option",
    "extra_lora_option",
    "given_picture",
    "json_option",
    "named_base",
    "nbytes",
    "scaled_path",
    "seconds",
    "socket_option",
    "wants_json",
]

_UNITS = {"": 1, "B": 1, "MB": 10**6, "GB": 10**9, "MIB": 1 << 20, "GIB": 1 << 30}

F = TypeVar("F", bound=Callable[..., Any])


class WholeNumber(click.IntRange):
    """A whole number within bounds, which a refusal calls what it is."""

    name = "whole number"


class ScaledPath(NamedTuple):
    """An adapter file and the scale it is asked for with; `blocks` are its scales on some blocks, by their patterns."""

    path: str
    scale: float
    blocks: Mapping[str, float] = MappingProxyType({})


def scaled_path(value: str) -> ScaledPath:
    """Read `PATH[:SCALE[,BLOCKS=SCALE]...]`, cut at the last colon if a scale, or one of some blocks, follows it.

    A file that exists under the whole name wins, so that a name with a colon and a number in it can be given. A leading
    `~` is the home that it stands for.
    """
    value = home_path(value)
    path, colon, said = value.rpartition(":")
    parts = said.split(",") if colon and not Path(value).is_file() else []
    scale = _number(parts[0]) if parts else None
    if scale is not None:
        parts = parts[1:]
    elif not parts or "=" not in said or "/" in said:
        path, scale, parts = value, 1.0, []
    if not path:
        raise click.BadParameter(f"{value!r} names no file; give PATH or PATH:SCALE")
    return ScaledPath(path, 1.0 if scale is None else scale, _block_scales(parts))


def _block_scales(parts: Sequence[str]) -> Mapping[str, float]:
    """Read `BLOCKS=SCALE`, one after the other."""
    found: dict[str, float] = {}
    for part in parts:
        blocks, _, number = part.partition("=")
        scale = _number(number)
        if scale is None:
            raise click.BadParameter(f"{part!r} is no scale of some blocks; give BLOCKS=SCALE, as in single.20-37=0.5")
        if blocks in found:
            raise click.BadParameter(f"{blocks!r} stands twice; give it one scale")
        found[blocks] = scale
    if problem := block_scales_problem(found):
        raise click.BadParameter(problem[1])
    return MappingProxyType(found)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def given_picture(file: str, *, inline: bool) -> str | bytes:
    """What is sent of a picture: its path, or its bytes where it is to be sent whole."""
    if not inline:
        return file
    try:
        return Path(home_path(file)).read_bytes()
    except OSError as error:
        raise click.BadParameter(f"{file!r} cannot be read: {error.strerror}") from error


def seconds(value: str) -> float:
    """Read a bound in seconds."""
    number = _number(value)
    if number is None or not 0 < number < math.inf:
        raise click.BadParameter(f"{value!r} is no number of seconds above zero")
    return number


class NamedBase(NamedTuple):
    """A base that requests may name: `place` is an absolute directory, or a name of the catalog."""

    name: str
    place: str


def named_base(value: str, folder: Path = Path()) -> NamedBase:
    """Read `NAME=DIR`, or a catalog's name or a directory alone, which is then its own name.

    Args:
        value: As it was written.
        folder: What a relative directory is meant from.
    """
    if value in VARIANTS:
        return NamedBase(value, value)
    value = home_path(value)
    if value and (folder / value).is_dir():
        place = str((folder / value).absolute())
        return NamedBase(place, place)
    name, equals, place = value.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{value!r} is neither a directory nor one of {', '.join(VARIANTS)} nor NAME=DIR")
    if place in VARIANTS and VARIANTS[place].made_up:
        return NamedBase(name, place)
    place = home_path(place)
    if not place or not (folder / place).is_dir():
        raise click.BadParameter(f"{place!r} is no directory")
    return NamedBase(name, str((folder / place).absolute()))


def nbytes(value: str) -> int:
    """Read a size: bytes, or a number with MB, GB, MiB or GiB behind it."""
    digits = value.rstrip("BGIMbgim ")
    unit = _UNITS.get(value[len(digits) :].strip().upper())
    number = _number(digits)
    if unit is None or number is None or not 0 <= number * unit < math.inf:
        raise click.BadParameter(f"{value!r} is no size; give bytes, or a number with MB, GB, MiB or GiB")
    return int(number * unit)


def socket_option(command: F) -> F:
    """Add `--socket`."""
    return click.option(
        "--socket",
        type=HomePath(),
        metavar="PATH",
        help="The daemon's socket. [default: $KILNMARK_SOCKET, else one in your runtime folder]",
    )(command)


def extra_lora_option(command: F) -> F:
    """Add `--extra-lora`, whose values come as they are sent."""
    return click.option(
        "--extra-lora",
        "extra_loras",
        type=scaled_path,
        multiple=True,
        metavar="PATH[:SCALE[,BLOCKS=SCALE]]",
        callback=lambda _context, _option, given: [_extra(each) for each in given],
        help="An adapter behind the stack of the genre, or of --lora; written as that. Repeatable, in stack order.",
    )(command)


def _extra(given: ScaledPath) -> ExtraLora:
    return ExtraLora(path=given.path, scale=given.scale, block_scales=dict(given.blocks))


def draft_option(command: F) -> F:
    """Add `--draft/--no-draft`, which is None where neither is given."""
    return click.option(
        "--draft/--no-draft",
        default=None,
        help="Small and in few steps, as the tier's draft has it, or whole. [default: a draft on stand-ins and CPUs]",
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
