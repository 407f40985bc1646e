"""Machines' networks on this one: a namespace each, joined by a bridge, whose cables can be pulled."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Cable", "Network", "network"]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Cable:
    """What joins one machine to the others.

    Attributes:
        space: The machine's network namespace.
    """

    def __init__(self, space: str, ours: str) -> None:
        self.space = space
        self._ours = ours

    def pull(self) -> None:
        """Nothing comes through any more, and nobody is told."""
        _ip("link", "set", self._ours, "nomaster")

    def plug(self, bridge: str) -> None:
        """It is as before."""
        _ip("link", "set", self._ours, "master", bridge)


class Network:
    """A bridge, and a cable to each machine.

    Attributes:
        address: Of this side, which the broker listens on.
        bridge: Its name.
    """

    def __init__(self, number: int) -> None:
        self._subnet = f"10.{64 + number % 128}.{number // 128 % 250}"
        self.address = f"{self._subnet}.254"
        self.bridge = f"kf{number}b"
        self._prefix = f"kf{number}"
        self._cables: list[Cable] = []

    def begin(self) -> None:
        """Have the bridge."""
        _ip("link", "add", self.bridge, "type", "bridge")
        _ip("addr", "add", f"{self.address}/24", "dev", self.bridge)
        _ip("link", "set", self.bridge, "up")

    def cable(self) -> Cable:
        """One more machine's."""
        number = len(self._cables) + 1
        space, ours, theirs = f"{self._prefix}n{number}", f"{self._prefix}v{number}", f"{self._prefix}w{number}"
        _ip("netns", "add", space)
        cable = Cable(space, ours)
        self._cables.append(cable)
        _ip("link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", space)
        _ip("link", "set", ours, "master", self.bridge, "up")
        inside = ("netns", "exec", space, "ip")
        _ip(*inside, "addr", "add", f"{self._subnet}.{number}/24", "dev", theirs)
        _ip(*inside, "link", "set", theirs, "up")
        _ip(*inside, "link", "set", "lo", "up")
        return cable

    def end(self) -> None:
        """Take all of it away."""
        for cable in self._cables:
            subprocess.run(["ip", "netns", "del", cable.space], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", self.bridge], check=False, capture_output=True)


@contextmanager
def network() -> Iterator[Network]:
    """A network until the block ends. It wants root's rights."""
    made = Network(os.getpid() % 100_000)
    try:
        made.begin()
        yield made
    finally:
        made.end()
