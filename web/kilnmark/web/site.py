"""What all rooms of the web process are given: the link to the daemon, the tokens, and where it is served."""

from dataclasses import dataclass

from kilnmark.web.hooks.teller import Teller
from kilnmark.web.link import DaemonLink
from kilnmark.web.tokens import WebTokens

__all__ = ["WebSite"]


@dataclass(frozen=True)
class WebSite:
    """One web process.

    Attributes:
        link: To the daemon.
        tokens: By which people and programs are known.
        address: Where it is served, `http://127.0.0.1:7340`, without a slash at the end.
        hosts: Names that it answers to beside those of loopback, with their ports.
        hooks: Tells of jobs that ended; None: nobody does.
    """

    link: DaemonLink
    tokens: WebTokens
    address: str
    hosts: tuple[str, ...] = ()
    hooks: Teller | None = None

    @property
    def port(self) -> int:
        """The one that is listened on."""
        return int(self.address.rpartition(":")[2])
