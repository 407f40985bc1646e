"""What a command says of renders that it gave up while no daemon was there to be told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click

__all__ = ["telling_uncancelled"]


class _LeavesRenders(Protocol):
    @property
    def uncancelled(self) -> tuple[str, ...]: ...


@contextmanager
def telling_uncancelled(client: _LeavesRenders, *, named: bool = False) -> Iterator[None]:
    """Name on stderr, once the block is left, each render that the next daemon may know, and what ends it.

    Args:
        named: It goes on without its caller, who chose its id.
    """
    try:
        yield
    finally:
        goes_on = "paints it" if named else "gives it up after a while (return_timeout)"
        for job_id in client.uncancelled:
            click.echo(
                f"the daemon is away, so job {job_id} could not be cancelled: the next one {goes_on}; "
                f"`kilnmark cancel {job_id}` ends it then",
                err=True,
            )
