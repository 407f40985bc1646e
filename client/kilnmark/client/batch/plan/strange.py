"""What stands where packs are looked for and is none: links that lead nowhere, devices, pipes. Each is told of.

A file among packs is nobody's mistake, nor is a hidden name. What is in a pack is read by `sources`.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from kilnmark.client.batch.plan.subjects import Kind
from kilnmark.protocol.content.problems import Problem

__all__ = ["nothing_found", "strange_entries"]

_MEND = "remove it, or put a folder in its place"


def strange_entries(root: Path, genres: Sequence[str], *, among_genres: bool) -> list[Problem]:
    """A problem for each.

    Args:
        root: The folder of packs.
        genres: Those whose worlds are looked through.
        among_genres: Look among the genres themselves, too.
    """
    problems = _of_folder(root, "") if among_genres else []
    for genre in genres:
        worlds = f"{genre}/worlds"
        if (reason := _reason(root / worlds)) is not None:
            problems.append(_problem(worlds, reason))
        elif (root / worlds).is_file():
            problems.append(_problem(worlds, "is a file, where the folders of worlds should be"))
        else:
            problems += _of_folder(root, worlds)
    return problems


def nothing_found(kind: Kind, file: str, where: Iterable[tuple[str, str | None]]) -> Problem:
    """That no place which was looked into has a source of a kind at all."""
    count = len(list(where))
    looked = f"none of {count} genres and worlds here has one" if count else "there is no genre here"
    message = f"{looked}; write {file}, or name another folder of packs (no {kind} can be painted)"
    return Problem(file=file, line=0, message=message)


def _of_folder(root: Path, path: str) -> list[Problem]:
    """Of all that is directly in a folder; none where it cannot be listed, which is told elsewhere."""
    try:
        names = sorted(name for name in os.listdir(root / path) if not name.startswith("."))  # noqa: PTH208 - names
    except OSError:
        return []
    found = [(f"{path}/{name}" if path else name, _reason(root / path / name)) for name in names]
    return [_problem(place, reason) for place, reason in found if reason is not None]


def _reason(path: Path) -> str | None:
    """What is wrong with it; None for a folder, a file, and nothing at all."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "is a link that leads nowhere" if path.is_symlink() else None
    except NotADirectoryError:
        return None
    except OSError as error:
        return f"cannot be followed ({error.strerror or error})"
    return None if stat.S_ISDIR(mode) or stat.S_ISREG(mode) else "is neither a folder nor a file"


def _problem(place: str, reason: str) -> Problem:
    return Problem(file=place, line=0, message=f"{reason}; {_MEND}")
