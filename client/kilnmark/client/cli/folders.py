"""The folders that a user's own files of this program live in, as their system has it."""

from collections.abc import Mapping
from pathlib import Path

__all__ = ["config_file", "data_folder"]


def data_folder(env: Mapping[str, str], *, platform: str, home: Path) -> Path:
    """The folder of pictures and adapters.

    `$XDG_DATA_HOME/kilnmark`, else on macOS `~/Library/Application Support/kilnmark`, else `~/.local/share/kilnmark`.
    """
    return _folder(env.get("XDG_DATA_HOME"), platform, home, ".local/share")


def config_file(env: Mapping[str, str], *, platform: str, home: Path) -> Path:
    """The file of settings that is read when no other is named; it need not be there.

    `config.toml` in `$XDG_CONFIG_HOME/kilnmark`, else on macOS in `~/Library/Application Support/kilnmark`, else in
    `~/.config/kilnmark`.
    """
    return _folder(env.get("XDG_CONFIG_HOME"), platform, home, ".config") / "config.toml"


def _folder(named: str | None, platform: str, home: Path, elsewhere: str) -> Path:
    if named:
        return Path(named) / "kilnmark"
    return home / ("Library/Application Support" if platform == "darwin" else elsewhere) / "kilnmark"
