"""The `lab` group: the lab is named, never imported, until one of its commands is asked for."""

import click

from kilnmark.client.cli.parts import PartGroup

__all__ = ["lab"]


@click.group(cls=PartGroup, where="kilnmark.lab.cli.main:lab")
def lab() -> None:
    """From pictures to an adapter that production trusts.

    Every command is safe to repeat, and goes on where it stopped.
    """
