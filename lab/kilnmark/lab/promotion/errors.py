"""What stops a promotion, each with what to do. Nothing is promoted or demoted then."""

from kilnmark.lab.errors import LabError, NotFit
from kilnmark.protocol.exits import ExitCode

__all__ = ["ManifestLost", "NotPromotable", "PromotionHeld", "PromotionRefused"]


class PromotionRefused(NotFit):
    """An adapter may not be promoted: nothing shows yet that it may be trusted.

    Args:
        what: The adapter.
        reason: What is missing, or speaks against it.
        mend: What to do.
    """

    kind = "promotion_refused"
    exit_code = ExitCode.NOT_ENGAGED
    _before = "{what} "


class NotPromotable(NotFit):
    """What is to be promoted or demoted cannot be meant.

    Args:
        what: As it was asked for.
        reason: What is wrong with it.
        mend: What to do.
    """

    kind = "not_promotable"
    exit_code = ExitCode.USAGE
    _before = "{what} "


class PromotionHeld(LabError):
    """Another promotion is under way in the genre.

    Args:
        folder: The genre's.
        seconds: How long it was waited for.
    """

    kind = "promotion_held"
    retryable = True
    exit_code = ExitCode.TRY_AGAIN

    def __init__(self, folder: str, seconds: float) -> None:
        super().__init__(folder, seconds)
        self.folder = folder
        self.seconds = seconds

    def __str__(self) -> str:
        return f"another promotion in {self.folder} did not end within {self.seconds:g} seconds; wait until it does"


class ManifestLost(LabError):
    """The manifest of a genre cannot be written; the one that was there stays.

    Args:
        path: Where it lies.
        reason: Why.
    """

    kind = "manifest_lost"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path} cannot be written ({self.reason}), and is as it was; make it writable, and try again"
