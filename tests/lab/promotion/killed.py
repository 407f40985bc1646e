"""`python -m tests.lab.promotion.killed PACKS`: promotions that are killed at every sync and rename, and many at once.

Each is a process of its own, forked from one that has no other thread. What came of them is printed as JSON.
"""

import json
import os
import sys
from functools import partial
from pathlib import Path

from kilnmark.client.pack_files import PackFolder
from kilnmark.lab.promotion.promote import promote
from kilnmark.protocol.content.promoted import load_promotions
from tests.killed import Place, crowded, kills
from tests.lab.promotion.candidates import candidate

OLD, NEW = "a" * 64, "b" * 64
PLACES: tuple[Place, ...] = (
    (os, "fsync"),
    (os, "rename"),
    (os, "replace"),
    (Path, "replace"),
    (Path, "open"),
)


def promoted(packs: Path) -> list[str]:
    """The hashes in the manifest, which is read whole or fails."""
    return [each.sha256 for each in load_promotions(PackFolder(packs), "ink").manifest.promoted]


def promote_new(packs: Path) -> None:
    promote(candidate(packs / "x", NEW), packs, "ink", signed_by="Ada")


def killed_in(packs: Path) -> dict[str, object]:
    """Promotions, one after another, until one is not killed any more."""

    def begun(_: int) -> partial[None]:
        (packs / "ink" / "loras.yaml").unlink(missing_ok=True)
        promote(candidate(packs / "x", OLD), packs, "ink", signed_by="Ada")
        return partial(promote_new, packs)

    came = []
    for count, _ in kills(PLACES, begun):
        came.append(promoted(packs))
        promote(candidate(packs / "x", NEW), packs, "ink", signed_by="Ada", patience=0)
        if promoted(packs) != [NEW]:
            raise AssertionError(count)
    return {"kills": len(came) - 1, "old": came.count([OLD]), "new": came.count([NEW])}


def promote_one(packs: Path, sha256: str) -> None:
    promote(candidate(packs / "x", sha256, sha256[-4:]), packs, "ink", signed_by="Ada")


def crowd(packs: Path, size: int) -> list[str]:
    """So many at once, each with bytes of its own; what stands in the manifest then."""
    (packs / "ink" / "loras.yaml").unlink(missing_ok=True)
    hashes = [f"{i:064x}" for i in range(size)]
    crowded([partial(promote_one, packs, one) for one in hashes])
    return promoted(packs)


if __name__ == "__main__":
    root = Path(sys.argv[1])
    sys.stdout.write(json.dumps({**killed_in(root), "crowd": sorted(crowd(root, 12))}))
