"""Which file a path means, and whether files of its kind may be read from there.

The rule alone, without opening anything, so that the daemon can answer for a path long before the file is read.
"""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kilnmark.keymaps.errors import MissingFile, OutsideRoots, UnsafeFile

__all__ = ["ADAPTER", "PICTURE", "AnyPath", "Wanted", "locate", "locate_beside"]

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What sort of file is looked for, for the words of a refusal.

    Attributes:
        name: What people call it.
        option: Of the daemon, which names the folders that it may be read from.
        file: What should be given instead of a path that is none.
        small: What should be given instead of a file that is too large.
    """

    name: str
    option: str
    file: str
    small: str


ADAPTER = Wanted("adapter", "--lora-root", "a safetensors file", "an adapter, not a whole model")
PICTURE = Wanted("image", "--image-root", "a picture's file", "a smaller picture")


def locate(path: AnyPath, roots: Sequence[AnyPath] | None = None, wanted: Wanted = ADAPTER) -> Path:
    """The real path of a file, every symbolic link resolved.

    Args:
        path: Absolute, or relative to one of the roots, which are tried in order.
        roots: Directories that such files may be read from; what a link below them leads to must lie below them too.
            None allows every place and takes a relative path from the current directory.
        wanted: What is looked for.

    Raises:
        MissingFile: Nothing is there.
        OutsideRoots: It lies below none of the roots.
        UnsafeFile: The path cannot be followed at all.
    """
    text = os.fspath(path)
    if roots is None:
        return _resolve(text, text, wanted)
    tried = [_real(root) for root in roots]
    if not tried:
        raise OutsideRoots(text, f"no {wanted.name} root is set", f"start the daemon with {wanted.option} DIRECTORY")
    missing: MissingFile | None = None
    for root in tried:
        try:
            found = _resolve(os.path.join(root, text), text, wanted)  # noqa: PTH118 - a last slash counts
            return _below(found, tried, text, wanted)
        except MissingFile as error:
            missing = error
    if Path(text).is_absolute() and missing is not None:
        _below(_real(text), tried, text, wanted)
        raise missing
    raise MissingFile(text, f"no such file below {_listed(tried)}", _mend(text, _THERE))


def locate_beside(path: AnyPath, folder: AnyPath, roots: Sequence[AnyPath], wanted: Wanted = ADAPTER) -> Path:
    """The real path of a file that a document names.

    Args:
        path: Absolute, or relative to the document's folder, else to one of the roots.
        folder: The one that the document is in.
        roots: As for `locate`; the document's folder is none of them by itself.
        wanted: What is looked for.

    Raises:
        RefusedFile: As `locate` does.
    """
    try:
        return locate(os.path.join(folder, path), roots, wanted)  # noqa: PTH118 - as bytes of a path, not yet resolved
    except MissingFile:
        pass
    try:
        return locate(path, roots, wanted)
    except MissingFile as error:
        problem = f"no such file in {os.fspath(folder)}, nor below {_listed([Path(root) for root in roots])}"
        raise MissingFile(os.fspath(path), problem, _mend(os.fspath(path), _THERE)) from error


def _resolve(candidate: str, asked: str, wanted: Wanted) -> Path:
    try:
        resolved = os.path.realpath(candidate, strict=True)
        resolved.encode()
    except ValueError as error:
        raise UnsafeFile(repr(asked), f"is not a path ({error})", f"give the path of {wanted.file}") from error
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise _missing(candidate, asked) from error
        raise UnsafeFile(asked, f"cannot be reached ({error.strerror})", "give a path that can be followed") from error
    if candidate.endswith(("/", "/.")) and not os.path.isdir(resolved):  # noqa: PTH112 - as bytes of a path
        raise UnsafeFile(asked, "names a folder by its end, and is a file", "leave out what follows the file's name")
    return Path(resolved)


def _real(path: AnyPath) -> Path:
    """As far as it is there."""
    try:
        return Path(os.path.realpath(path))
    except OSError as error:  # what was a link a moment ago is none
        raise UnsafeFile(os.fspath(path), "was moved while it was looked for", "wait, and try again") from error


def _missing(candidate: str, asked: str) -> MissingFile:
    if os.path.islink(candidate):  # noqa: PTH114 - as bytes of a path that may not be followed
        return MissingFile(asked, "is a link to a file that is not there", "fetch that file, or check the path")
    return MissingFile(asked, "no such file", _mend(asked, "check the path"))


_THERE = "check the name, or put the file there"


def _mend(asked: str, usual: str) -> str:
    """Nobody's home is meant here: who reads a document or a request has another than who wrote it."""
    return "write the whole path: `~` stands for no home here" if asked.startswith("~") else usual


def _below(resolved: Path, roots: Sequence[Path], asked: str, wanted: Wanted) -> Path:
    if any(resolved.is_relative_to(root) for root in roots):
        return resolved
    raise OutsideRoots(
        asked,
        f"lies outside the {wanted.name} roots ({_listed(roots)})",
        f"move it below one of them, or start the daemon with another {wanted.option}",
    )


def _listed(roots: Sequence[Path]) -> str:
    return ", ".join(str(root) for root in roots)
