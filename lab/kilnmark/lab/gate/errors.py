"""What stops a verification before it has a verdict, each with what to do. An adapter that fails is no error."""

from kilnmark.lab.errors import LabError, NotReady
from kilnmark.protocol.exits import ExitCode

__all__ = ["LimitsUnusable", "NotSigned", "NothingToVerify"]


class LimitsUnusable(LabError):
    """What a run is to be held to cannot be meant.

    Args:
        figure: Of which figure.
        reason: What is wrong with it.
    """

    kind = "limits_unusable"
    exit_code = ExitCode.USAGE

    def __init__(self, figure: str, reason: str) -> None:
        super().__init__(figure, reason)
        self.figure = figure
        self.reason = reason

    def __str__(self) -> str:
        return f"verify.limits.{self.figure}: {self.reason}; mend it in run.toml"


class NothingToVerify(NotReady):
    """What is to be verified is not there, or not what it has to be.

    Args:
        reason: What is missing.
        mend: What to do.
    """

    kind = "nothing_to_verify"
    exit_code = ExitCode.USAGE


class NotSigned(NotReady):
    """A verification cannot be signed off.

    Args:
        reason: Why.
        mend: What to do.
    """

    kind = "not_signed"
    _before = "not signed: "
