"""What stops a sweep or a deployment, each with what to do.

A cell that could not be painted stops none; it is told with the cell.
"""

from collections.abc import Sequence

from kilnmark.lab.errors import LabError, NotFit, NotReady
from kilnmark.protocol.exits import ExitCode

__all__ = ["CannotDeploy", "CannotPick", "NoRoot", "NothingToSweep"]


class NothingToSweep(NotReady):
    """A run has nothing that could be painted.

    Args:
        reason: What is missing.
        mend: What to do.
    """

    kind = "nothing_to_sweep"
    exit_code = ExitCode.USAGE


class NoRoot(LabError):
    """The daemon reads adapters neither from the run's folder nor from where copies are to lie.

    Args:
        folder: The one that it does not read from.
        roots: Those that it does.
    """

    kind = "no_root"
    exit_code = ExitCode.USAGE

    def __init__(self, folder: str, roots: Sequence[str]) -> None:
        super().__init__(folder, tuple(roots))
        self.folder = folder
        self.roots = tuple(roots)

    def __str__(self) -> str:
        said = f"the daemon reads no adapter from {self.folder}"
        if not self.roots:
            return f"{said}, nor from anywhere; start it with --lora-root {self.folder}"
        listed = ", ".join(self.roots)
        return f"{said}; name one of its folders ({listed}), or one below, as `root` of [sweep] in run.toml"


class CannotPick(NotReady):
    """A checkpoint cannot be picked.

    Args:
        reason: Why.
        mend: What to do.
    """

    kind = "cannot_pick"
    exit_code = ExitCode.USAGE


class CannotDeploy(NotFit):
    """The picked adapter cannot be put where it is wanted; what was there is as it was.

    Args:
        what: Where, or the run that has nothing for it.
        reason: Why.
        mend: What to do.
    """

    kind = "cannot_deploy"
