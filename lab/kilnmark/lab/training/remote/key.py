"""The key of a remote: read from the environment alone, held where no message, log or state shows it.

Whatever a remote says goes through `Key.hidden` before anybody sees or keeps it: some repeat the key in their errors.
"""

import os

from kilnmark.lab.training.errors import KeyUnusable

__all__ = ["Key", "read_key"]

_SHOWN_INSTEAD = "[key]"


class Key:
    """A secret that prints as nothing.

    Args:
        secret: What is sent.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return "Key()"

    def revealed(self) -> str:
        """What is sent, for the one place that sends it."""
        return self._secret

    def hidden(self, text: str) -> str:
        """A text without the key."""
        return text.replace(self._secret, _SHOWN_INSTEAD)


def read_key(variable: str) -> Key:
    """The key from an environment variable.

    Raises:
        KeyUnusable: It is not set, or holds what no header can.
    """
    secret = os.environ.get(variable, "").strip()
    if not secret:
        raise KeyUnusable(variable, "is not set, and the remote wants a key")
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise KeyUnusable(variable, "holds characters that no key has")
    return Key(secret)
