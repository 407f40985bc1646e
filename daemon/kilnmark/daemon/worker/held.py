"""That a daemon cannot hold the base which it was started for. Whether it ends then is decided in `daemon`."""

import shlex

from kilnmark.protocol.errors import KilnmarkError

__all__ = ["BaseNotHeld"]


class BaseNotHeld(KilnmarkError):
    """The base that a daemon is started for cannot be held.

    Args:
        variant: That one.
        reason: Why not.
    """

    def __init__(self, variant: str, reason: str) -> None:
        super().__init__(variant, reason)
        self.variant = variant
        self.reason = reason

    def __str__(self) -> str:
        doctor = f"`kilnmark doctor --variant {shlex.quote(self.variant)}` looks at what it needs"
        stays = "`kilnmark serve --keep-failed` stays and tries again"
        return f"the base {self.variant} cannot be held: {self.reason} ({doctor}; {stays})"
