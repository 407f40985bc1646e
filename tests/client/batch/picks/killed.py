"""`python -m tests.client.batch.picks.killed FOLDER`: writers killed at every sync and rename, and many at once.

Each is a process of its own, forked from one that has no other thread. What came of them is printed as JSON.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kilnmark.client.batch.picks.file import PicksFiles, read_picks
from kilnmark.client.batch.picks.said import EntryName, PickedPicture, Picks, PickWord
from kilnmark.client.batch.picks.saying import moment_now, said_of


def accept(folder: Path, name: str) -> None:
    """Accept the picture of one entry."""

    def change(picks: Picks) -> Picks:
        pick = picks.of_entry(EntryName.of("ash", None, "poi", name, "landscape"))
        picture = PickedPicture(sha256="a" * 64)
        return picks.with_entry(said_of(pick, picture, PickWord.ACCEPTED, by=name, reason="", now=moment_now()))

    PicksFiles.of(folder, patience=30).change(change)


def decided(folder: Path) -> list[str]:
    """The entries that stand in the file, which is read whole or fails."""
    return [each.entry.name for each in read_picks(folder / "picks.yaml").entries]


def forked(work: Callable[[], object]) -> int:
    """Do it in another process; its pid."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def dying_at(count: int, folder: Path) -> None:
    """Decide, and die before the so-many-th call that the disk hears of."""
    calls = iter(range(1, 100))

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            if next(calls) == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **named)

        return call

    places = ((os, "fsync"), (os, "replace"), (Path, "replace"), (Path, "open"), (os, "open"), (Path, "unlink"))
    for place, name in places:
        setattr(place, name, dying(getattr(place, name)))
    accept(folder, "new")


def kills(folder: Path) -> dict[str, object]:
    """One after another, until one is not killed any more."""
    came = []
    for count in range(1, 100):
        (folder / "picks.yaml").unlink(missing_ok=True)
        accept(folder, "old")
        pid = forked(lambda count=count: dying_at(count, folder))  # type: ignore[misc]
        killed = os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        came.append(decided(folder))
        accept(folder, "later")
        if not {"later", "old"} <= set(decided(folder)) or list(folder.glob(".*.partial")):
            raise AssertionError(count)
        if not killed:
            return {"kills": count - 1, "old": came.count(["old"]), "new": came.count(["new", "old"])}
    raise AssertionError("it never came to its end")


def crowd(folder: Path, size: int) -> list[str]:
    """So many at once, each about an entry of its own; what stands in the file then."""
    (folder / "picks.yaml").unlink(missing_ok=True)
    pids = [forked(lambda name=f"{i:02}": accept(folder, name)) for i in range(size)]  # type: ignore[misc]
    for pid in pids:
        os.waitpid(pid, 0)
    return decided(folder)


if __name__ == "__main__":
    root = Path(sys.argv[1])
    sys.stdout.write(json.dumps({**kills(root), "crowd": crowd(root, 12)}))
