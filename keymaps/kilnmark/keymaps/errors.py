"""Why an adapter file is not taken, or not written. The errors store facts and word them once, so that every reader of
a refusal learns which file, which key, and what to do.

    RefusedFile
    ├── MissingFile     nothing is there
    ├── OutsideRoots    it may not be read
    ├── ExchangedFile   it holds something else than it was let in with
    ├── UnsafeFile      not a regular, whole, well-formed safetensors file
    └── UnfitAdapter    safe, but its tensors cannot be applied exactly to this model

    RefusedPicture      a file that no picture starts from
    UnusableGoal        the path that a remapped file is to go to
    UnusableScales      scales for some blocks that cannot be meant
"""

from kilnmark.protocol.errors import KilnmarkError

__all__ = [
    "ExchangedFile",
    "MissingFile",
    "OutsideRoots",
    "RefusedFile",
    "RefusedPicture",
    "UnfitAdapter",
    "UnsafeFile",
    "UnusableGoal",
    "UnusableScales",
    "cut",
    "shorten",
]

SHOWN_NAME = 120
"""Characters of a key that a message repeats; names in a file can be as long as its header."""


def shorten(name: str) -> str:
    """A name as a message may show it: quoted, escaped, and cut when it is absurdly long."""
    return repr(cut(name))


def cut(name: str) -> str:
    """The same without quotes: whole, unless it is absurdly long."""
    return name if len(name) <= SHOWN_NAME else name[:SHOWN_NAME] + "..."


class RefusedFile(KilnmarkError):
    """An adapter file that is not applied, not even in part.

    Attributes:
        path: The file, as far as it was resolved.
        problem: What is wrong, without a full stop.
        mend: What a person can do about it, without a full stop.
        key: The tensor at fault; None when it is the file as a whole.
    """

    def __init__(self, path: str, problem: str, mend: str, *, key: str | None = None) -> None:
        super().__init__(path, problem, mend, key)
        self.path = path
        self.problem = problem
        self.mend = mend
        self.key = key

    def __str__(self) -> str:
        where = "" if self.key is None else f"key {shorten(self.key)}: "
        return f"{self.path}: {where}{self.problem}; {self.mend}"


class MissingFile(RefusedFile):
    """No such file, here or below any of the adapter roots."""


class OutsideRoots(RefusedFile):
    """The path leads to a place that adapters are not read from."""


class ExchangedFile(RefusedFile):
    """The file holds something else than it did when it was let in."""


class UnsafeFile(RefusedFile):
    """Not a regular, complete, well-formed safetensors file that stayed the same while it was read."""


class UnfitAdapter(RefusedFile):
    """A safe file whose tensors do not make updates for this model."""


class RefusedPicture(KilnmarkError):
    """A file that no picture starts from: it is not there, may not be read, is no picture, or too large a one.

    Attributes:
        path: The file, as far as it was resolved.
        problem: What is wrong, without a full stop.
        mend: What a person can do about it, without a full stop.
    """

    def __init__(self, path: str, problem: str, mend: str) -> None:
        super().__init__(path, problem, mend)
        self.path = path
        self.problem = problem
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}; {self.mend}"


class UnusableGoal(KilnmarkError):
    """A path that is not written to.

    Attributes:
        path: As it was asked for.
        problem: What stands in the way.
        mend: What a person can do about it.
    """

    def __init__(self, path: str, problem: str, mend: str) -> None:
        super().__init__(path, problem, mend)
        self.path = path
        self.problem = problem
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}; {self.mend}"


class UnusableScales(KilnmarkError):
    """Scales for some blocks that cannot be meant, of a model or of an adapter.

    Attributes:
        problem: What is wrong, without a full stop.
        mend: What there is instead.
    """

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(problem, mend)
        self.problem = problem
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.problem}; {self.mend}"
