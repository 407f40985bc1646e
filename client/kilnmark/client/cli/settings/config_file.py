"""A configuration file: TOML with one key a setting, and the line that each key stands at.

What the values mean is not known here. Every command knows the error; TOML's reader waits for a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kilnmark.protocol.errors import KilnmarkError

__all__ = ["ConfigFile", "UnreadableConfig", "read_config"]


class UnreadableConfig(KilnmarkError):
    """The file is not there, or no TOML; the message says which file, where in it and why."""


@dataclass(frozen=True)
class ConfigFile:
    """What stands in a file.

    Attributes:
        path: Absolute.
        values: By key, as TOML has them.
        lines: Where each key stands first, counted from 1.
    """

    path: Path
    values: Mapping[str, object]
    lines: Mapping[str, int]


def read_config(path: Path) -> ConfigFile:
    """Read a file.

    Raises:
        UnreadableConfig: saying where and why.
    """
    import tomllib

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8"
        raise UnreadableConfig(f"{path} cannot be read: {reason}") from error
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UnreadableConfig(f"{path} is no TOML: {error}") from error
    return ConfigFile(path, values, _lines(text))


def _lines(text: str) -> dict[str, int]:
    """TOML's reader tells no lines: a key stands where the first part of the file that has it goes beyond the last."""
    import tomllib

    lines = text.split("\n")
    found: dict[str, int] = {}
    begun = 1
    for count in range(1, len(lines) + 1):
        try:
            values = tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue
        found |= {key: begun for key in values if key not in found}
        begun = count + 1
    return found
