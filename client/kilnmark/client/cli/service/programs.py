"""The programs of a system that speak for its service manager: run, heard out, and their failure worded."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kilnmark.client.cli.service.errors import ManagerFailed

__all__ = ["Step", "asked", "take"]

TIMEOUT = 600.0
"""Seconds one step may take: a daemon that ends may paint on for a while first."""

_AGAIN = 0.5
"""Seconds between tries of a step that may need several."""


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        command: Its words.
        may_fail: Its failure means that there was nothing to do.
        patience: Seconds for which it is tried again, where the manager is still busy with the step before.
    """

    command: tuple[str, ...]
    may_fail: bool = False
    patience: float = 0.0


def take(step: Step) -> None:
    """Take a step.

    Raises:
        ManagerFailed: it did not succeed and had to.
    """
    deadline = time.monotonic() + step.patience
    while True:
        done = asked(step.command)
        if done.returncode == 0 or step.may_fail:
            return
        if time.monotonic() >= deadline:
            raise ManagerFailed(step.command, _words(done))
        time.sleep(_AGAIN)


def asked(command: Sequence[str], env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """What a program answers, whether it succeeds or not.

    Args:
        command: Its words.
        env: Its variables; None: ours.

    Raises:
        ManagerFailed: it could not be run, or did not end.
    """
    try:
        return subprocess.run(  # noqa: S603 - our own words
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=TIMEOUT, check=False, env=env,
        )  # fmt: skip
    except OSError as error:
        raise ManagerFailed(command, error.strerror or str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise ManagerFailed(command, f"it did not end within {TIMEOUT:g} seconds") from error


def _words(done: "subprocess.CompletedProcess[str]") -> str:
    said = " ".join((done.stderr.strip() or done.stdout.strip()).split())
    return said or f"it ended with {done.returncode}"
