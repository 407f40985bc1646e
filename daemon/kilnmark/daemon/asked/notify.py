"""Where an end is to be told, held to the hosts that this daemon was told of."""

from kilnmark.protocol.notify import notify_problem
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import InvalidParams

__all__ = ["check_notify"]


def check_notify(address: str | None, settings: Settings) -> None:
    """Raises InvalidParams where an end is to be told at a host that nobody allowed; None: it is not to be told."""
    if address is not None and (problem := notify_problem(address, settings.notify_hosts)):
        raise InvalidParams(f"{problem} - at `$.params.notify_url`")
