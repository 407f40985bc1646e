"""`python -m tests.client.batch.picks.killed FOLDER`: writers killed at every sync and rename, and many at once.

Each is a process of its own, forked from one that has no other thread. What came of them is printed as JSON.
"""

import json
import os
import sys
from functools import partial
from pathlib import Path

from kilnmark.client.batch.picks.file import PicksFiles, read_picks
from kilnmark.client.batch.picks.said import EntryName, PickedPicture, Picks, PickWord
from kilnmark.client.batch.picks.saying import moment_now, said_of
from tests.killed import Place, crowded, kills

PLACES: tuple[Place, ...] = (
    (os, "fsync"),
    (os, "replace"),
    (Path, "replace"),
    (Path, "open"),
    (os, "open"),
    (Path, "unlink"),
)


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


def killed_in(folder: Path) -> dict[str, object]:
    """Decisions, one after another, until one is not killed any more."""

    def begun(_: int) -> partial[None]:
        (folder / "picks.yaml").unlink(missing_ok=True)
        accept(folder, "old")
        return partial(accept, folder, "new")

    came = []
    for count, _ in kills(PLACES, begun):
        came.append(decided(folder))
        accept(folder, "later")
        if not {"later", "old"} <= set(decided(folder)) or list(folder.glob(".*.partial")):
            raise AssertionError(count)
    return {"kills": len(came) - 1, "old": came.count(["old"]), "new": came.count(["new", "old"])}


def crowd(folder: Path, size: int) -> list[str]:
    """So many at once, each about an entry of its own; what stands in the file then."""
    (folder / "picks.yaml").unlink(missing_ok=True)
    crowded([partial(accept, folder, f"{i:02}") for i in range(size)])
    return decided(folder)


if __name__ == "__main__":
    root = Path(sys.argv[1])
    sys.stdout.write(json.dumps({**killed_in(root), "crowd": crowd(root, 12)}))
