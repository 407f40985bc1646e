"""The folders that the XDG Base Directory Specification lets a user choose by variables: one rule for every part.

A variable that is unset, empty or no absolute path counts for nothing, as the specification has it; what is used then
is for whoever asks. What another library makes of these variables is not told here.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath

__all__ = ["XDG_FOLDERS", "ignored_folders", "xdg_folder"]

XDG_FOLDERS = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")
"""Those that this product goes by."""


def xdg_folder(env: Mapping[str, str], name: str) -> PurePosixPath | None:
    """The folder that a variable names; None where it counts for nothing.

    Args:
        env: The environment's variables.
        name: One of `XDG_FOLDERS`.
    """
    named = PurePosixPath(env.get(name, ""))
    return named if named.is_absolute() else None


def ignored_folders(env: Mapping[str, str]) -> list[str]:
    """Those variables that are set and count for nothing, because they are no absolute paths."""
    return [name for name in XDG_FOLDERS if env.get(name) and xdg_folder(env, name) is None]
