"""A leading `~` of a path that a person or a program gives: the home that it stands for.

Shells put it in only where a word begins with it, not in `--out=~/x`, and nobody does in Python. Whatever takes paths
from outside asks here or gives them to `HomePath`; in documents and on the wire `~` stands for nothing, since whoever
reads those has a home of its own.
"""

import os

__all__ = ["expanded"]


def expanded(path: str | os.PathLike[str]) -> str:
    """The path with its `~` or `~name` as that home; as it is where it has none, or nobody of that name is known."""
    return os.path.expanduser(os.fspath(path))  # noqa: PTH111 - a last slash counts
