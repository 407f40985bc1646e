"""What an HTTP status or a broken connection means for a call that may have to be paid.

The two SDKs are made by one generator, and their errors have the same fields; which status means what stands here once.
"""

import re
from collections.abc import Mapping

from kilnmark.lab.judging.errors import AskingRefused, JudgeUnreachable, KeyRefused
from kilnmark.lab.judging.talk import Doubtful, TurnedAway
from kilnmark.protocol.printable import printable

__all__ = ["NOT_SENT", "Wording", "of_connection", "of_status"]

_TOO_MANY = (429, 503, 529)
"""Statuses of a server that has not begun: too many requests, not available, overloaded."""
_KEY = (401, 403)
_SERVER = 500

NOT_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "ProxyError", "LocalProtocolError")
"""Errors of the transport before anything of a call was sent, by name: the SDKs bring one of two libraries."""

_LONGEST = 300


class Wording:
    """What a server says, made fit to be shown and kept: on one line, short, and without the key.

    Args:
        key: What must stand nowhere; empty: there is none.
    """

    def __init__(self, key: str) -> None:
        self._key = key

    def of(self, text: str) -> str:
        """The words."""
        bare = text.replace(self._key, "(the key)") if self._key else text
        line = printable(re.sub(r"\s+", " ", bare).strip())
        return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def of_status(
    status: int, said: str, headers: Mapping[str, str], *, base_url: str, variable: str
) -> TurnedAway | Doubtful:
    """What a call that ended with a status other than success comes to.

    Args:
        status: The HTTP status.
        said: What the server said, fit to be shown.
        headers: Of its reply.
        base_url: Whom it was.
        variable: Where the key is from.

    Raises:
        KeyRefused: The key is not taken.
        AskingRefused: It cannot be asked so, or it points elsewhere: pictures go where they were told to go, only.
    """
    if status in _KEY:
        raise KeyRefused(variable, base_url, status, said)
    if status in _TOO_MANY:
        return TurnedAway(f"{status}: {said}", _after(headers.get("retry-after", "")))
    if status >= _SERVER:
        return Doubtful(f"the server failed with {status}: {said}")
    if status < 400:  # noqa: PLR2004 - a redirect, which is not followed
        raise AskingRefused(base_url, status, "it points elsewhere, and pictures go to no other address than this one")
    raise AskingRefused(base_url, status, said)


def of_connection(cause: BaseException | None, said: str, base_url: str) -> Doubtful:
    """What a call that ended without a reply comes to.

    Args:
        cause: The transport's own error.
        said: What it says, fit to be shown.
        base_url: Whom it was.

    Raises:
        JudgeUnreachable: Nothing was sent.
    """
    name = type(cause).__name__
    if name in NOT_SENT:
        raise JudgeUnreachable(base_url, f"{name}: {said}" if said else name)
    return Doubtful(f"the connection ended before the reply did ({name}{': ' if said else ''}{said})")


def _after(header: str) -> float | None:
    """Seconds; the form with a date is left to our own patience."""
    return float(header) if re.fullmatch(r"\d{1,6}(\.\d+)?", header) else None
