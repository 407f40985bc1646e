"""The folders that a user's own files of this program live in, as their system has it."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from kilnmark.protocol.xdg import xdg_folder

__all__ = ["config_file", "data_folder", "journal_file", "state_folder"]


def data_folder(env: Mapping[str, str], *, platform: str, home: Path) -> Path:
    """The folder of pictures and adapters.

    `$XDG_DATA_HOME/kilnmark`, else on macOS `~/Library/Application Support/kilnmark`, else `~/.local/share/kilnmark`.
    """
    return _folder(env, "XDG_DATA_HOME", platform, home, ".local/share")


def config_file(env: Mapping[str, str], *, platform: str, home: Path) -> Path:
    """The file of settings that is read when no other is named; it need not be there.

    `config.toml` in `$XDG_CONFIG_HOME/kilnmark`, else on macOS in `~/Library/Application Support/kilnmark`, else in
    `~/.config/kilnmark`.
    """
    return _folder(env, "XDG_CONFIG_HOME", platform, home, ".config") / "config.toml"


def journal_file(env: Mapping[str, str], socket: Path, *, platform: str, home: Path) -> Path:
    """The file that the daemon of a socket keeps its jobs in, when no other is named.

    It is in the state folder. Its name is made of the socket's path, since two daemons cannot share one.
    """
    name = hashlib.sha256(os.fsencode(socket)).hexdigest()[:12]
    return state_folder(env, platform=platform, home=home) / f"jobs-{name}.sqlite"


def state_folder(env: Mapping[str, str], *, platform: str, home: Path) -> Path:
    """The folder of what outlives a start and is nobody's document.

    `$XDG_STATE_HOME/kilnmark`, else on macOS `~/Library/Application Support/kilnmark`, else `~/.local/state/kilnmark`.
    """
    return _folder(env, "XDG_STATE_HOME", platform, home, ".local/state")


def _folder(env: Mapping[str, str], name: str, platform: str, home: Path, elsewhere: str) -> Path:
    if (named := xdg_folder(env, name)) is not None:
        return Path(named) / "kilnmark"
    return home / ("Library/Application Support" if platform == "darwin" else elsewhere) / "kilnmark"
