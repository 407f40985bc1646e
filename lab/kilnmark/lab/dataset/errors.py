"""What keeps a dataset from being looked at, or its copies for trainers from being written."""

from kilnmark.lab.errors import LabError, NotFit
from kilnmark.protocol.exits import ExitCode

__all__ = ["DatasetChanged", "DatasetMissing", "DatasetRefused", "LayoutUnwritable", "NotPreflighted"]


class DatasetMissing(LabError):
    """There is no dataset at a path.

    Args:
        path: The path.
        reason: Why it is none.
    """

    kind = "no_dataset"
    exit_code = ExitCode.USAGE

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.path} {self.reason}; name a folder of pictures, its train.jsonl or a configuration of mflux-train"
        )


class DatasetRefused(LabError):
    """A dataset has flaws that it must not be trained with.

    Args:
        path: The dataset.
        problems: What was refused, in sentences.
    """

    kind = "dataset_refused"

    def __init__(self, path: str, problems: tuple[str, ...]) -> None:
        super().__init__(path, problems)
        self.path = path
        self.problems = problems

    def __str__(self) -> str:
        return f"{self.path} is not to be trained on: {'; '.join(self.problems)}"


class DatasetChanged(LabError):
    """A dataset is not any more what it was when it was looked at, or when its training began.

    Args:
        path: The dataset.
        since: When it was as it should be, in words.
        mend: What to do.
    """

    kind = "dataset_changed"

    def __init__(self, path: str, since: str, mend: str) -> None:
        super().__init__(path, since, mend)
        self.path = path
        self.since = since
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.path} has changed since {self.since}; {self.mend}"


class LayoutUnwritable(NotFit):
    """What a trainer reads cannot be written.

    Args:
        what: Where.
        reason: Why not.
        mend: What to do.
    """

    kind = "layout_unwritable"


class NotPreflighted(LabError):
    """A run's trainer has nothing to be given yet.

    Args:
        path: The run.
        reason: Why not.
    """

    kind = "not_preflighted"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}; run `kilnmark lab preflight --run {self.path}`"
