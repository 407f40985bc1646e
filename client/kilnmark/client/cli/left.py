"""What a command says of renders that it gave up while no daemon was there, or none that listened, to be told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click

from kilnmark.client.errors import ConnectTimeout, ReplyTimeout, SilenceTimeout

__all__ = ["telling_uncancelled"]


class _LeavesRenders(Protocol):
    @property
    def uncancelled(self) -> tuple[str, ...]: ...


@contextmanager
def telling_uncancelled(client: _LeavesRenders, *, named: bool = False) -> Iterator[None]:
    """Name on stderr, once the block is left, each render that a daemon may go on to know, and what ends it.

    Args:
        named: It goes on without its caller, who chose its id.
    """
    daemon, heir = "is away", "the next one"
    try:
        yield
    except (ConnectTimeout, ReplyTimeout, SilenceTimeout):
        daemon, heir = "hangs", "it, or the next one,"
        raise
    finally:
        goes_on = "paints it" if named else "gives it up after a while (return_timeout)"
        for job_id in client.uncancelled:
            click.echo(
                f"the daemon {daemon}, so job {job_id} could not be cancelled: {heir} {goes_on}; "
                f"`kilnmark cancel {job_id}` ends it then",
                err=True,
            )
