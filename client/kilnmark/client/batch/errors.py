"""What can stop a whole batch: its folder, the manifest in it, or a base that was named to count prompts with.

One picture that fails stops nothing and is no error here. Each stores facts and words them when it is printed.

    ClientError (kilnmark.client.errors)
    └── BatchError
        ├── BrokenManifest         a folder of pictures whose manifest cannot be read
        ├── CannotPublish          accepted pictures cannot be put into a place
        ├── FolderInUse            two batches at once in one folder
        ├── FolderUnusable         the folder of a batch cannot be written to
        ├── NoSuchPicture          a decision about a picture that the folder does not have
        ├── PicksHeld              another writer of `picks.yaml` does not end
        ├── NotPaintedAgain        an entry cannot be painted again now
        └── NoTokenizers           a base was named to count prompts with, and it has no tokenizers
"""

import shlex

from kilnmark.client.errors import ClientError

__all__ = [
    "BatchError",
    "BrokenManifest",
    "CannotPublish",
    "FolderInUse",
    "FolderUnusable",
    "NoSuchPicture",
    "NoTokenizers",
    "NotPaintedAgain",
    "PicksHeld",
]


class BatchError(ClientError):
    """The root of the errors that stop a batch."""

    kind = "batch"


class BrokenManifest(BatchError):
    """The manifest beside the pictures is there and cannot be read.

    Args:
        path: The file.
        reason: What is wrong with it.
        mend: What to do about it.
    """

    kind = "broken_manifest"
    retryable = False

    def __init__(
        self,
        path: str,
        reason: str,
        mend: str = "mend it, or move it away: the pictures beside it that can still be recognised are then not "
        "painted again",
    ) -> None:
        super().__init__(path, reason, mend)
        self.path = path
        self.reason = reason
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.path} cannot be used: {self.reason}; {self.mend}"


class CannotPublish(BatchError):
    """Accepted pictures cannot be put into a place.

    Args:
        where: The place, or the file in it.
        reason: What stood in the way.
        mend: What to do.
    """

    kind = "cannot_publish"

    def __init__(self, where: str, reason: str, mend: str) -> None:
        super().__init__(where, reason, mend)
        self.where = where
        self.reason = reason
        self.mend = mend

    def __str__(self) -> str:
        return f"nothing can be published to {self.where}: {self.reason}; {self.mend}"


class FolderInUse(BatchError):
    """Another batch writes into the folder.

    Args:
        path: The folder.
    """

    kind = "folder_in_use"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"another batch writes into {self.path}; wait until it is done, or give this one another --out"


class FolderUnusable(BatchError):
    """A folder that pictures are to be put into does not take them.

    Args:
        path: The folder.
        reason: What stood in the way.
    """

    kind = "folder_unusable"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"nothing can be written into {self.path}: {self.reason}; make room, or give another --out"


class NoSuchPicture(BatchError):
    """Something is decided about a picture that is not there as it was looked at.

    Args:
        folder: Of the batch.
        file: The picture.
        reason: Why it cannot be decided about.
    """

    kind = "no_such_picture"
    retryable = False

    def __init__(self, folder: str, file: str, reason: str) -> None:
        super().__init__(folder, file, reason)
        self.folder = folder
        self.file = file
        self.reason = reason

    def __str__(self) -> str:
        mend = f"look at its page again, or at `kilnmark picks show {shlex.quote(self.folder)}`"
        return f"nothing was decided about {self.file} in {self.folder}: {self.reason}; {mend}"


class PicksHeld(BatchError):
    """Another process writes a file of picks and does not end.

    Args:
        path: The file.
        seconds: That it was waited for.
    """

    kind = "picks_held"

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__(path, seconds)
        self.path = path
        self.seconds = seconds

    def __str__(self) -> str:
        return (
            f"another process has held {self.path} for {self.seconds:g} seconds, so that nothing was decided; "
            "try again when it is done"
        )


class NotPaintedAgain(BatchError):
    """An entry whose picture is reviewed cannot be painted again now.

    Args:
        reason: Why, and what to do.
    """

    kind = "not_painted_again"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"it is not painted again: {self.reason}"


class NoTokenizers(BatchError):
    """The tokenizers of a base that was named cannot be used.

    Args:
        path: Its directory.
        reason: What is wrong with them.
    """

    kind = "no_tokenizers"
    retryable = False

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"prompts cannot be counted with the tokenizers in {self.path}: {self.reason}; "
            "name a base that has them, or none to have the counts estimated"
        )
