"""The root of what stops a step of the lab, and what all its rooms can run into.

Each class that is a room's own stands there. All store facts, word them when they are printed, and say how to mend it.
"""

import shlex
from typing import ClassVar

from kilnmark.client.errors import ClientError
from kilnmark.protocol.exits import ExitCode

__all__ = ["LabError", "NotFit", "NotInstalled", "NotReady", "RunInUse", "RunMissing", "RunUnusable"]


class LabError(ClientError):
    """The root of the errors that stop a step of the lab.

    Attributes:
        exit_code: How a command ends with it.
    """

    kind = "lab"
    retryable = False
    exit_code: ClassVar[ExitCode] = ExitCode.FAILED


class NotReady(LabError):
    """Something is missing, or is not so, that a step needs.

    Args:
        reason: What.
        mend: What to do.
    """

    _before: ClassVar[str] = ""
    """What a message begins with."""

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(reason, mend)
        self.reason = reason
        self.mend = mend

    def __str__(self) -> str:
        return f"{self._before}{self.reason}; {self.mend}"


class NotFit(LabError):
    """Something that a step is given, or works with, is not what it has to be.

    Args:
        what: Itself, as people name it: a file, an entry, an adapter.
        reason: What is wrong with it.
        mend: What to do.
    """

    _before: ClassVar[str] = "{what}: "
    """What a message begins with."""

    def __init__(self, what: str, reason: str, mend: str) -> None:
        super().__init__(what, reason, mend)
        self.what = what
        self.reason = reason
        self.mend = mend

    def __str__(self) -> str:
        return f"{self._before.format(what=self.what)}{self.reason}; {self.mend}"


class NotInstalled(LabError):
    """A step needs packages that only an extra installs.

    Args:
        what: The step.
        extra: The extra that has them.
    """

    kind = "not_installed"
    exit_code = ExitCode.USAGE

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(what, extra)
        self.what = what
        self.extra = extra

    def __str__(self) -> str:
        return f"{self.what} needs packages that are not installed; install kilnmark[{self.extra}]"


class RunMissing(LabError):
    """A folder is no run.

    Args:
        path: The folder.
    """

    kind = "no_run"
    exit_code = ExitCode.USAGE

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        make = f"kilnmark lab new {shlex.quote(self.path)} --kind KIND --dataset DIR --base VARIANT"
        return f"{self.path} is no run: there is no run.toml in it; name another folder, or make one with `{make}`"


class RunUnusable(NotFit):
    """A file of a run cannot be read or written.

    Args:
        what: The file.
        reason: What is wrong with it.
        mend: What to do.
    """

    kind = "run_unusable"
    exit_code = ExitCode.USAGE


class RunInUse(LabError):
    """Another command works in the run.

    Args:
        path: The run.
    """

    kind = "run_in_use"
    retryable = True
    exit_code = ExitCode.TRY_AGAIN

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"another command works in {self.path}; wait until it ends"
