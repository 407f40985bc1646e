"""The options that commands of the farm share: where its broker is, and as whom it is asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kilnmark.client.cli.paths import HomePath
from kilnmark.farm.broker.credentials import ADDRESS_VARIABLE, VARIABLE, FarmCredentials, load_credentials

__all__ = ["credentials_of", "farm_options"]

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
        help=f"The broker: nats://HOST:PORT, or tls://. [env: {ADDRESS_VARIABLE}; default: as the credentials say]",
    )(command)


def credentials_of(said: Path | None) -> FarmCredentials | None:
    """Whoever asks. Raises `FarmNotUsable` where the credentials cannot be read."""
    return load_credentials(said)
