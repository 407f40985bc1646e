"""One message sent once: to the address that was meant and to no other, in bounded time.

A name is looked up once, and what it leads to is what is connected to. Redirects are not followed.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.notify import LOOPBACK

__all__ = ["NotTaken", "post", "resolved"]

TIMEOUT: Final = 10.0
"""Seconds that connecting, and each read and write, may take."""

ANSWERED_IN: Final = 15.0
"""Seconds that all of it may take once it is connected, however little at a time an answer comes in."""

_LATER_LIMIT: Final = 1 << 10
"""Bytes of an answer that are read; what it says is nobody's to act on."""

_OF_THIS_NETWORK: Final = (".local", ".lan", ".internal", ".home.arpa")
"""Names that mean machines of one's own network, by RFC 6762, RFC 8375 and custom."""

_GONE: Final = 410

_Lookup = Callable[..., Iterable[tuple[Any, Any, int, str, tuple[Any, ...]]]]


class NotTaken(KilnmarkError):
    """A message was not taken.

    Args:
        reason: Why.
        for_ever: Sending it again is of no use.
    """

    def __init__(self, reason: str, *, for_ever: bool = False) -> None:
        super().__init__(reason, for_ever)
        self.reason = reason
        self.for_ever = for_ever

    def __str__(self) -> str:
        return self.reason


def resolved(host: str, port: int, lookup: _Lookup = socket.getaddrinfo) -> str:
    """The address that a host leads to, if it may.

    A name that somebody else rules could lead to this machine or into its network: only names that mean one of it, and
    addresses that were written as such, may.

    Raises:
        NotTaken: It leads nowhere, or where it may not.
    """
    try:
        found = [str(entry[4][0]) for entry in lookup(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise NotTaken(f"{host} is not known ({getattr(error, 'strerror', '') or error})") from error
    written = host in LOOPBACK or _is_address(host)
    for address in found:
        if written or _may_lead_to(host, ipaddress.ip_address(address.partition("%")[0])):
            return address
    raise NotTaken(f"{host} leads to {', '.join(found)}, which is not reached by a name of the open network")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _may_lead_to(host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if address.is_global and not address.is_multicast:
        return True
    return host.endswith(_OF_THIS_NETWORK) and address.is_private and not (address.is_loopback or address.is_link_local)


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    context: ssl.SSLContext | None = None,
    within: float = ANSWERED_IN,
) -> None:
    """Send once. It blocks, so an event loop gives it to a thread.

    Args:
        url: Where.
        body: What.
        headers: With what.
        context: Whom https trusts; None: whom the system does.
        within: In seconds.

    Raises:
        NotTaken: It was not taken, and why.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    secure = (context or ssl.create_default_context()) if parts.scheme == "https" else None
    connection = _Connection(host, port, resolved(host, port), secure)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    ending = threading.Timer(within, connection.cut)
    ending.daemon = True
    ending.start()
    try:
        connection.request("POST", path, body, dict(headers))
        answer = connection.getresponse()
        with suppress(OSError, http.client.HTTPException):
            answer.read(_LATER_LIMIT)
    except (OSError, http.client.HTTPException, ValueError) as error:
        told = f"no answer in {within:g} s" if connection.was_cut else str(error) or type(error).__name__
        raise NotTaken(f"{host} did not take it ({told})") from error
    finally:
        ending.cancel()
        connection.close()
    if answer.status // 100 != 2:  # noqa: PLR2004 - of HTTP
        redirected = ", and redirects are not followed" if answer.status // 100 == 3 else ""  # noqa: PLR2004 - as above
        raise NotTaken(f"{host} answered {answer.status}{redirected}", for_ever=answer.status == _GONE)


class _Connection(http.client.HTTPConnection):
    """To an address that was looked up already, under the name that it was looked up by."""

    def __init__(self, host: str, port: int, address: str, secure: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=TIMEOUT)
        self._address = address
        self._secure = secure
        self.was_cut = False

    def connect(self) -> None:
        """Connect to the address, and shake hands where it can be cut."""
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._secure is None:
            return
        secured = self._secure.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock = secured
        secured.do_handshake()

    def cut(self) -> None:
        """End it, from another thread: whoever reads or writes is told at once."""
        self.was_cut = True
        with suppress(OSError):
            if self.sock is not None:
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
