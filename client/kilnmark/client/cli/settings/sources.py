"""Who says what: options before variables before a file, each value with the place it was said in.

A key that no setting has is told with the one that was meant. Whether values are good is for `gather` to say.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kilnmark.client.cli.settings.config_file import ConfigFile
from kilnmark.protocol.settings import Settings, Told

__all__ = [
    "CONFIG_VARIABLE",
    "NO_SETTINGS",
    "PREFIX",
    "SaidSetting",
    "fields",
    "in_environment",
    "in_file",
    "in_options",
    "variable_of",
]

PREFIX = "KILNMARK_"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
"""Names the file."""

NO_SETTINGS = (CONFIG_VARIABLE, f"{PREFIX}FARM", f"{PREFIX}FARM_CREDENTIALS")
"""Variables that other commands read, and that a daemon may be started beside."""

Origin = Literal["default", "file", "environment", "option"]


@dataclass(frozen=True)
class SaidSetting:
    """What was said for one setting.

    Attributes:
        field: Its name; where no setting has it, the key as it was written.
        given: As it was written; None where only its origin counts.
        origin: The kind of place.
        where: The place for people: `--queue-limit`, `$KILNMARK_QUEUE_LIMIT`, `/etc/kilnmark.toml:3`, `default`.
        mend: What to do there about a value that is wrong.
        folder: What relative paths are meant from.
        file, line: Of a file.
    """

    field: str
    given: object
    origin: Origin
    where: str
    mend: str = ""
    folder: Path = Path()
    file: Path | None = None
    line: int | None = None


def fields() -> dict[str, Told]:
    """How people say each setting, by its name."""
    return {
        name: told for name, field in Settings.model_fields.items() for told in field.metadata if isinstance(told, Told)
    }


def variable_of(field: str) -> str:
    """The variable of a setting."""
    return PREFIX + field.upper()


def in_options(options: Mapping[str, object]) -> Iterator[SaidSetting]:
    """What the command line says.

    Args:
        options: By setting; None and an empty list: it was not given.
    """
    for field, told in fields().items():
        if (given := options.get(field)) not in (None, ()):
            yield SaidSetting(field, given, "option", told.option, "give another")


def in_environment(env: Mapping[str, str], problems: list[str]) -> Iterator[SaidSetting]:
    """What the variables say. An empty value counts as unset.

    Args:
        env: All variables; those with our prefix are read.
        problems: Is added to for each variable that no setting has.
    """
    known = {variable_of(field): field for field in fields()}
    for name in sorted(env):
        if not name.startswith(PREFIX) or name in NO_SETTINGS or not env[name]:
            continue
        if name in known:
            yield SaidSetting(known[name], env[name], "environment", f"${name}", "set it to another, or unset it")
        else:
            meant = _meant(name, [*known, *NO_SETTINGS], "unset it")
            problems.append(f"${name}: there is no such variable; {meant}")


def in_file(config: ConfigFile, problems: list[str]) -> Iterator[SaidSetting]:
    """What a file says.

    Args:
        config: The file.
        problems: Is added to for each key that no setting has.
    """
    known = list(fields())
    for key, given in config.values.items():
        line = config.lines[key]
        where = f"{config.path}:{line}"
        if key in known:
            mend = "mend the line, or take it out"
            yield SaidSetting(key, given, "file", where, mend, config.path.parent, config.path, line)
        else:
            problems.append(f"{where}: there is no setting {key!r}; {_meant(key, known, 'take the line out')}")


def _meant(written: str, known: Iterable[str], otherwise: str) -> str:
    """The mend of a key that is not known: the nearest that is, as far as one is near."""
    names = {_bare(name): name for name in known}
    near = difflib.get_close_matches(_bare(written), names, n=1, cutoff=0.6)
    return f"did you mean {names[near[0]]}?" if near else f"{otherwise}; `kilnmark serve --help` lists the settings"


def _bare(name: str) -> str:
    """What tells one name from another: neither case nor separators nor the prefix, which all variables share."""
    return name.lower().replace("-", "_").removeprefix(PREFIX.lower())
