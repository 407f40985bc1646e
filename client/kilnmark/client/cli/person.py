"""Who decides, where a command is not told: the login of whoever runs it."""

import getpass

__all__ = ["login"]


def login() -> str:
    """A name; empty where this user has none, as in some containers."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
