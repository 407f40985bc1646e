"""From everything that was said to one model of settings, with the origin of each value, or every problem at once."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from kilnmark.client.cli.folders import config_file, data_folder, journal_file
from kilnmark.client.cli.settings.config_file import ConfigFile, UnreadableConfig, read_config
from kilnmark.client.cli.settings.sources import (
    CONFIG_VARIABLE,
    SaidSetting,
    fields,
    in_environment,
    in_file,
    in_options,
    variable_of,
)
from kilnmark.client.cli.settings.texts import EXPECTED, read_value, resolved_variant
from kilnmark.protocol.printable import printable
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.address import default_socket_path

__all__ = ["Gathered", "Surroundings", "gather"]


@dataclass(frozen=True)
class Surroundings:
    """What a command finds itself in.

    Attributes:
        env: The variables.
        platform: As `sys.platform` names it.
        home: The user's home.
        uid: The user's number.
        here: The current folder.
    """

    env: Mapping[str, str]
    platform: str
    home: Path
    uid: int
    here: Path


@dataclass(frozen=True)
class Gathered:
    """The settings, and who said each.

    Attributes:
        settings: Checked; every path in them is absolute.
        said: By setting.
        file: The file that was read; None: there was none.
    """

    settings: Settings
    said: Mapping[str, SaidSetting]
    file: Path | None


def gather(options: Mapping[str, object], config: str | None, around: Surroundings) -> Gathered:
    """Take each setting from the first that says it: an option, a variable, the file, else its default.

    Args:
        options: By setting, as the command line has them.
        config: The file that was named, if one was.
        around: Everything else.

    Raises:
        click.UsageError: naming every wrong key and value with its place and its mend.
    """
    problems: list[str] = []
    read = _file(config, around)
    said = {each.field: each for each in _defaults(around)}
    said |= {each.field: each for each in in_file(read, problems)} if read else {}
    said |= {each.field: each for each in in_environment(around.env, problems)}
    said |= {each.field: each for each in in_options(options)}
    values, unread = _values(said, around.here)
    problems += unread.values()
    if "socket" in values and "journal" not in unread:
        values.setdefault("journal", _journal(values, around))
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        problems += [_objection(said, each) for each in wrong if _counts(each, unread)]
    if problems:
        raise click.UsageError("\n".join(map(printable, problems)))
    return Gathered(settings, said, read.path if read else None)


def _file(named: str | None, around: Surroundings) -> ConfigFile | None:
    """The file that was named, which must be there; else the one in its usual place, if it is."""
    named = named or around.env.get(CONFIG_VARIABLE)
    usual = config_file(around.env, platform=around.platform, home=around.home)
    try:
        if not named and not usual.exists():
            return None
    except OSError:
        pass  # it may be there, and reading it tells why nobody can know
    try:
        return read_config((around.here / Path(named or usual).expanduser()).absolute())
    except UnreadableConfig as error:
        problem = printable(f"{error}; mend it, or name another with --config or ${CONFIG_VARIABLE}")
        raise click.UsageError(problem) from error


def _defaults(around: Surroundings) -> Iterator[SaidSetting]:
    """Those of the class, and those that the place decides."""
    data = data_folder(around.env, platform=around.platform, home=around.home)
    unnamed = {name: value for name, value in around.env.items() if name != variable_of("socket")}
    placed: dict[str, object] = {
        "socket": Path(default_socket_path(unnamed, platform=around.platform, uid=around.uid)),
        "output_dir": data / "pictures",
        "lora_roots": (*_own(around), data / "loras"),
    }
    for field in fields():
        yield SaidSetting(field, placed.get(field), "default", "default")


def _own(around: Surroundings) -> tuple[Path, ...]:
    """The current folder, where it can be meant: a service starts in `/`, and nobody means the whole disk by that."""
    return () if around.here == Path(around.here.anchor) else (around.here,)


def _journal(values: Mapping[str, object], around: Surroundings) -> Path:
    """Where the daemon of that socket keeps its jobs, where nobody says it."""
    return journal_file(around.env, Path(str(values["socket"])), platform=around.platform, home=around.home)


def _values(said: Mapping[str, SaidSetting], here: Path) -> tuple[dict[str, object], dict[str, str]]:
    """What the model is to check, read by its kind, and the problem of each that could not be read.

    Defaults of the class are left to it.
    """
    values: dict[str, Any] = {}
    unread: dict[str, str] = {}
    for field, told in fields().items():
        each = said[field]
        if each.origin == "default":
            values |= {} if each.given is None else {field: each.given}
            continue
        try:
            value = read_value(told.kind, each.given, here / each.folder)
            if told.kind == "base":
                value = resolved_variant(str(value), here / each.folder, list(values.get("bases") or {}))
            values[field] = value
        except (ValueError, OSError) as error:
            reason = f"{error.filename} cannot be looked at: {error.strerror}" if isinstance(error, OSError) else error
            unread[field] = f"{_place(each)}: {str(reason) or _not_as_expected(each)}; {each.mend}"
    return values, unread


def _counts(error: ErrorDetails, unread: Mapping[str, str]) -> bool:
    """Whether an objection of the model's is one to the values: not to those that are missing, or judged without."""
    field = error["loc"][0]
    judged_beside_others = error["type"] == "value_error" and not {"variant", "bases"}.isdisjoint(unread)
    return field not in unread and not judged_beside_others


def _objection(said: Mapping[str, SaidSetting], error: ErrorDetails) -> str:
    """The model's objection in the words of whoever said the value. Its rules between settings bring their own mend."""
    each = said[str(error["loc"][0])]
    if error["type"] == "value_error":
        return f"{_place(each)}: {error['ctx']['error']}"
    return f"{_place(each)}: {_not_as_expected(each)}; {each.mend}"


def _place(said: SaidSetting) -> str:
    return said.where if said.file is None else f"{said.where}: {said.field}"


def _not_as_expected(said: SaidSetting) -> str:
    given = ", ".join(map(str, said.given)) if isinstance(said.given, tuple) else said.given
    return f"{given!r} is not {expected(said.field)}"


def expected(field: str) -> str:
    """What a setting may be, a number with its bounds."""
    kind = fields()[field].kind
    if kind == "word":
        return f"{EXPECTED[kind]} {fields()[field].metavar.replace('|', ', ')}"
    if kind not in ("count", "seconds"):
        return EXPECTED[kind]
    bounds = Settings.model_fields[field].metadata
    above = any(getattr(bound, "gt", None) == 0 for bound in bounds)
    least = max(getattr(bound, "ge", 0) for bound in bounds)
    most = min(getattr(bound, "le", math.inf) for bound in bounds)
    return f"{EXPECTED[kind]} {'above 0' if above else f'from {least:,}'} up to {most:,}"
