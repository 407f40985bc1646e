"""The options that commands of the farm share: where its broker is, and as whom it is asked."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kilnmark.client.cli.paths import HomePath
from kilnmark.farm.broker.credentials import VARIABLE, FarmCredentials, load_credentials
from kilnmark.farm.errors import FarmNotUsable

__all__ = ["ADDRESS_VARIABLE", "address_of", "credentials_of", "farm_options"]

ADDRESS_VARIABLE = "KILNMARK_FARM"
"""Of the environment: the broker's address."""

F = TypeVar("F", bound=Callable[..., Any])


def farm_options(command: F) -> F:
    """`--farm` and `--farm-credentials`, as `address` and `credentials`."""
    command = click.option(
        "--farm-credentials",
        "credentials",
        type=HomePath(dir_okay=False, path_type=Path),
        metavar="FILE",
        help=f"Who asks, as `kilnmark farm up` wrote it. [env: {VARIABLE}]",
    )(command)
    return click.option(
        "--farm",
        "address",
        metavar="URL",
        help=f"The broker: nats://HOST:PORT, or tls://HOST:PORT. [env: {ADDRESS_VARIABLE}]",
    )(command)


def address_of(said: str | None) -> str:
    """The broker that was named, by an option or the environment.

    Raises:
        FarmNotUsable: None was.
    """
    if address := said or os.environ.get(ADDRESS_VARIABLE):
        return address
    raise FarmNotUsable("--farm", f"no broker is named; give --farm, or {ADDRESS_VARIABLE}")


def credentials_of(said: Path | None) -> FarmCredentials | None:
    """Whoever asks. Raises `FarmNotUsable` where the credentials cannot be read."""
    return load_credentials(said)
