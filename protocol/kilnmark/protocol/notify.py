"""Where the end of a job may be told: which addresses are allowed, by the hosts that somebody named.

The daemon asks before it takes a request in, and whoever tells asks again. Nothing is resolved or sent here.
"""

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

__all__ = ["checked_hosts", "notify_host", "notify_problem"]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that http is good enough for, since nothing of it leaves the machine."""

_HOST = re.compile(r"([A-Za-z0-9_-][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")

_PORTS = {"https": 443, "http": 80}


def notify_problem(address: str, hosts: Iterable[str]) -> str | None:
    """Why an address is not one to be told of a job, and what to do; None: it is one.

    A host is allowed by its whole name, as it is written and not as it resolves, at its scheme's own port unless the
    name has a port behind it. Nothing below it is allowed with it.

    Args:
        address: As it was asked for.
        hosts: As `checked_hosts` has them: `HOST` or `HOST:PORT`, each.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        return f"{address[:200]!r} is no address ({error}); give one such as https://example.org/told"
    if problem := _unfit(address, parts, host):
        return f"{address[:200]!r} {problem}"
    named = notify_host(host, port or _PORTS[parts.scheme], parts.scheme)
    allowed = sorted(hosts)
    if named in allowed:
        return None
    known = f"it allows {', '.join(allowed)}" if allowed else "it allows none"
    return (
        f"the host {named} is not allowed (notify_hosts): {known}; start the daemon with --notify-host {named}, or "
        "leave notify_url out"
    )


def checked_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Hosts that may be told of jobs, as they are compared.

    Raises:
        ValueError: one is no host.
    """
    for each in hosts:
        if not _HOST.fullmatch(each):
            problem = f"{each!r} is no host; give a name as it stands in addresses, such as example.org or [::1]:8080"
            raise ValueError(problem)
    return tuple(each.lower() for each in hosts)


def notify_host(host: str, port: int, scheme: str) -> str:
    """A host as `notify_hosts` names it: with its port, unless that is the scheme's own."""
    bracketed = f"[{host}]" if ":" in host else host
    return bracketed if port == _PORTS[scheme] else f"{bracketed}:{port}"


def _unfit(address: str, parts: SplitResult, host: str) -> str | None:
    """What is wrong with an address whatever its host is."""
    if parts.scheme not in _PORTS or not host:
        return "is no address of https; give one such as https://example.org/told"
    if parts.scheme == "http" and host not in LOOPBACK:
        return "is of http, which is read on the way; give one of https (http is for this machine alone)"
    if parts.username is not None or parts.password is not None:
        return "has a name or a password in it, which would stand in the journal; leave them out"
    if parts.fragment:
        return "has a fragment, which is never sent; leave it out"
    if not address.isascii() or not address.isprintable() or " " in address:
        return "has characters that no address has; write them as %20 and the like"
    return None
