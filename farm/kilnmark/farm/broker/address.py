"""Where a broker is said to be."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from kilnmark.farm.errors import FarmNotUsable

__all__ = ["is_encrypted", "servers_of"]


def servers_of(address: str) -> Sequence[str]:
    """The servers of an address, each as a URL; several are of one cluster, with commas between.

    Raises:
        FarmNotUsable: It is no address of a broker.
    """
    found = [each if "://" in each else f"nats://{each}" for each in map(str.strip, address.split(","))]
    for each in found:
        try:
            there = urlsplit(each)
            is_one = there.scheme in {"nats", "tls"} and there.hostname and there.port != 0
        except ValueError:
            is_one = False
        if not is_one:
            mend = "give nats://HOST:PORT or tls://HOST:PORT, or several of one cluster with commas between"
            raise FarmNotUsable(address or "--farm", f"is no address of a broker; {mend}")
    return found


def is_encrypted(address: str) -> bool:
    """Whether one of the servers of an address is to encrypt: then all of them have to."""
    return any(each.startswith("tls:") for each in servers_of(address))
