"""The `farm` group: the farm is named, never imported, until one of its commands is asked for."""

import click

from kilnmark.client.cli.parts import PartGroup

__all__ = ["farm"]


@click.group(cls=PartGroup, where="kilnmark.farm.cli.main:farm", short_help="Many machines behind one queue.")
def farm() -> None:
    """Many machines behind one queue: a broker hands work out, and every machine's daemon paints.

    `up` starts the broker, `work` joins this machine's daemon, and `submit` hands work in. `kilnmark batch --farm` is a
    batch that many machines paint.
    """
